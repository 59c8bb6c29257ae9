//! The registry of this PC.

use windows_registry::{Key, LOCAL_MACHINE, USERS};

use crate::registry::{Hive, Registry, RegistryError, Value};

/// Windows' own. What can't be read is not there.
#[derive(Clone, Copy, Debug)]
pub struct WindowsRegistry;

impl Registry for WindowsRegistry {
    fn text(&self, hive: &Hive, key: &str, value: &str) -> Option<String> {
        open(hive, key)?.get_string(value).ok()
    }

    fn number(&self, hive: &Hive, key: &str, value: &str) -> Option<u32> {
        open(hive, key)?.get_u32(value).ok()
    }

    fn keys(&self, hive: &Hive, key: &str) -> Vec<String> {
        let key = open(hive, key);
        let keys = key.as_ref().and_then(|key| key.keys().ok());
        keys.into_iter().flatten().collect()
    }

    fn numbers(&self, hive: &Hive, key: &str) -> Vec<(String, u32)> {
        let key = open(hive, key);
        let values = key.as_ref().and_then(|key| key.values().ok());
        let values = values.into_iter().flatten();
        values
            .filter_map(|(name, value)| Some((name, value.try_into().ok()?)))
            .collect()
    }

    fn has_hive(&self, hive: &Hive) -> bool {
        open(hive, "").is_some()
    }

    fn value(&self, hive: &Hive, key: &str, value: &str) -> Option<Value> {
        let found = open(hive, key)?.get_value(value).ok()?;
        Some(Value {
            kind: found.ty().into(),
            bytes: found.to_vec(),
        })
    }

    fn set_value(
        &self,
        hive: &Hive,
        key: &str,
        value: &str,
        new: Option<&Value>,
    ) -> Result<(), RegistryError> {
        let changed = match new {
            Some(new) => {
                create(hive, key).and_then(|it| it.set_bytes(value, new.kind.into(), &new.bytes))
            }
            // One that is not there needs no deleting.
            None if self.value(hive, key, value).is_none() => Ok(()),
            None => create(hive, key).and_then(|it| it.remove_value(value)),
        };
        changed.map_err(|error| RegistryError {
            key: key.to_owned(),
            value: value.to_owned(),
            source: error.into(),
        })
    }
}

fn create(hive: &Hive, key: &str) -> windows_registry::Result<Key> {
    match hive {
        Hive::Machine => LOCAL_MACHINE.create(key),
        Hive::User(sid) => USERS.create(format!(r"{sid}\{key}")),
    }
}

fn open(hive: &Hive, key: &str) -> Option<Key> {
    match hive {
        Hive::Machine => LOCAL_MACHINE.open(key),
        Hive::User(sid) if key.is_empty() => USERS.open(sid),
        Hive::User(sid) => USERS.open(format!(r"{sid}\{key}")),
    }
    .ok()
}

/// In a registry that may be changed: Wine's.
#[cfg(all(test, not(target_env = "msvc")))]
mod tests {
    use winproc::{LoggedOn, Users};

    use super::*;
    use crate::proxy::ProxySetting;

    const KEY: &str = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings";

    fn value(kind: u32, bytes: &[u8]) -> Value {
        Value {
            kind,
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn a_users_proxy_is_set_and_put_back_byte_for_byte() {
        let sessions = LoggedOn.sessions().expect("sessions");
        let user = sessions.into_iter().find_map(|it| it.user);
        let sid = user.expect("Wine's user").sid.to_string();
        let hive = Hive::User(sid.clone());
        let registry = WindowsRegistry;
        let all = |names: [&str; 4]| names.map(|name| registry.value(&hive, KEY, name));
        let names = [
            "ProxyEnable",
            "ProxyServer",
            "ProxyOverride",
            "AutoConfigURL",
        ];
        let wines = all(names);
        // Types that nobody expects, and a text with something after its end.
        let odd = [
            None,
            Some(value(2, b"p\0:\0\0\0x\0\0\0")),
            Some(value(1, b"*\0.\0c\0\0\0")),
            Some(value(3, &[0, 255])),
        ];
        for (name, value) in names.into_iter().zip(&odd) {
            let set = registry.set_value(&hive, KEY, name, value.as_ref());
            set.expect("it is set");
        }
        let before = ProxySetting::read(&registry, &sid).expect("the hive is there");
        let ours = before.with("172.20.0.2:1080".parse().expect("an address"));
        ours.write(&registry, &sid).expect("it is written");
        assert_eq!(registry.number(&hive, KEY, "ProxyEnable"), Some(1));
        let server = registry.text(&hive, KEY, "ProxyServer");
        assert_eq!(server.as_deref(), Some("172.20.0.2:1080"));
        assert_eq!(all(names)[3], None);
        assert_eq!(ProxySetting::read(&registry, &sid), Some(ours));
        before.write(&registry, &sid).expect("it is written");
        assert_eq!(all(names), odd);
        for (name, value) in names.into_iter().zip(&wines) {
            let set = registry.set_value(&hive, KEY, name, value.as_ref());
            set.expect("it is put back");
        }
        assert_eq!(ProxySetting::read(&registry, "S-1-5-21-1-2-3-4"), None);
    }
}

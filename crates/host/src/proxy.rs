//! A user's proxy setting in Windows, which browsers and many other programs go by. Pure.
//!
//! It is kept in four values of the user's part of the registry, by WinINet. Others there are left alone.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::lent::Lendable;
use crate::registry::{Hive, Registry, RegistryError, Value};

#[cfg(test)]
mod tests;

const KEY: &str = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings";

const ENABLE: &str = "ProxyEnable";
const SERVER: &str = "ProxyServer";
const EXCEPTIONS: &str = "ProxyOverride";
const SCRIPT: &str = "AutoConfigURL";

/// What goes straight to its destination: names without a dot, and private networks, which a hub refuses. Networks
/// are written as texts with stars, so those of `bypass.networks` can't be added.
const PRIVATE: [&str; 6] = [
    "<local>",
    "localhost",
    "127.*",
    "10.*",
    "192.168.*",
    "169.254.*",
];

/// The setting: those of the values that are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProxySetting(BTreeMap<String, Value>);

/// In the order in which they are written: what switches it on comes last.
const VALUES: [&str; 4] = [SCRIPT, EXCEPTIONS, SERVER, ENABLE];

impl Lendable for ProxySetting {
    fn is_between(&self, one: &Self, other: &Self) -> bool {
        VALUES.iter().all(|name| {
            let value = self.0.get(*name);
            value == one.0.get(*name) || value == other.0.get(*name)
        })
    }
}

impl ProxySetting {
    /// Reads it; `None` where the user's part of the registry is not there, as they are logged off.
    pub fn read(registry: &dyn Registry, sid: &str) -> Option<Self> {
        let hive = Hive::User(sid.to_owned());
        if !registry.has_hive(&hive) {
            return None;
        }
        let value = |name: &str| Some((name.to_owned(), registry.value(&hive, KEY, name)?));
        Some(Self(VALUES.into_iter().filter_map(value).collect()))
    }

    /// Writes it: values that it does not have are deleted.
    ///
    /// # Errors
    /// When Windows refuses.
    pub fn write(&self, registry: &dyn Registry, sid: &str) -> Result<(), RegistryError> {
        let hive = Hive::User(sid.to_owned());
        for name in VALUES {
            registry.set_value(&hive, KEY, name, self.0.get(name))?;
        }
        Ok(())
    }

    /// The same with this proxy for everything. The user's own exceptions stay; a script would go before it.
    #[must_use]
    pub fn with(&self, server: SocketAddr) -> Self {
        let own = self.0.get(EXCEPTIONS).and_then(Value::text);
        let own = own.as_deref().unwrap_or_default().split(';');
        let mut exceptions: Vec<&str> = own.filter(|it| !it.is_empty()).collect();
        let middle: Vec<String> = (16..32).map(|it| format!("172.{it}.*")).collect();
        let private = PRIVATE.into_iter().chain(middle.iter().map(String::as_str));
        for private in private {
            if !exceptions.contains(&private) {
                exceptions.push(private);
            }
        }
        let mut setting = self.clone();
        setting.0.remove(SCRIPT);
        let values = [
            (ENABLE, Value::of_number(1)),
            (SERVER, Value::of_text(&server.to_string())),
            (EXCEPTIONS, Value::of_text(&exceptions.join(";"))),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value));
        setting.0.extend(values);
        setting
    }
}

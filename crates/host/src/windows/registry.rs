//! The registry of this PC.

use windows_registry::{Key, LOCAL_MACHINE, USERS};

use crate::registry::{Hive, Registry};

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
}

fn open(hive: &Hive, key: &str) -> Option<Key> {
    match hive {
        Hive::Machine => LOCAL_MACHINE.open(key),
        Hive::User(sid) => USERS.open(format!(r"{sid}\{key}")),
    }
    .ok()
}

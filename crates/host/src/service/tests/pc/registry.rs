//! The PC's registry.

use std::sync::{Arc, Mutex};

use super::{LXSS, OURS, Person};
use crate::registry::fake::FakeRegistry;
use crate::registry::{Hive, Registry, RegistryError, Value};

/// One that `wsl.exe` changes.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedRegistry(pub(super) Arc<Mutex<FakeRegistry>>);

impl Registry for SharedRegistry {
    fn text(&self, hive: &Hive, key: &str, value: &str) -> Option<String> {
        self.0.lock().unwrap().text(hive, key, value)
    }

    fn number(&self, hive: &Hive, key: &str, value: &str) -> Option<u32> {
        self.0.lock().unwrap().number(hive, key, value)
    }

    fn keys(&self, hive: &Hive, key: &str) -> Vec<String> {
        self.0.lock().unwrap().keys(hive, key)
    }

    fn numbers(&self, hive: &Hive, key: &str) -> Vec<(String, u32)> {
        self.0.lock().unwrap().numbers(hive, key)
    }

    fn has_hive(&self, hive: &Hive) -> bool {
        self.0.lock().unwrap().has_hive(hive)
    }

    fn value(&self, hive: &Hive, key: &str, value: &str) -> Option<Value> {
        self.0.lock().unwrap().value(hive, key, value)
    }

    fn set_value(
        &self,
        hive: &Hive,
        key: &str,
        value: &str,
        new: Option<&Value>,
    ) -> Result<(), RegistryError> {
        self.0.lock().unwrap().set_value(hive, key, value, new)
    }
}

impl SharedRegistry {
    pub(super) fn set(&self, hive: &Hive, key: &str, value: &str, text: &str) {
        self.0.lock().unwrap().set_text(hive, key, value, text);
    }

    /// What `wsl.exe` does to it.
    pub(super) fn wsl(&self, person: Person, arguments: &[String]) {
        let hive = Hive::User(person.sid());
        let ours = format!(r"{LXSS}\{OURS}");
        match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["--import", name, ..] => self.set(&hive, &ours, "DistributionName", name),
            ["--unregister", _] => self.0.lock().unwrap().remove_text(&hive, &ours),
            _ => {}
        }
    }
}

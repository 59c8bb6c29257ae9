//! What Windows' registry says of WSL and of Windows, and what of it is changed for users.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::setup::Distribution;

/// Where WSL keeps a user's distributions, below the user's own part of the registry
/// (WSL `src/windows/service/exe/DistributionRegistration.h`).
const LXSS: &str = r"Software\Microsoft\Windows\CurrentVersion\Lxss";

/// One of the two parts of the registry that are read here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Hive {
    /// `HKEY_LOCAL_MACHINE`.
    Machine,
    /// Below `HKEY_USERS`, by the user's security identifier.
    User(String),
}

/// The registry. What is not there is `None`, or nothing.
pub trait Registry: fmt::Debug + Send + Sync {
    /// A value of type REG_SZ.
    fn text(&self, hive: &Hive, key: &str, value: &str) -> Option<String>;
    /// A value of type REG_DWORD.
    fn number(&self, hive: &Hive, key: &str, value: &str) -> Option<u32>;
    /// The names of the keys below a key.
    fn keys(&self, hive: &Hive, key: &str) -> Vec<String>;
    /// The values of type REG_DWORD of a key.
    fn numbers(&self, hive: &Hive, key: &str) -> Vec<(String, u32)>;
    /// Whether this part is there: a user's comes when they log on, and goes when they log off.
    fn has_hive(&self, hive: &Hive) -> bool;
    /// A value of any type, as it is.
    fn value(&self, hive: &Hive, key: &str, value: &str) -> Option<Value>;

    /// Sets a value, or deletes it.
    ///
    /// # Errors
    /// When Windows refuses.
    fn set_value(
        &self,
        hive: &Hive,
        key: &str,
        value: &str,
        new: Option<&Value>,
    ) -> Result<(), RegistryError>;
}

/// A value can't be changed.
#[derive(Debug, thiserror::Error)]
#[error("cannot change {value} below {key} in the registry")]
pub struct RegistryError {
    /// The key.
    pub key: String,
    /// The value's name.
    pub value: String,
    /// Why.
    pub source: io::Error,
}

/// A value as the registry has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// `REG_SZ` and so on (`winnt.h`).
    pub kind: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Types of values (`winnt.h`).
const REG_SZ: u32 = 1;
const REG_DWORD: u32 = 4;

impl Value {
    /// Of type `REG_SZ`.
    pub fn of_text(text: &str) -> Self {
        let units = text.encode_utf16().chain([0]);
        Self {
            kind: REG_SZ,
            bytes: units.flat_map(u16::to_le_bytes).collect(),
        }
    }

    /// Of type `REG_DWORD`.
    pub fn of_number(number: u32) -> Self {
        Self {
            kind: REG_DWORD,
            bytes: number.to_le_bytes().to_vec(),
        }
    }

    /// The text of one of type `REG_SZ`, up to its end.
    pub fn text(&self) -> Option<String> {
        let (units, _) = self.bytes.as_chunks();
        let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
        let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
        (self.kind == REG_SZ).then(|| String::from_utf16_lossy(&units))
    }
}

/// A user's distributions, and which is the default.
pub fn distributions(registry: &dyn Registry, sid: &str) -> (Vec<Distribution>, Option<Uuid>) {
    let hive = Hive::User(sid.to_owned());
    let distribution = |key: String| {
        let name = registry.text(&hive, &format!(r"{LXSS}\{key}"), "DistributionName")?;
        let id = Uuid::try_parse(&key).ok()?;
        Some(Distribution { id, name })
    };
    let keys = registry.keys(&hive, LXSS).into_iter();
    let default = registry.text(&hive, LXSS, "DefaultDistribution");
    let default = default.and_then(|id| Uuid::try_parse(&id).ok());
    (keys.filter_map(distribution).collect(), default)
}

/// Where `wsl.exe` is: that of the Store, which runs without a user's packages (`msipackage/package.wix.in`).
pub fn wsl_folder(registry: &dyn Registry) -> Option<String> {
    registry.text(&Hive::Machine, &format!(r"{LXSS}\MSI"), "InstallLocation")
}

/// The version of the WSL that is installed from the Store.
pub fn wsl_version(registry: &dyn Registry) -> Option<String> {
    registry.text(&Hive::Machine, &format!(r"{LXSS}\MSI"), "Version")
}

/// The computer's policies for WSL.
pub fn policies(registry: &dyn Registry) -> Vec<(String, u32)> {
    registry.numbers(&Hive::Machine, wslconfig::POLICIES)
}

/// Windows' name and build.
pub fn windows(registry: &dyn Registry) -> (String, u32) {
    const KEY: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
    let text = |value| {
        registry
            .text(&Hive::Machine, KEY, value)
            .unwrap_or_default()
    };
    let build = text("CurrentBuildNumber").parse().unwrap_or_default();
    // Windows 11 still calls itself Windows 10 here.
    let name = match text("ProductName") {
        name if build >= 22000 => name.replacen("Windows 10", "Windows 11", 1),
        name => name,
    };
    (name, build)
}

#[cfg(test)]
pub mod fake {
    //! A registry in memory.

    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::{Arc, Mutex};

    use super::{Hive, Registry, RegistryError, Value};

    type Values = BTreeMap<(String, String, String), Value>;

    /// Values by hive, key and name.
    #[derive(Clone, Debug, Default)]
    pub struct FakeRegistry {
        texts: BTreeMap<(String, String, String), String>,
        numbers: BTreeMap<(String, String, String), u32>,
        values: Arc<Mutex<Values>>,
        hives: BTreeSet<String>,
    }

    fn place(hive: &Hive, key: &str, value: &str) -> (String, String, String) {
        let lower = str::to_ascii_lowercase;
        (format!("{hive:?}"), lower(key), lower(value))
    }

    impl FakeRegistry {
        /// With this user's part.
        pub fn with_hive(sid: &str) -> Self {
            let mut registry = Self::default();
            registry.load(sid);
            registry
        }

        /// The user logs on.
        pub fn load(&mut self, sid: &str) {
            self.hives
                .insert(format!("{:?}", Hive::User(sid.to_owned())));
        }

        /// Sets a value of type REG_SZ.
        pub fn set_text(&mut self, hive: &Hive, key: &str, value: &str, text: &str) {
            self.texts.insert(place(hive, key, value), text.to_owned());
        }

        /// Deletes all values of type REG_SZ of a key.
        pub fn remove_text(&mut self, hive: &Hive, key: &str) {
            let (hive, key, _) = place(hive, key, "");
            self.texts.retain(|it, _| it.0 != hive || it.1 != key);
        }

        /// Sets a value of type REG_DWORD.
        pub fn set_number(&mut self, hive: &Hive, key: &str, value: &str, number: u32) {
            self.numbers.insert(place(hive, key, value), number);
        }
    }

    impl Registry for FakeRegistry {
        fn text(&self, hive: &Hive, key: &str, value: &str) -> Option<String> {
            self.texts.get(&place(hive, key, value)).cloned()
        }

        fn number(&self, hive: &Hive, key: &str, value: &str) -> Option<u32> {
            self.numbers.get(&place(hive, key, value)).copied()
        }

        fn keys(&self, hive: &Hive, key: &str) -> Vec<String> {
            let (hive, key, _) = place(hive, key, "");
            let below = format!("{key}\\");
            let all = self.texts.keys().filter(|it| it.0 == hive);
            let names = all.filter_map(|it| it.1.strip_prefix(&below)?.split('\\').next());
            let mut names: Vec<String> = names.map(str::to_owned).collect();
            names.dedup();
            names
        }

        fn numbers(&self, hive: &Hive, key: &str) -> Vec<(String, u32)> {
            let (hive, key, _) = place(hive, key, "");
            let of_key = self
                .numbers
                .iter()
                .filter(|(it, _)| it.0 == hive && it.1 == key);
            of_key.map(|(it, number)| (it.2.clone(), *number)).collect()
        }

        fn has_hive(&self, hive: &Hive) -> bool {
            self.hives.contains(&format!("{hive:?}"))
        }

        fn value(&self, hive: &Hive, key: &str, value: &str) -> Option<Value> {
            let values = self.values.lock().unwrap();
            values.get(&place(hive, key, value)).cloned()
        }

        fn set_value(
            &self,
            hive: &Hive,
            key: &str,
            value: &str,
            new: Option<&Value>,
        ) -> Result<(), RegistryError> {
            let mut values = self.values.lock().unwrap();
            let place = place(hive, key, value);
            match new {
                Some(new) => drop(values.insert(place, new.clone())),
                None => drop(values.remove(&place)),
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fake::FakeRegistry;
    use super::*;

    const ID: &str = "{3F2504E0-4F89-11D3-9A0C-0305E82C3301}";

    #[test]
    fn a_users_distributions_are_found() {
        let user = Hive::User("S-1-5-21-1".to_owned());
        let mut registry = FakeRegistry::default();
        registry.set_text(&user, LXSS, "DefaultDistribution", ID);
        registry.set_text(
            &user,
            &format!(r"{LXSS}\{ID}"),
            "DistributionName",
            "Ubuntu",
        );
        // WSL keeps other things there, too.
        registry.set_text(&user, &format!(r"{LXSS}\AppxInstallerCache"), "Path", "x");
        let (found, default) = distributions(&registry, "S-1-5-21-1");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "Ubuntu");
        assert_eq!(default, Some(found[0].id));
        assert_eq!(distributions(&registry, "S-1-5-21-2"), (Vec::new(), None));
    }

    #[test]
    fn windows_11_is_called_by_its_name() {
        const KEY: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
        let mut registry = FakeRegistry::default();
        registry.set_text(&Hive::Machine, KEY, "ProductName", "Windows 10 Home");
        registry.set_text(&Hive::Machine, KEY, "CurrentBuildNumber", "19045");
        assert_eq!(windows(&registry), ("Windows 10 Home".to_owned(), 19045));
        registry.set_text(&Hive::Machine, KEY, "CurrentBuildNumber", "26100");
        assert_eq!(windows(&registry), ("Windows 11 Home".to_owned(), 26100));
    }
}

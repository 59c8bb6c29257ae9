//! What outlives the service: a folder with the settings, what was made, and what is wanted.
//!
//! Each file is replaced as a whole, so that a crash leaves the old one or the new one.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::goal::Goal;
use crate::lent::Lent;
use crate::{kernels, setup, wiring};

/// Replaces a file as a whole; only administrators may read it.
pub type Write = fn(&Path, &[u8]) -> io::Result<()>;

/// The folder.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    write: Write,
}

/// A setting of Windows' that is lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The name servers of interfaces, by the interface's GUID.
    NameServers,
    /// The proxies of users, by their security identifiers.
    Proxies,
}

impl Setting {
    fn file(self) -> &'static str {
        match self {
            Self::NameServers => "name-servers.json",
            Self::Proxies => "proxies.json",
        }
    }
}

/// A file there can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// By the system.
    #[error("{}: {source}", file.display())]
    Io {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what was written there.
    #[error(
        "{}: {source}; it says what Manypath has changed on this PC, so it is left alone: restore it, or delete it and undo by hand what `manypath doctor` shows",
        file.display()
    )]
    Damaged {
        /// Which.
        file: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl Store {
    /// In this folder.
    pub fn new(folder: impl Into<PathBuf>, write: Write) -> Self {
        Self {
            folder: folder.into(),
            write,
        }
    }

    /// The settings file. Its owner edits it, too.
    pub fn settings(&self) -> PathBuf {
        self.folder.join("settings.toml")
    }

    /// Replaces the settings file.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_settings(&self, text: &str) -> Result<(), StoreError> {
        let file = self.settings();
        (self.write)(&file, text.as_bytes()).map_err(|source| StoreError::Io { file, source })
    }

    /// What was made of switches and endpoints.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn wiring(&self) -> Result<wiring::Record, StoreError> {
        self.read(&self.folder.join("wiring.json"))
    }

    /// Writes down what is to be made of switches and endpoints.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_wiring(&self, record: &wiring::Record) -> Result<(), StoreError> {
        self.replace(&self.folder.join("wiring.json"), record)
    }

    /// What was changed for a user.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn user(&self, sid: &str) -> Result<setup::Record, StoreError> {
        self.read(&self.user_file(sid))
    }

    /// Writes down what is to be changed for a user.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_user(&self, sid: &str, record: &setup::Record) -> Result<(), StoreError> {
        self.replace(&self.user_file(sid), record)
    }

    /// The security identifiers of those for whom something was changed.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn users(&self) -> Result<Vec<String>, StoreError> {
        let failed = |source| StoreError::Io {
            file: self.folder.clone(),
            source,
        };
        let mut users = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let name = name.to_string_lossy();
            let sid = name
                .strip_prefix("user-")
                .and_then(|it| it.strip_suffix(".json"));
            users.extend(sid.map(str::to_owned));
        }
        users.retain(
            |sid| !matches!(self.user(sid), Ok(record) if record == setup::Record::default()),
        );
        Ok(users)
    }

    /// How Windows treated several connections before that was changed; `None` if it wasn't.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn minimize(&self) -> Result<Option<winnet::Original>, StoreError> {
        self.read(&self.folder.join("connections.json"))
    }

    /// Remembers how Windows treated several connections.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_minimize(&self, original: Option<winnet::Original>) -> Result<(), StoreError> {
        self.replace(&self.folder.join("connections.json"), &original)
    }

    /// What was there before settings of Windows' that are lent, by what they belong to.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn lent<T: DeserializeOwned>(
        &self,
        setting: Setting,
    ) -> Result<BTreeMap<String, Lent<T>>, StoreError> {
        self.read(&self.folder.join(setting.file()))
    }

    /// Writes down what was there before settings are lent.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_lent<T: Serialize>(
        &self,
        setting: Setting,
        lent: &BTreeMap<String, Lent<T>>,
    ) -> Result<(), StoreError> {
        self.replace(&self.folder.join(setting.file()), lent)
    }

    /// What is wanted after a start; at first everything.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn goal(&self) -> Result<Goal, StoreError> {
        let is_down: bool = self.read(&self.folder.join("down.json"))?;
        Ok(if is_down { Goal::Down } else { Goal::Up })
    }

    /// Remembers what is wanted.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_goal(&self, goal: Goal) -> Result<(), StoreError> {
        self.replace(&self.folder.join("down.json"), &(goal != Goal::Up))
    }

    /// Which of the installed kernels are in use.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn kernels(&self) -> Result<kernels::Record, StoreError> {
        self.read(&self.folder.join("kernels.json"))
    }

    /// Writes down which of the installed kernels are to be used.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_kernels(&self, record: &kernels::Record) -> Result<(), StoreError> {
        self.replace(&self.folder.join("kernels.json"), record)
    }

    fn user_file(&self, sid: &str) -> PathBuf {
        self.folder.join(format!("user-{sid}.json"))
    }

    /// A file that is not there is empty.
    fn read<T: DeserializeOwned + Default>(&self, file: &Path) -> Result<T, StoreError> {
        let file = file.to_owned();
        match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|source| StoreError::Damaged { file, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
            Err(source) => Err(StoreError::Io { file, source }),
        }
    }

    fn replace(&self, file: &Path, value: &impl Serialize) -> Result<(), StoreError> {
        let failed = |source| StoreError::Io {
            file: file.to_owned(),
            source,
        };
        let bytes = serde_json::to_vec_pretty(value).map_err(|error| failed(error.into()))?;
        (self.write)(file, &bytes).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::wiring::{Record, Switch, Trace};

    fn store(folder: &Path) -> Store {
        Store::new(folder, |file, bytes| std::fs::write(file, bytes))
    }

    #[test]
    fn what_was_written_is_read_and_nothing_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        assert_eq!(store.wiring().unwrap(), Record::default());
        assert_eq!(store.goal().unwrap(), Goal::Up);
        let record = Record {
            cards: vec![Trace {
                guid: Uuid::from_u128(7),
                alias: "Wi-Fi".to_owned(),
                mac: hcs::MacAddress([2, 0, 0, 0, 0, 1]),
                switch: Switch::Ours,
            }],
        };
        store.set_wiring(&record).unwrap();
        store.set_goal(Goal::Down).unwrap();
        assert_eq!(store.wiring().unwrap(), record);
        assert_eq!(store.goal().unwrap(), Goal::Down);
        assert_eq!(store.user("S-1-5-21-1").unwrap(), setup::Record::default());
    }

    #[test]
    fn a_damaged_record_is_an_error_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let file = folder.path().join("wiring.json");
        std::fs::write(&file, "{\"cards\": 3}").unwrap();
        let error = store.wiring().unwrap_err().to_string();
        assert!(
            error.contains("wiring.json") && error.contains("left alone"),
            "{error}"
        );
        assert_eq!(std::fs::read(&file).unwrap(), b"{\"cards\": 3}");
    }
}

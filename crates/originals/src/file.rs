//! The file of former values.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::OriginalsError;

/// The values and where they are kept.
#[derive(Debug)]
pub(crate) struct File {
    path: PathBuf,
    pub(crate) values: Values,
    /// `None` where nothing can be written, and so nothing will be changed.
    lock: Option<fs::File>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Values {
    /// By name.
    pub(crate) sysctls: BTreeMap<String, Kept<String>>,
    /// Subflows and accepted addresses.
    pub(crate) limits: Option<Kept<(u32, u32)>>,
    /// What was added, with what was there in its place.
    pub(crate) endpoints: BTreeMap<IpAddr, Option<Displaced>>,
    /// Names of interfaces that were down.
    #[serde(default)]
    pub(crate) links: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept<T> {
    /// What was there before us.
    pub(crate) former: T,
    /// What we wrote last. If another value is there at the end, somebody else has taken it over.
    pub(crate) ours: T,
}

/// An endpoint of somebody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Displaced {
    pub(crate) interface: Option<u32>,
    pub(crate) flags: u32,
}

impl File {
    pub(crate) fn load(path: &Path) -> Result<Self, OriginalsError> {
        let lock = lock(path)?;
        let values = match fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text).unwrap_or_else(|error| {
                tracing::warn!(
                    "{}: {error}; former kernel settings are unknown",
                    path.display()
                );
                Values::default()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Values::default(),
            Err(source) => {
                return Err(OriginalsError::File {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        Ok(Self {
            path: path.to_owned(),
            values,
            lock,
        })
    }

    /// Writes the values; with none left, the file goes.
    pub(crate) fn save(&self) -> Result<(), OriginalsError> {
        let saved = match self.values == Values::default() {
            true => self.remove(),
            false => self.write(),
        };
        saved.map_err(|source| OriginalsError::File {
            path: self.path.clone(),
            source,
        })
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Renamed into place: a kill leaves the old file or the new one, never half of one. Not synced:
    /// what a power failure takes, it takes from the kernel too.
    fn write(&self) -> io::Result<()> {
        let text = serde_json::to_string_pretty(&self.values)?;
        fs::create_dir_all(self.path.parent().unwrap_or(Path::new("/")))?;
        let draft = beside(&self.path, ".draft");
        fs::write(&draft, text)?;
        fs::rename(&draft, &self.path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // With values left, the lock's file may stay as well.
        if self.lock.is_some() && self.values == Values::default() {
            let _ = fs::remove_file(beside(&self.path, ".lock"));
        }
    }
}

/// Held until the file is closed, also by a kill.
fn lock(path: &Path) -> Result<Option<fs::File>, OriginalsError> {
    let made = fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))
        .and_then(|()| fs::File::create(beside(path, ".lock")));
    match made.map(|file| (file.try_lock(), file)) {
        Ok((Ok(()), file)) => Ok(Some(file)),
        Ok((Err(fs::TryLockError::WouldBlock), _)) => Err(OriginalsError::Running {
            path: path.to_owned(),
        }),
        Ok((Err(fs::TryLockError::Error(_)), _)) | Err(_) => Ok(None),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(ending);
    name.into()
}

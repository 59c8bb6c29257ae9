//! What was there before us, written down before it is changed, so that a clean stop puts it back
//! even when an earlier run was killed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use mptcp::Limits;
use netcfg::Sysctl;
use serde::{Deserialize, Serialize};

/// Former values, kept in a file beside the control socket. The file goes with the last of them; a
/// reboot clears it together with the values themselves.
#[derive(Debug)]
pub struct Originals {
    path: PathBuf,
    values: Values,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Values {
    sysctls: BTreeMap<String, Kept>,
    limits: Option<(u32, u32)>,
}

/// A kernel setting's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What was there before us.
    pub former: String,
    /// What we wrote last. If another value is there at the end, somebody else has taken it over.
    pub ours: String,
}

/// The file of former values is of no use.
#[derive(Debug, thiserror::Error)]
pub enum OriginalsError {
    /// It can't be read or written.
    #[error("cannot keep former kernel settings in {path}; the folder must be writable by root")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Originals {
    /// Takes up what an earlier run wrote. A damaged file counts as none: its values are lost, and
    /// refusing to start would not bring them back.
    ///
    /// # Errors
    /// If the file is there and can't be read.
    pub fn load(path: &Path) -> Result<Self, OriginalsError> {
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
        })
    }

    /// Writes down what a kernel setting was, unless an older value is known, and what it becomes.
    ///
    /// # Errors
    /// If it can't be written; then it must not be changed either.
    pub fn remember(&mut self, key: &Sysctl, is: &str, ours: &str) -> Result<(), OriginalsError> {
        let key = key.to_string();
        let former = match self.values.sysctls.get(&key) {
            Some(kept) if kept.ours == ours => return Ok(()),
            Some(kept) => kept.former.clone(),
            None => is.to_owned(),
        };
        let ours = ours.to_owned();
        self.values.sysctls.insert(key, Kept { former, ours });
        self.save()
    }

    /// The same for the path manager's limits.
    ///
    /// # Errors
    /// As [`Originals::remember`].
    pub fn remember_limits(&mut self, limits: Limits) -> Result<(), OriginalsError> {
        if self.values.limits.is_some() {
            return Ok(());
        }
        self.values.limits = Some((limits.subflows, limits.add_addr_accepted));
        self.save()
    }

    /// Hands out what has to be put back, and forgets it.
    pub fn take(mut self) -> (Vec<(Sysctl, Kept)>, Option<Limits>) {
        let limits = self
            .values
            .limits
            .take()
            .map(|(subflows, add_addr_accepted)| Limits {
                subflows,
                add_addr_accepted,
            });
        let sysctls = std::mem::take(&mut self.values.sysctls)
            .into_iter()
            .filter_map(|(key, kept)| Some((Sysctl::new(&key).ok()?, kept)))
            .collect();
        // It may not exist, if nothing was changed.
        let _ = fs::remove_file(&self.path);
        (sysctls, limits)
    }

    fn save(&self) -> Result<(), OriginalsError> {
        let failed = |source| OriginalsError::File {
            path: self.path.clone(),
            source,
        };
        let text = serde_json::to_string_pretty(&self.values)
            .map_err(io::Error::from)
            .map_err(failed)?;
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).map_err(failed)?;
        // Renamed into place: a crash leaves the old file or the new one, never half of one.
        let draft = self.path.with_extension("draft");
        let mut file = fs::File::create(&draft).map_err(failed)?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(failed)?;
        fs::rename(&draft, &self.path).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_value_survives_a_kill_and_a_second_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/edge.originals");
        let key = Sysctl::new("net.ipv4.ip_forward").unwrap();
        let mut first = Originals::load(&path).unwrap();
        first.remember(&key, "0", "1").unwrap();
        let mut second = Originals::load(&path).unwrap();
        second.remember(&key, "1", "2").unwrap();
        let kept = Kept {
            former: "0".to_owned(),
            ours: "2".to_owned(),
        };
        assert_eq!(second.take(), (vec![(key, kept)], None));
        assert!(!path.exists());
    }

    #[test]
    fn a_damaged_file_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edge.originals");
        fs::write(&path, "{ half").unwrap();
        assert_eq!(Originals::load(&path).unwrap().take(), (vec![], None));
    }
}

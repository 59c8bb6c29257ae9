//! What users have done, in a file, so that it survives a restart and a `kill -9`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use relay::Usage;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::hub::Hub;

/// What a `kill -9` may cost.
const INTERVAL: Duration = Duration::from_secs(60);

/// The numbers of all users that ever were, by name. A user that is removed and comes back goes on
/// where it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UsageTable {
    /// Users of the hub protocol.
    pub hub: BTreeMap<String, Usage>,
    /// Users of SOCKS5.
    pub socks5: BTreeMap<String, Usage>,
}

/// The file that a [`UsageTable`] is kept in.
#[derive(Debug)]
pub struct UsageFile {
    path: PathBuf,
    /// What it holds.
    written: UsageTable,
    /// The last attempt to write failed, and the log says so.
    failing: bool,
}

impl UsageFile {
    /// Reads the file. One that can't be read is put aside: old numbers are no reason not to start.
    pub fn load(path: &Path) -> Self {
        let written = read(path).unwrap_or_else(|error| {
            put_aside(path, &error);
            UsageTable::default()
        });
        Self {
            path: path.to_owned(),
            written,
            failing: false,
        }
    }

    /// What was read, or last written.
    pub fn table(&self) -> &UsageTable {
        &self.written
    }

    /// Writes the file if something has changed. A failure is logged once, until it works again.
    pub fn save(&mut self, table: UsageTable) {
        if table == self.written {
            return;
        }
        match write(&self.path, &table) {
            Ok(()) => {
                self.written = table;
                self.failing = false;
            }
            Err(error) if !self.failing => {
                self.failing = true;
                tracing::warn!(
                    file = %self.path.display(),
                    %error,
                    "what users have done can't be written down and is lost at the end; let the hub \
                     write to this folder, or name another file in `usage`"
                );
            }
            Err(_) => {}
        }
    }
}

/// Writes the file from time to time, on SIGHUP, and at the end.
#[derive(Debug)]
pub struct UsageKeeper {
    hub: Hub,
    file: UsageFile,
    hangup: Signal,
}

impl UsageKeeper {
    /// Keeps what the hub's users do in `file`.
    ///
    /// # Errors
    /// When SIGHUP can't be caught.
    pub fn new(hub: Hub, file: UsageFile) -> io::Result<Self> {
        let hangup = signal(SignalKind::hangup())?;
        Ok(Self { hub, file, hangup })
    }

    /// Does so until `serving` is done.
    pub async fn keep(mut self, serving: impl Future<Output = ()>) {
        let mut serving = std::pin::pin!(serving);
        loop {
            tokio::select! {
                () = &mut serving => break,
                () = tokio::time::sleep(INTERVAL) => {}
                _ = self.hangup.recv() => {}
            }
            self = self.save().await;
        }
        self.save().await;
    }

    async fn save(self) -> Self {
        let Self {
            hub,
            mut file,
            hangup,
        } = self;
        let usage = hub.usage();
        // The disk may take its time.
        let saving = tokio::task::spawn_blocking(move || {
            file.save(usage);
            file
        });
        let file = saving.await.expect("saving does not panic");
        Self { hub, file, hangup }
    }
}

fn read(path: &Path) -> io::Result<UsageTable> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(UsageTable::default()),
        Err(error) => Err(error),
    }
}

fn put_aside(path: &Path, error: &io::Error) {
    let aside = with_suffix(path, ".broken");
    let kept = match fs::rename(path, &aside) {
        Ok(()) => format!("it is kept as {}", aside.display()),
        Err(error) => format!("it can't be kept as {}: {error}", aside.display()),
    };
    tracing::warn!(
        file = %path.display(),
        %error,
        "what users have done before can't be read and counts from zero; {kept}"
    );
}

/// Whole or not at all: a draft beside it takes its place when it is on the disk. It is always a new
/// file: a link that somebody else has put there (the folder need not be ours alone) is not followed.
fn write(path: &Path, table: &UsageTable) -> io::Result<()> {
    let draft = with_suffix(path, ".draft");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    serde_json::to_writer_pretty(&mut file, table)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bytes_up: u64) -> UsageTable {
        let usage = Usage {
            bytes_up,
            bytes_down: 2,
            connections: 3,
            refused: 4,
        };
        UsageTable {
            hub: [("alice".to_owned(), usage)].into(),
            socks5: BTreeMap::new(),
        }
    }

    #[test]
    fn what_is_saved_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usage");
        let mut file = UsageFile::load(&path);
        assert_eq!(file.table(), &UsageTable::default());
        file.save(UsageTable::default());
        assert!(!path.exists(), "nothing to write down");
        file.save(table(u64::MAX));
        assert_eq!(UsageFile::load(&path).table(), &table(u64::MAX));
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }

    #[test]
    fn what_lies_in_the_way_is_neither_followed_nor_used() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("usage"), folder.path().join("other"));
        fs::write(&other, "somebody else's").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join("usage.draft")).unwrap();
        UsageFile::load(&path).save(table(1));
        assert_eq!(fs::read_to_string(&other).unwrap(), "somebody else's");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(UsageFile::load(&path).table(), &table(1));
    }

    #[test]
    fn a_broken_file_is_kept_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usage");
        for broken in ["", "{\"hub\":{\"alice\":{\"bytes_up\":-1}}}", "\u{0}\u{0}"] {
            fs::write(&path, broken).unwrap();
            let mut file = UsageFile::load(&path);
            assert_eq!(file.table(), &UsageTable::default());
            let aside = folder.path().join("usage.broken");
            assert_eq!(fs::read_to_string(aside).unwrap(), broken);
            file.save(table(1));
            assert_eq!(UsageFile::load(&path).table(), &table(1));
        }
    }

    #[test]
    fn a_folder_that_is_missing_costs_the_numbers_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("later/usage");
        let mut file = UsageFile::load(&path);
        file.save(table(1));
        fs::create_dir(folder.path().join("later")).unwrap();
        file.save(table(1));
        assert_eq!(UsageFile::load(&path).table(), &table(1));
    }
}

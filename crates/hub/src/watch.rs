//! Notices that a file may have changed.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::net::unix::pipe::Receiver;

/// Editors write in several steps.
const SETTLE: Duration = Duration::from_millis(100);

/// How often it is looked whether a folder that went away is back.
const RETRY: Duration = Duration::from_secs(5);

/// Watches the folder of a file. The file itself can't be watched: who replaces it by another one
/// (editors, `manypath hub user`, configuration management) does not touch it.
#[derive(Debug)]
pub struct FileWatch {
    folder: PathBuf,
    notices: Option<Receiver>,
}

impl FileWatch {
    /// Watches from now on. A folder that can't be watched is tried again from time to time.
    pub fn new(file: &Path) -> Self {
        let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
        let notices = open(&folder).map_err(|error| {
            tracing::warn!(
                folder = %folder.display(), %error,
                "changes of the users file are not noticed by themselves; tell the hub by SIGHUP"
            );
        });
        Self {
            folder,
            notices: notices.ok(),
        }
    }

    /// Waits until something in the folder may have changed. After a cancellation, what has changed
    /// meanwhile counts the next time.
    pub async fn changed(&mut self) {
        let heard = match &self.notices {
            Some(notices) => notices.readable().await,
            None => Err(io::ErrorKind::NotFound.into()),
        };
        tokio::time::sleep(if heard.is_ok() { SETTLE } else { RETRY }).await;
        // What it says is of no use: any change is a reason to look. But the folder itself may be
        // another one now.
        self.notices = open(&self.folder).ok();
    }
}

/// Opened anew each time, so that the notices of a folder that was replaced are not waited for. Tokio
/// reads it like a pipe, which in this respect it is: bytes come, or they don't.
fn open(folder: &Path) -> io::Result<Receiver> {
    let notices = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    let of_interest = WatchFlags::CLOSE_WRITE
        | WatchFlags::CREATE
        | WatchFlags::DELETE
        | WatchFlags::MOVE
        | WatchFlags::MOVE_SELF
        | WatchFlags::ONLYDIR;
    inotify::add_watch(&notices, folder, of_interest)?;
    Receiver::from_owned_fd_unchecked(notices)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::time::timeout;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_file_that_is_written_replaced_or_removed_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("users");
        fs::write(&file, "a").unwrap();
        let mut watch = FileWatch::new(&file);
        let quiet = timeout(Duration::from_millis(200), watch.changed()).await;
        assert!(quiet.is_err(), "nothing has happened");

        fs::write(&file, "b").unwrap();
        timeout(LIMIT, watch.changed()).await.unwrap();
        let draft = tempfile::NamedTempFile::new().unwrap();
        fs::copy(draft.path(), folder.path().join("draft")).unwrap();
        timeout(LIMIT, watch.changed()).await.unwrap();
        fs::rename(folder.path().join("draft"), &file).unwrap();
        timeout(LIMIT, watch.changed()).await.unwrap();
        fs::remove_file(&file).unwrap();
        timeout(LIMIT, watch.changed()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_folder_that_is_replaced_is_found_again() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("etc");
        fs::create_dir(&folder).unwrap();
        let mut watch = FileWatch::new(&folder.join("users"));
        fs::rename(&folder, outer.path().join("old")).unwrap();
        fs::create_dir(&folder).unwrap();
        watch.changed().await;
        fs::write(folder.join("users"), "").unwrap();
        timeout(LIMIT, watch.changed()).await.unwrap();
    }
}

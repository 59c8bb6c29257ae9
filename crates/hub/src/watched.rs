//! A file that is read again when it may have changed.

use std::path::{Path, PathBuf};

use settings::Errors;
use zeroize::Zeroizing;

use crate::accounts::Changes;
use crate::watch::FileWatch;

/// A file with users.
#[derive(Debug)]
pub struct UsersFile {
    /// What the log calls it.
    what: &'static str,
    path: PathBuf,
    /// As it was last read, also if it was wrong. There may be passwords in it.
    text: Option<Zeroizing<String>>,
    /// It could not be read, and the log says so.
    unreadable: bool,
    watch: FileWatch,
}

impl UsersFile {
    /// Watches the file from now on.
    pub fn new(what: &'static str, path: &Path) -> Self {
        Self {
            what,
            path: path.to_owned(),
            text: None,
            unreadable: false,
            watch: FileWatch::new(path),
        }
    }

    /// Waits until it may have changed. May be cancelled at any time.
    pub async fn changed(&mut self) {
        self.watch.changed().await;
    }

    /// Has the next [`Self::read`] look at it as for the first time.
    pub fn forget(&mut self) {
        self.text = None;
        self.unreadable = false;
    }

    /// Reads it, and lets `update` have its users if there is something new in it; that gives what has
    /// changed and how many users there are. A wrong file changes nothing.
    pub fn read<T>(
        &mut self,
        parse: impl FnOnce(&str, &str) -> Result<T, Errors>,
        update: impl FnOnce(&T) -> (Changes, usize),
    ) {
        let what = self.what;
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) => {
                // Its folder may be a busy one.
                if !std::mem::replace(&mut self.unreadable, true) {
                    tracing::error!(
                        file = %self.path.display(), %error,
                        "the {what} file can't be read; the users stay as they are"
                    );
                }
                self.text = None;
                return;
            }
        };
        self.unreadable = false;
        if self.text.as_ref() == Some(&text) {
            return;
        }
        match parse(&text, &self.path.display().to_string()) {
            Ok(users) => {
                let (changes, users) = update(&users);
                self.say(changes, users);
            }
            Err(errors) => {
                for error in errors.to_string().lines() {
                    tracing::error!("{error}");
                }
                tracing::error!("the {what} file is wrong; the users stay as they are");
            }
        }
        self.text = Some(text);
    }

    /// At the first time, only what differs from what the hub has read when it started.
    fn say(&self, changes: Changes, users: usize) {
        let Changes {
            added,
            removed,
            changed,
        } = changes;
        if changes != Changes::default() || self.text.is_some() {
            tracing::info!(
                added,
                removed,
                changed,
                users,
                "the {} file was read",
                self.what
            );
        }
    }
}

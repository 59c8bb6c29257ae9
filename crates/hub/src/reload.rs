//! Reads users and settings again while the hub runs.

use std::path::{Path, PathBuf};

use settings::hub::{Settings, UserFile};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::hub::Hub;
use crate::watch::FileWatch;

/// Keeps a running hub's users those of the users file, and on SIGHUP what else can be changed.
#[derive(Debug)]
pub struct Reload {
    hub: Hub,
    /// As they are in force, but for what needs a restart.
    settings: Settings,
    file: PathBuf,
    /// The users file as it was last read, also if it was wrong.
    text: Option<String>,
    watch: Option<FileWatch>,
    hangup: Signal,
}

impl Reload {
    /// Looks out for changes from now on.
    ///
    /// # Errors
    /// When SIGHUP can't be caught.
    pub fn new(hub: Hub, settings: Settings, file: &Path) -> std::io::Result<Self> {
        let has_users = !settings.listen.is_empty();
        let watch = has_users.then(|| FileWatch::new(&settings.users));
        let mut reload = Self {
            hub,
            file: file.to_owned(),
            text: None,
            watch,
            hangup: signal(SignalKind::hangup())?,
            settings,
        };
        // The file may have changed since the hub read it.
        reload.users();
        Ok(reload)
    }

    /// Follows changes. Never ends.
    pub async fn run(mut self) {
        loop {
            let changed = async {
                match &mut self.watch {
                    Some(watch) => watch.changed().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = changed => self.users(),
                _ = self.hangup.recv() => {
                    self.text = None;
                    self.users();
                    self.settings();
                }
            }
        }
    }

    /// A wrong file changes nothing.
    fn users(&mut self) {
        if self.watch.is_none() {
            return;
        }
        let path = &self.settings.users;
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                // An editor may be about to put a new one there.
                if self.text.take().is_some() {
                    tracing::error!(
                        file = %path.display(), %error,
                        "the users file can't be read; the users stay as they are"
                    );
                }
                return;
            }
        };
        if self.text.as_ref() == Some(&text) {
            return;
        }
        match UserFile::parse(&text, &path.display().to_string()) {
            Ok(file) => {
                let changes = self.hub.book().update(&file);
                if changes != crate::accounts::Changes::default() || self.text.is_some() {
                    tracing::info!(
                        added = changes.added,
                        removed = changes.removed,
                        changed = changes.changed,
                        users = file.iter().len(),
                        "the users file was read"
                    );
                }
            }
            Err(errors) => {
                for error in errors.to_string().lines() {
                    tracing::error!("{error}");
                }
                tracing::error!("the users file is wrong; the users stay as they are");
            }
        }
        self.text = Some(text);
    }

    /// What can be changed while the hub runs: `allow` and `log_destinations`.
    fn settings(&mut self) {
        let new = match Settings::load(&self.file) {
            Ok(new) => new,
            Err(errors) => {
                for error in errors.to_string().lines() {
                    tracing::error!("{error}");
                }
                return tracing::error!("the settings are wrong; they stay as they are");
            }
        };
        self.hub.destinations().set_allowed(new.allow.clone());
        self.hub.server().set_log_destinations(new.log_destinations);
        self.settings.allow = new.allow.clone();
        self.settings.log_destinations = new.log_destinations;
        if new != self.settings {
            tracing::warn!(
                file = %self.file.display(),
                "some of the settings that have changed need a restart; `allow`, `log_destinations` \
                 and users are as the files say"
            );
        }
        tracing::info!(file = %self.file.display(), "the settings were read");
    }
}

//! Reads users and settings again while the hub runs.

use std::path::{Path, PathBuf};

use settings::hub::{Settings, UserFile, Users};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::hub::Hub;
use crate::watched::UsersFile;

/// Keeps a running hub's users those of the users files, and on SIGHUP what else can be changed.
#[derive(Debug)]
pub struct Reload {
    hub: Hub,
    /// As they are in force, but for what needs a restart.
    settings: Settings,
    file: PathBuf,
    /// Without a listener for edges there is none.
    users: Option<UsersFile>,
    socks5_users: Option<UsersFile>,
    hangup: Signal,
}

impl Reload {
    /// Looks out for changes from now on.
    ///
    /// # Errors
    /// When SIGHUP can't be caught.
    pub fn new(hub: Hub, settings: Settings, file: &Path) -> std::io::Result<Self> {
        let has_users = !settings.listen.is_empty();
        let socks5 = settings.socks5.as_ref();
        let mut reload = Self {
            hub,
            file: file.to_owned(),
            users: has_users.then(|| UsersFile::new("users", &settings.users)),
            socks5_users: socks5.map(|socks5| UsersFile::new("SOCKS5 users", &socks5.users)),
            hangup: signal(SignalKind::hangup())?,
            settings,
        };
        // The files may have changed since the hub read them.
        reload.users();
        reload.socks5_users();
        Ok(reload)
    }

    /// Follows changes. Never ends.
    pub async fn run(mut self) {
        loop {
            tokio::select! {
                () = changed(&mut self.users) => self.users(),
                () = changed(&mut self.socks5_users) => self.socks5_users(),
                _ = self.hangup.recv() => {
                    let files = [&mut self.users, &mut self.socks5_users];
                    files.into_iter().flatten().for_each(UsersFile::forget);
                    self.users();
                    self.socks5_users();
                    self.settings();
                }
            }
        }
    }

    fn users(&mut self) {
        let book = self.hub.book();
        if let Some(file) = &mut self.users {
            file.read(UserFile::parse, |users| {
                (book.update(users), users.iter().len())
            });
        }
    }

    fn socks5_users(&mut self) {
        let hub = &self.hub;
        if let Some(file) = &mut self.socks5_users {
            file.read(Users::parse, |users| {
                let count = users.iter().count();
                let (users, changes) = hub.socks5().update(users);
                hub.server().set_users(Some(users));
                (changes, count)
            });
        }
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

async fn changed(file: &mut Option<UsersFile>) {
    match file {
        Some(file) => file.changed().await,
        None => std::future::pending().await,
    }
}

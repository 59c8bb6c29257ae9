//! Where things are on a server.

use std::path::{Path, PathBuf};

use settings::hub::Settings;

/// The system user and its group.
pub const USER: &str = "manypath";
/// The unit's name.
pub const SERVICE: &str = "manypath-hub.service";
/// The program. `/usr/bin` is the distribution's.
pub const PROGRAM: &str = "/usr/local/bin/manypath";
/// Where a distribution's package has it.
pub const PACKAGED_PROGRAM: &str = "/usr/bin/manypath";
/// systemd.unit(5): "System units installed by the administrator". `/etc/systemd/system` stays free for
/// what `systemctl edit` writes.
pub const UNIT: &str = "/usr/local/lib/systemd/system/manypath-hub.service";
/// The link that `systemctl enable` makes.
pub const ENABLED: &str = "/etc/systemd/system/multi-user.target.wants/manypath-hub.service";
/// What systemd-sysusers reads. It makes the user again where /etc/passwd was reset.
pub const SYSUSERS: &str = "/usr/local/lib/sysusers.d/manypath-hub.conf";
/// Settings, key and users.
pub const FOLDER: &str = "/etc/manypath";
/// What the hub's unit calls `StateDirectory=`.
pub const STATE: &str = "/var/lib/manypath";
/// What the hub's unit calls `RuntimeDirectory=`.
pub const RUNTIME: &str = "/run/manypath/hub";
/// The settings that the unit names.
pub const SETTINGS: &str = "/etc/manypath/hub.toml";
/// With settings of an edge here, the program is not the hub's alone.
pub const EDGE_SETTINGS: &str = "/etc/manypath/edge.toml";

/// The files in the folder that the hub reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// The settings.
    Settings,
    /// The private key.
    Key,
    /// The users and their public keys.
    Users,
    /// Names and passwords of SOCKS5 users.
    Socks5Users,
}

impl FileKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Settings, Self::Key, Self::Users, Self::Socks5Users];

    /// Where it is, by the settings.
    pub fn path(self, settings: &Settings) -> Option<&Path> {
        match self {
            Self::Settings => Some(Path::new(SETTINGS)),
            Self::Key => Some(&settings.key),
            Self::Users => Some(&settings.users),
            Self::Socks5Users => Some(&settings.socks5.as_ref()?.users),
        }
    }

    /// It holds secrets, so it belongs to the hub's user, who alone may read it. The hub still can't write
    /// to it: its unit shows it `/etc` as read-only.
    pub fn is_secret(self) -> bool {
        matches!(self, Self::Key | Self::Socks5Users)
    }

    /// Its permission bits.
    pub fn mode(self) -> u32 {
        if self.is_secret() { 0o600 } else { 0o640 }
    }
}

/// The server: this machine, or an image of one below a folder.
#[derive(Clone, Debug)]
pub struct Root(Option<PathBuf>);

impl Root {
    /// `None` is this machine.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self(folder)
    }

    /// The image's folder.
    pub fn image(&self) -> Option<&Path> {
        self.0.as_deref()
    }

    /// Where an absolute path of the server is, seen from here.
    pub fn path(&self, absolute: impl AsRef<Path>) -> PathBuf {
        let absolute = absolute.as_ref();
        match &self.0 {
            None => absolute.to_owned(),
            Some(folder) => folder.join(absolute.strip_prefix("/").unwrap_or(absolute)),
        }
    }
}

//! The hub's settings file: the model. [`Settings::parse`] reads it.

mod first;
mod read;
mod user;
mod user_file;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Serialize;
use wire::Destination;

pub use self::user::{DEFAULT_MAX_CONNECTIONS, User, UserName, UserNameError};
#[cfg(unix)]
pub use self::user_file::EditError;
pub use self::user_file::UserFile;
use crate::mptcp::Mptcp;
use crate::timeout::{self, Timeout};
pub use crate::users::Users;

/// Settings of `manypath hub`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Manypath hub settings")]
pub struct Settings {
    /// Where the hub listens for edges. `[::]:443` takes IPv4 as well as IPv6. Empty only with a table `socks5`.
    #[schemars(
        with = "Vec<String>",
        inner(regex(pattern = r"^(\[[0-9A-Fa-f:.]+\]|[0-9.]+):\d{1,5}$"))
    )]
    pub listen: Vec<SocketAddr>,
    /// Host and port that users' links name, such as "hub.example:443".
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_public"
    )]
    #[schemars(
        with = "String",
        regex(pattern = r"^(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]]+):\d{1,5}$")
    )]
    pub public: Option<Destination>,
    /// Absolute path of the file with the hub's private key, which `manypath hub init` makes.
    #[schemars(with = "String", regex(pattern = "^/."))]
    pub key: PathBuf,
    /// Absolute path of the users file, which `manypath hub user` edits.
    #[schemars(with = "String", regex(pattern = "^/."))]
    pub users: PathBuf,
    /// Absolute path of the file that the hub keeps each user's byte counters in.
    #[schemars(with = "String", regex(pattern = "^/."))]
    pub usage: PathBuf,
    /// Whether the log says where users connect to.
    pub log_destinations: bool,
    /// Further addresses of this server, announced to the edges (MPTCP ADD_ADDR).
    #[schemars(with = "Vec<String>", inner(regex(pattern = r"^[0-9A-Fa-f:.]+$")))]
    pub announce: Vec<IpAddr>,
    /// Networks that connections may go to although they are refused by default (private, loopback, link-local, multicast, the server's own). None overlaps another.
    #[serde(serialize_with = "crate::network::serialize")]
    #[schemars(schema_with = "crate::network::schema")]
    pub allow: Vec<IpNet>,
    /// How long running connections may go on once the hub was told to stop.
    #[serde(serialize_with = "timeout::serialize")]
    #[schemars(schema_with = "timeout::schema")]
    pub drain: Duration,
    /// How long an attempt to connect to an origin may take, more than zero.
    #[serde(serialize_with = "timeout::serialize")]
    #[schemars(schema_with = "timeout::schema")]
    pub connect_timeout: Duration,
    /// How long a connection may carry nothing before it is ended.
    pub idle_timeout: Timeout,
    /// Absolute path of the file that former kernel settings are kept in while the hub runs.
    #[schemars(with = "String", regex(pattern = r"^/"))]
    pub state: PathBuf,
    /// Counters for Prometheus. Without this table there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Metrics")]
    pub metrics: Option<Metrics>,
    /// A SOCKS5 server beside the hub's own protocol. Without this table there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Socks5")]
    pub socks5: Option<Socks5>,
    /// How the kernel's Multipath TCP is set.
    pub mptcp: Mptcp,
}

impl Settings {
    /// The files that hold secrets, and so should be readable by the hub's user alone.
    pub fn files_with_secrets(&self) -> impl Iterator<Item = &Path> {
        let key = (!self.listen.is_empty()).then_some(&self.key);
        let passwords = self.socks5.as_ref().map(|socks5| &socks5.users);
        key.into_iter().chain(passwords).map(PathBuf::as_path)
    }
}

/// Where Prometheus gets the hub's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Where `/metrics` is served, by plain HTTP and without a password.
    #[schemars(
        with = "String",
        regex(pattern = r"^(\[[0-9A-Fa-f:.]+\]|[0-9.]+):\d{1,5}$")
    )]
    pub listen: SocketAddr,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9477)),
        }
    }
}

/// A SOCKS5 server for programs and proxies that don't speak the hub's protocol. User, password and
/// destination go over the wire in clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Socks5 {
    /// Where the SOCKS5 server listens, at least one.
    #[schemars(
        with = "Vec<String>",
        length(min = 1),
        inner(regex(pattern = r"^(\[[0-9A-Fa-f:.]+\]|[0-9.]+):\d{1,5}$"))
    )]
    pub listen: Vec<SocketAddr>,
    /// Absolute path of the file of its users: a line name:password for each.
    #[schemars(with = "String", regex(pattern = "^/."))]
    pub users: PathBuf,
}

impl Default for Socks5 {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 1080))],
            users: PathBuf::from("/etc/manypath/hub.socks5.users"),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, 443))],
            public: None,
            key: PathBuf::from("/etc/manypath/hub.key"),
            users: PathBuf::from("/etc/manypath/hub.users.toml"),
            usage: PathBuf::from("/var/lib/manypath/hub.usage"),
            log_destinations: false,
            announce: Vec::new(),
            allow: Vec::new(),
            drain: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Timeout::Off,
            state: PathBuf::from("/run/manypath/hub/originals"),
            metrics: None,
            socks5: None,
            mptcp: Mptcp::default(),
        }
    }
}

fn serialize_public<S: serde::Serializer>(
    public: &Option<Destination>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match public {
        Some(public) => serializer.collect_str(public),
        None => serializer.serialize_none(),
    }
}

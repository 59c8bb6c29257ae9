//! The hub's settings file: the model. [`Settings::parse`] reads it.

mod read;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Serialize;

use crate::mptcp::Mptcp;
use crate::timeout::{self, Timeout};
pub use crate::users::Users;

/// Settings of `manypath hub`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Manypath hub settings")]
pub struct Settings {
    /// Where the hub listens, at least one. `[::]:1080` takes IPv4 as well as IPv6.
    #[schemars(
        with = "Vec<String>",
        length(min = 1),
        inner(regex(pattern = r"^(\[[0-9A-Fa-f:.]+\]|[0-9.]+):\d{1,5}$"))
    )]
    pub listen: Vec<SocketAddr>,
    /// Absolute path of the users file: a line name:password for each user who may use the hub.
    #[schemars(with = "String", regex(pattern = "^/."))]
    pub users: PathBuf,
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
    /// How the kernel's Multipath TCP is set.
    pub mptcp: Mptcp,
    /// Absolute path of the file that former kernel settings are kept in while the hub runs.
    #[schemars(with = "String", regex(pattern = r"^/"))]
    pub state: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, 1080))],
            users: PathBuf::from("/etc/manypath/hub.users"),
            announce: Vec::new(),
            allow: Vec::new(),
            drain: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Timeout::Off,
            mptcp: Mptcp::default(),
            state: PathBuf::from("/run/manypath/hub.originals"),
        }
    }
}

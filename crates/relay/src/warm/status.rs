//! What can be said about the hub's connections.

use serde::Serialize;

/// The hub and the connections to it, as of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HubStatus {
    /// Where it is, as `host:port`.
    pub address: String,
    /// Whether it can be used.
    pub state: HubState,
    /// Connections that wait for a request.
    pub idle: usize,
    /// Connections that carry a request.
    pub in_use: usize,
    /// Connections that are being opened.
    pub dialling: usize,
    /// Version of the protocol that is spoken; `None` before the first connection.
    pub protocol: Option<u8>,
    /// The hub's program and its version; `None` before the first connection.
    pub software: Option<String>,
    /// Requests so far.
    pub requests: u64,
    /// Those of them that went over a connection which had carried another before.
    pub reused: u64,
    /// Why the last attempt to connect to it failed, until one succeeds.
    pub trouble: Option<String>,
}

/// Whether the hub can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HubState {
    /// There are connections to it.
    Connected,
    /// There are none yet.
    Connecting,
    /// The last attempt to connect failed.
    Failing,
    /// There is no way out.
    NoUplink,
}

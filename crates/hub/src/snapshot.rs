//! What a hub does at this moment, in plain numbers.

use relay::pool::PoolUse;

/// A running hub at one moment. No secrets and no
/// destinations are in it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The program's version.
    pub version: &'static str,
    /// When the hub began to serve, in seconds since 1970.
    pub started_unix_seconds: u64,
    /// Every account that exists now, by kind and name.
    pub accounts: Vec<AccountSnapshot>,
    /// Connections of edges to the hub.
    pub connections: Connections,
    /// How often something was refused since the start, for each cause there is (also those that did
    /// not happen).
    pub refusals: Vec<Refusals>,
    /// The relay's buffers.
    pub pool: PoolUse,
}

/// One user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSnapshot {
    /// The name, unique among the accounts of a kind.
    pub name: String,
    /// What the user speaks.
    pub kind: AccountKind,
    /// Hub connections that live now; 0 with SOCKS5.
    pub hub_connections: u64,
    /// User connections that live now, also those that are being opened.
    pub open: u64,
    /// How many user connections may live at once; `None`: any number.
    pub max_connections: Option<u64>,
    /// Bytes from the user to origins, since the account exists (also before the last start).
    pub bytes_up: u64,
    /// Bytes from origins to the user, likewise.
    pub bytes_down: u64,
    /// User connections that were opened, likewise.
    pub connections: u64,
    /// User connections that were refused, for whatever cause, likewise.
    pub refused: u64,
}

/// What a user speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKind {
    /// The hub protocol.
    Hub,
    /// SOCKS5.
    Socks5,
}

/// Connections of edges to the hub, by their state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Nobody knows yet whose they are.
    pub handshaking: u64,
    /// Ready for a user connection.
    pub idle: u64,
    /// Carrying, or opening, a user connection.
    pub open: u64,
}

/// How often something was refused for one cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusals {
    /// The cause: a word in lower case with `_`, fit for a label's value.
    pub cause: &'static str,
    /// How often.
    pub count: u64,
}

impl AccountKind {
    /// `hub` or `socks5`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Socks5 => "socks5",
        }
    }
}

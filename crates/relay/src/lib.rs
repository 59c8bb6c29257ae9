//! Takes TCP in, connects it onwards over MPTCP, and moves the bytes.
//!
//! A [`Server`] takes connections from listeners ([`Intake`]: SOCKS and HTTP proxy clients, or
//! connections that the kernel redirected), finds out where each is to go, lets its [`Connector`]
//! open the onward connection, and hands both to [`copy::relay`]. The edge and the hub are both one
//! `Server`, with different options.
//!
//! A connection is two [`copy::Leg`]s. Another kind of onward connection is one more
//! [`Route`] that gives one more kind of leg.
#![forbid(unsafe_code)]

pub mod account;
pub mod address;
pub mod connect;
pub mod copy;
pub mod datagram;
mod handshake;
pub mod pool;
pub mod refusals;
pub mod registry;
mod resume;
pub mod secure;
pub mod server;
mod socket;
mod stream;
pub mod throttle;
pub mod users;
pub mod warm;

pub use account::{Account, AccountTerms, Accounts, Place, Usage};
pub use address::{ClientAddr, ListenAddr, OriginalDestination};
pub use connect::{
    AddressFilter, Bypass, BypassRule, Chain, ConnectError, Connector, ConnectorOptions, Hop,
    Policy, Route, UplinkGate, Way, with_causes,
};
pub use copy::{End, Side, Transferred};
pub use datagram::{Association, DatagramWay, SendDatagram};
pub use pool::BufferPool;
pub use refusals::{Cause, Refusals};
pub use registry::{ConnectionId, ConnectionStatus, Kind, Registry};
pub use secure::SecureStream;
pub use server::{
    Drained, HubConnections, HubIntake, HubOptions, Intake, Protocols, Server, ServerOptions,
};
pub use throttle::{Rates, Throttle};
pub use users::Users;
pub use warm::{HubAddress, HubError, HubPool, HubState, HubStatus, PoolOptions, ProbeLine};

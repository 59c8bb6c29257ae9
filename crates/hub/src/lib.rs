//! The server where MPTCP ends: it takes connections of edges over MPTCP, by the hub protocol or by
//! SOCKS5, and connects to origins with plain TCP.
#![forbid(unsafe_code)]

mod access;
mod accounts;
mod filter;
mod hub;
pub mod metrics;
mod reload;
mod server;
pub mod snapshot;
mod socks5;
mod tune;
mod usage;
mod watch;
mod watched;

pub use filter::Destinations;
pub use hub::Hub;
pub use server::{HubError, run};
pub use snapshot::Snapshot;
pub use tune::{TuneError, Tuned};

//! The server where MPTCP ends: a SOCKS5 proxy that listens with MPTCP and connects with plain TCP.
#![forbid(unsafe_code)]

mod filter;
pub mod metrics;
mod server;
pub mod snapshot;
mod tune;

pub use filter::Destinations;
pub use server::{HubError, run};
pub use snapshot::Snapshot;
pub use tune::{TuneError, Tuned};

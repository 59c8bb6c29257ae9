//! How Windows answers the calls that Wine lacks.
//!
//! The stand-in DLLs decide nothing: each passes its calls as lines of JSON to a [`Machine`] on the
//! other end of a TCP connection on loopback, and its answers back. So one strict model serves the
//! tests on Linux (called directly), the tests under Wine (as a thread of the test) and the twin (in
//! the harness, where its answers move real network cards).
#![forbid(unsafe_code)]

mod client;
pub mod hcs;
pub mod ip;
mod protocol;
mod server;

pub use client::{Client, address, guest_address};
pub use protocol::{Event, Reply, Request};
pub use server::{Machine, serve};

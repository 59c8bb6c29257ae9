//! The hub as an administrator and its clients meet it: the real program on the lab's server, clients
//! behind two uplinks. Needs root.
#![cfg(target_os = "linux")]

mod admission;
mod carrying;
mod client;
mod destinations;
mod edge;
mod flood;
mod kernel;
mod limits;
mod listening;
mod metrics;
mod raw;
mod secrecy;
mod server;
mod starting;
mod stopping;
mod units;
mod users;

//! The hub as an administrator and its clients meet it: the real program on the lab's server, clients
//! behind two uplinks. Needs root.

mod client;
mod destinations;
mod kernel;
mod listening;
mod server;
mod starting;
mod stopping;
mod units;

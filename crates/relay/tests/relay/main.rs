//! The relay with real sockets, real clients and real peers, each test in a network namespace of its
//! own. Needs root.
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod bytes;
mod chain;
mod clients;
mod http;
mod intercept;
mod legs;
mod lifetime;
mod socks;
mod support;
mod warm;

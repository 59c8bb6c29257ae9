//! Manypath as users meet it: real programs on both sides of a real edge and a real hub, in a lab of
//! the test's own. Needs root.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a panic with its place is what a failed test is for"
)]

mod bad_input;
mod capture;
mod changes;
#[path = "../common/mod.rs"]
mod common;
mod families;
mod host;
mod hub;
mod mtu;
mod names;
mod portals;
mod proxy;
mod rules;
mod support;
mod udp;

//! Both ends together, over loopback, whose addresses stand for uplinks.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a panic with its place is what a failed test is for"
)]

mod carrying;
mod hostile;
mod world;

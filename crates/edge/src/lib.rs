//! The agent in the guest: reconciles its network, runs the relay, reports status.
//!
//! What the machine should look like is decided in [`plan`], which is pure. [`agent::run`] observes,
//! plans and applies at start and whenever the kernel reports a change, and takes everything away
//! at the end.
#![forbid(unsafe_code)]

pub mod agent;
pub mod apply;
pub mod leases;
pub mod numbers;
pub mod observe;
pub mod observed;
pub mod originals;
pub mod plan;
pub mod proxy;
pub mod status;
pub mod step;
pub mod uplink;

pub use agent::{EdgeError, dry_run, run};

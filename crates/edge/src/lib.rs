//! The agent in the guest: reconciles its network, runs the relay, reports status.
//!
//! What the machine should look like is decided in `plan`, which is pure. [`run`] observes,
//! plans and applies at start and whenever the kernel reports a change, and takes everything away
//! at the end.
#![forbid(unsafe_code)]

mod agent;
mod allowance;
mod apply;
mod control;
mod error;
mod health;
mod host;
mod leases;
mod names;
mod network_manager;
mod numbers;
mod observe;
mod observed;
mod passing;
mod plan;
mod proxy;
mod ready;
mod reload;
mod rules;
mod status;
mod step;
mod udp;
mod unplugged;
mod uplink;

pub use agent::{dry_run, run};
pub use error::EdgeError;
pub use host::run_for_host;
pub use names::NamesStatus;
pub use rules::RuleStatus;
pub use status::{
    AddressStatus, CapStatus, NetworkStatus, Reading, ServiceStatus, Status, UplinkStatus,
};
pub use uplink::UplinkState;

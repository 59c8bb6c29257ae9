//! Programs that know nothing of Manypath.

mod bypass;
mod http3;
mod local;
mod other_traffic;
mod paths;
mod pieces;
mod programs;
mod quic;
mod single;
mod stream;

use lab::rig::{Rig, RigSpec};

use crate::support::spec;

/// A rig that captures in the given way.
fn rig(intercept: &str) -> Rig {
    Rig::up(intercepting(intercept)).unwrap()
}

fn intercepting(intercept: &str) -> RigSpec {
    let mut spec = spec();
    spec.edge_settings = format!("[host]\nintercept = \"{intercept}\"");
    spec
}

//! The network changes under a running edge, or the edge under a running network.

mod addresses;
mod caps;
mod clean;
mod dry_run;
mod external;
mod interfaces;
mod links;
mod outages;
mod restart;
mod warm;

use std::time::{Duration, Instant};

use lab::rig::{Rig, uplinks_in_use};
use lab::topology::{Lab, LabSpec, Node, Uplink};
use serde_json::Value;

use crate::support::{output, shell, uplink_address};

/// Waits until both families of both uplinks are in use, so that nothing changes by itself any more.
fn settle(rig: &Rig) {
    rig.wait_for_edge("use both families of all uplinks", |status| {
        let uplinks = status["uplinks"].as_array().unwrap();
        uplinks.iter().all(|uplink| {
            let addresses = uplink["addresses"].as_array().unwrap();
            addresses.len() == 2 && addresses.iter().all(|it| it["endpoint"].is_u64())
        })
    })
    .unwrap();
}

fn wait_for_uplinks(rig: &Rig, count: usize) {
    rig.wait_for_edge("have so many uplinks in use", |status| {
        uplinks_in_use(status) == count
    })
    .unwrap();
}

/// The IPv4 addresses that the kernel has endpoints for.
fn endpoints(rig: &Rig) -> Vec<String> {
    let listed = output(rig, Node::Guest, "ip", &["mptcp", "endpoint"]);
    let addresses = listed.lines().filter_map(|line| line.split(' ').next());
    let mut addresses: Vec<_> = addresses
        .filter(|it| it.contains('.'))
        .map(str::to_owned)
        .collect();
    addresses.sort();
    addresses
}

pub fn has(status: &Value, text: &str) -> bool {
    status.to_string().contains(text)
}

/// A lab whose guest has its uplinks up already, with the kernel's own IPv6 on them, as a
/// distribution would leave them.
pub fn warm_lab(spec: LabSpec) -> Lab {
    let lab = Lab::up(spec).unwrap();
    for uplink in lab.uplinks() {
        shell(&lab, Node::Guest, &format!("ip link set eth{uplink} up")).ok();
    }
    let settled = format!(
        "while ip -6 addr show tentative | grep -q . || \
         [ $(ip -6 route | grep -c '^default.*proto ra') != {} ]; do sleep 0.05; done",
        lab.spec().uplinks.len()
    );
    shell(&lab, Node::Guest, &settled).ok();
    lab
}

fn address(rig: &Rig, uplink: Uplink) -> String {
    uplink_address(rig, uplink).unwrap()
}

/// How long something takes that has to be quick. Bounds are many times what it takes.
fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

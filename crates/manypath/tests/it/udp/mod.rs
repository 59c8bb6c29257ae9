//! UDP through the hub.

mod calls;
mod direct;
pub mod echo;
mod programs;
mod reach;

use lab::rig::{Rig, RigSpec};
use serde_json::Value;

use crate::support::{eventually, spec};

/// The standard rig, whose UDP goes through the hub.
pub fn rig(more: &str) -> Rig {
    up(RigSpec {
        edge_settings: format!("[out]\nudp = \"hub\"\n{more}"),
        ..spec()
    })
}

fn up(spec: RigSpec) -> Rig {
    let rig = Rig::up(spec).unwrap();
    all_links(&rig);
    rig
}

/// Waits until the hub can be reached over both uplinks, and nftables knows of it.
fn all_links(rig: &Rig) {
    eventually("UDP goes through the hub over both links", || {
        let udp = &rig.edge_status().unwrap()["udp"];
        let links = udp["links"].as_array()?;
        let all = links.len() == 2 && links.iter().all(|link| link["connected"] == true);
        (all && is_taken(rig)).then_some(())
    });
}

/// Whether nftables hands UDP over.
fn is_taken(rig: &Rig) -> bool {
    let listed = crate::support::shell(
        rig.lab(),
        lab::topology::Node::Guest,
        "nft list chain inet manypath datagrams",
    );
    listed.text().contains("tproxy")
}

/// The uplinks that UDP goes by.
fn used(status: &Value) -> Vec<String> {
    let links = status["udp"]["links"].as_array().unwrap();
    let used = links.iter().filter(|link| link["used"] == true);
    used.map(|link| link["uplink"].as_str().unwrap().to_owned())
        .collect()
}

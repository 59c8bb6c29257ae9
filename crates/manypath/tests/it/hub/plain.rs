//! Connections to the hub that the kernel lets fall back to plain TCP.

use lab::rig::RigSpec;
use lab::topology::Node;

use super::*;
use crate::support::{LIMIT, shell};

/// More than are kept.
const AT_ONCE: usize = 12;

/// Of every second connection, all packets but the first lose their MPTCP options, as a middlebox does it, or
/// the loss of the third packet.
const STRIPPED: &str = "nft -f - <<'END'
table inet stripped {
  chain out {
    type filter hook output priority mangle
    tcp dport 443 tcp flags & (syn | ack) == syn numgen inc mod EVERY == 0 ct mark set 1
    tcp dport 443 tcp flags & syn == 0 ct mark 1 reset tcp option mptcp
  }
}
END";

fn strip(lab: &Lab, every: &str) {
    shell(lab, Node::Guest, &STRIPPED.replace("EVERY", every)).ok();
}

/// Whether each of new connections through the hub has fallen back.
fn fallbacks(rig: &Rig) -> Vec<bool> {
    let connect = |_| rig.connect(LIMIT).unwrap();
    let _clients: Vec<_> = (0..AT_ONCE).map(connect).collect();
    rig.wait_for_edge("have them all open", |status| {
        let connections = status["connections"].as_array().unwrap();
        connections.len() == AT_ONCE && connections.iter().all(|it| it["onward"].is_object())
    })
    .unwrap();
    let status = rig.edge_status().unwrap();
    let connections = status["connections"].as_array().unwrap().iter();
    connections
        .map(|it| it["onward"]["fallback"] == true)
        .collect()
}

#[test]
fn what_fell_back_is_dialled_anew() {
    let rig = ready(RigSpec::new(env!("CARGO_BIN_EXE_manypath")));
    strip(rig.lab(), "2");
    assert_eq!(fallbacks(&rig), [false; AT_ONCE]);
}

#[test]
fn where_nothing_else_comes_through_plain_tcp_is_used() {
    let spec = steady(RigSpec::new(env!("CARGO_BIN_EXE_manypath")));
    let lab = Lab::up(spec.lab.clone()).unwrap();
    strip(&lab, "1");
    let rig = ready_in(lab, spec);
    assert_eq!(fallbacks(&rig), [true; AT_ONCE]);
}

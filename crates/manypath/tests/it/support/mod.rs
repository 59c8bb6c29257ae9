//! What the tests have in common.

mod nginx;
mod sockets;
mod state;
mod tcpdump;
mod udp;

use std::collections::BTreeSet;

use lab::rig::{Capture, Rig, RigSpec};
use lab::topology::{Node, Uplink};

pub use crate::common::questions::question;
pub use crate::common::run::{Ran, command, run_with};
pub use crate::common::{
    Browser, By, LIMIT, Names, PROGRAM, Server, TimeServer, ask_while_links_flap, call,
    clock_error, eventually, iperf3, output, ping, run, seen_as, shell, traceroute,
};
pub use nginx::{Nginx, body};
pub use sockets::{connect, http_get, socks5};
pub use state::{assert_same, state};
pub use tcpdump::{Packet, Tcpdump};
pub use udp::udp_seen_as;

/// The standard rig: two links, hub, everything captured.
pub fn spec() -> RigSpec {
    RigSpec::new(PROGRAM)
}

/// The same, but programs have to use the proxy.
pub fn proxy_spec() -> RigSpec {
    RigSpec {
        capture: Capture::Proxy,
        ..spec()
    }
}

/// A Windows program gets what it asks for.
pub fn assert_downloads(rig: &Rig) {
    let mut client = rig.connect(LIMIT).expect("a connection");
    let transfer = client.download(100_000, |_| {}).expect("a download");
    assert!(transfer.intact);
}

/// Both uplinks of the standard rig have IPv6, which takes a second or two: before that nothing leads to IPv6
/// origins.
pub fn wait_for_ipv6(rig: &Rig) {
    rig.wait_for_edge("have IPv6", |status| {
        let uplinks = status["uplinks"].to_string();
        ["2001:db8:11", "2001:db8:12"]
            .iter()
            .all(|net| uplinks.contains(net))
    })
    .expect("IPv6");
}

/// The IPv4 address of an uplink as the edge's status shows it.
pub fn uplink_address(rig: &Rig, uplink: Uplink) -> Option<String> {
    let status = rig.edge_status().ok()?;
    let addresses = status["uplinks"][uplink.position()]["addresses"].as_array()?;
    let first = addresses.first()?["address"].as_str()?;
    Some(first.split('/').next()?.to_owned())
}

/// How many subflows the connection to `destination` has, and whether it fell back to plain TCP.
pub fn subflows_to(rig: &Rig, destination: &str) -> Option<(usize, bool)> {
    let status = rig.edge_status().ok()?;
    let connections = status["connections"].as_array()?;
    let connection = connections
        .iter()
        .find(|it| it["destination"] == destination)?;
    let onward = &connection["onward"];
    Some((
        onward["subflows"].as_array()?.len(),
        onward["fallback"].as_bool()?,
    ))
}

/// The edge's ends of all subflows that are established with the hub. The edge's probes are plain TCP, and
/// not among them.
pub fn subflow_ends(rig: &Rig) -> BTreeSet<String> {
    let filter = ["-Htni", "state", "established", "dport = :443"];
    let sockets = output(rig, Node::Guest, "ss", &filter);
    let lines: Vec<&str> = sockets.lines().collect();
    // A line with the ends, and one that tells more.
    let subflows = lines
        .chunks(2)
        .filter(|socket| socket[1].contains("tcp-ulp-mptcp"));
    let local = |socket: &[&str]| socket[0].split_whitespace().nth(2).map(plain);
    subflows.filter_map(local).collect()
}

/// An IPv4 address as such: a connection's first subflow has it mapped into IPv6.
fn plain(end: &str) -> String {
    let unmapped = end.strip_prefix("[::ffff:").map(|it| it.replace(']', ""));
    unmapped.unwrap_or_else(|| end.to_owned())
}

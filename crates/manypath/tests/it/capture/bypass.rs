//! What goes straight to its destination.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use lab::rig::Rig;
use lab::topology::{Node, Uplink, addresses};

use super::intercepting;
use crate::support::{Nginx, connect, eventually, http_get, output, seen_as};

fn whoami(rig: &Rig, to: &str) -> String {
    let to: SocketAddr = to.parse().unwrap();
    let windows = rig.lab().namespace(Node::Windows);
    windows
        .run(|| http_get(to, "/whoami"))
        .unwrap_or_else(|error| format!("{to}: {error}"))
}

fn bypass(intercept: &str) {
    let mut spec = intercepting(intercept);
    spec.edge_settings += "\n[bypass]\nnetworks = [\"203.0.113.19/32\", \"2001:db8:b::/64\"]\nports = [9000, \"9010-9012\"]";
    let rig = Rig::up(spec).unwrap();
    output(
        &rig,
        Node::Origin,
        "ip",
        &["addr", "add", "203.0.113.19/28", "dev", "eth0"],
    );
    let _nginx = Nginx::start_with(rig.lab(), "nginx", &[9000, 9009, 9010, 9011, 9012, 9013]);
    let first = seen_as(Uplink::FIRST);
    let hub = addresses::HUB.ipv4().to_string();
    for (to, seen) in [
        ("203.0.113.18:8080", &hub),
        ("203.0.113.18:9009", &hub),
        ("203.0.113.18:9013", &hub),
        ("203.0.113.18:9000", &first),
        ("203.0.113.18:9010", &first),
        ("203.0.113.18:9012", &first),
        ("203.0.113.19:8080", &first),
    ] {
        assert_eq!(whoami(&rig, to), *seen, "{to}");
    }
    // By the proxy too: the edge itself connects then.
    for (port, seen) in [("8080", &hub), ("9000", &first)] {
        let url = format!("http://203.0.113.18:{port}/whoami");
        let curl = ["-sSf", "--socks5", "172.22.0.1:1080", &url];
        assert_eq!(output(&rig, Node::Windows, "curl", &curl), *seen, "{port}");
    }
    // IPv6 has no address translation in the lab: the uplink's own address is seen.
    eventually("IPv6 goes out by itself", || {
        let seen = whoami(&rig, "[2001:db8:b::2]:8080");
        seen.starts_with("2001:db8:11:").then_some(())
    });
}

#[test]
fn past_redirect() {
    bypass("redirect");
}

#[test]
fn past_tproxy() {
    bypass("tproxy");
}

/// WSL's own default route leads back to Windows: round and round, if what comes from there took it.
#[test]
fn without_an_uplink_the_host_is_told_at_once() {
    let mut spec = intercepting("redirect");
    spec.edge_settings += "\n[bypass]\nports = [8080]";
    let rig = Rig::up(spec).unwrap();
    let default = ["route", "add", "default", "via", "172.22.0.2"];
    output(&rig, Node::Guest, "ip", &default);
    for uplink in [Uplink::FIRST, Uplink::SECOND] {
        rig.lab().link(uplink).carrier(false).unwrap();
    }
    let told = || {
        let began = Instant::now();
        let to = SocketAddr::new(addresses::ORIGIN.ipv4().into(), 8080);
        let error = connect(&rig, Node::Windows, to).err()?.kind();
        let unreachable = [ErrorKind::NetworkUnreachable, ErrorKind::HostUnreachable];
        let at_once = began.elapsed() < Duration::from_millis(900);
        (unreachable.contains(&error) && at_once).then_some(())
    };
    eventually("Windows is told that there is no way", told);
}

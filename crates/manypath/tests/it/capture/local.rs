//! Connections from the host to the guest itself.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};

use lab::topology::Node;

use super::rig;
use crate::support::{Server, connect, output};

fn reaches_the_guest(intercept: &str) {
    let rig = rig(intercept);
    let _server = Server::start(rig.lab(), Node::Guest, 7000, |mut stream| {
        let _ = stream.write_all(b"guest");
    });
    for host in ["172.22.0.1", "fd22::1"] {
        let to = SocketAddr::new(host.parse().unwrap(), 7000);
        let mut answer = String::new();
        let mut stream = connect(&rig, Node::Windows, to).unwrap();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "guest", "{to}");
    }
    assert!(
        rig.edge_status().unwrap()["connections"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn redirect_leaves_the_guests_services_alone() {
    reaches_the_guest("redirect");
}

#[test]
fn tproxy_leaves_the_guests_services_alone() {
    reaches_the_guest("tproxy");
}

/// Someone connects to the very listener that takes intercepted connections: without care the edge
/// would connect to itself, and again, and again.
fn no_loop(intercept: &str, before: &str) {
    let rig = rig(intercept);
    let rules = output(&rig, Node::Guest, "nft", &["list", "ruleset"]);
    let (_, after) = rules.split_once(before).unwrap();
    let digits = after.split(|it: char| !it.is_ascii_digit()).next().unwrap();
    let port = digits.parse().unwrap();
    for host in ["172.22.0.1", "fd22::1"] {
        let host: IpAddr = host.parse().unwrap();
        // It may be reset before we know that it was open.
        let opened = connect(&rig, Node::Windows, SocketAddr::new(host, port));
        let read = opened.and_then(|mut stream| stream.read(&mut [0; 1]));
        assert!(!matches!(read, Ok(1..)), "{host}");
        let kind = read.err().map(|error| error.kind());
        assert!(kind != Some(ErrorKind::TimedOut), "{host}");
        assert!(kind != Some(ErrorKind::WouldBlock), "{host}");
    }
    let log = std::fs::read_to_string(rig.edge().unwrap().log()).unwrap();
    assert!(!log.contains("Too many open files"), "{log}");
    assert!(
        rig.edge_status().unwrap()["connections"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert!(
        rig.connect(crate::support::LIMIT)
            .unwrap()
            .download(1000, |_| {})
            .unwrap()
            .intact
    );
}

#[test]
fn redirect_does_not_run_in_circles() {
    no_loop("redirect", "redirect to :");
}

#[test]
fn tproxy_does_not_run_in_circles() {
    no_loop("tproxy", "tproxy to :");
}

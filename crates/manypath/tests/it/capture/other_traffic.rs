//! What is not TCP goes on working.

use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use lab::rig::Rig;
use lab::topology::{Node, Uplink, addresses};
use socket2::{Domain, Protocol, Socket, Type};

use super::rig;
use crate::support::{eventually, proxy_spec, seen_as, udp_seen_as};

const PORT: u16 = 5353;

/// Sends an ICMP echo request from the Windows side and waits for the answer.
fn ping(rig: &Rig, to: SocketAddr) -> bool {
    let (domain, protocol, kind, answer) = match to {
        SocketAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, 8, 0),
        SocketAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, 128, 129),
    };
    let windows = rig.lab().namespace(Node::Windows);
    let socket = windows
        .run(|| Socket::new(domain, Type::RAW, Some(protocol)))
        .unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    // Type, code, checksum, identifier "MP", number 1. The checksum of all but itself; for ICMPv6 the
    // kernel computes it.
    let mut packet = [kind, 0, 0, 0, 0x4d, 0x50, 0, 1];
    let sum = !(u16::from(kind) << 8).wrapping_add(0x4d50).wrapping_add(1);
    if to.is_ipv4() {
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    socket
        .send_to(&packet, &SocketAddr::new(to.ip(), 0).into())
        .unwrap();
    let mut buffer = [0; 1500];
    while let Ok(size) = (&socket).read(&mut buffer) {
        // IPv4's header comes with the message.
        let message = &buffer[if to.is_ipv4() { 20 } else { 0 }..size];
        if message[0] == answer && message[4..6] == [0x4d, 0x50] {
            return true;
        }
    }
    false
}

fn udp_and_ping(rig: &Rig) {
    let [v4, v6] = addresses::ORIGIN
        .both()
        .map(|host| SocketAddr::new(host, PORT));
    assert_eq!(udp_seen_as(rig.lab(), v4), Some(seen_as(Uplink::FIRST)));
    assert!(ping(rig, v4));
    // IPv6 has no address translation in the lab: the uplink's own address is seen.
    let seen = eventually("IPv6 addresses are there", || udp_seen_as(rig.lab(), v6));
    assert!(seen.starts_with("2001:db8:1"), "{seen}");
    assert!(ping(rig, v6));
}

#[test]
fn with_redirect() {
    udp_and_ping(&rig("redirect"));
}

#[test]
fn with_tproxy() {
    udp_and_ping(&rig("tproxy"));
}

#[test]
fn with_the_proxy_alone() {
    udp_and_ping(&Rig::up(proxy_spec()).unwrap());
}

#[test]
fn by_the_second_uplink_when_the_first_is_gone() {
    let rig = rig("redirect");
    rig.lab().link(Uplink::FIRST).carrier(false).unwrap();
    let to = SocketAddr::new(addresses::ORIGIN.ipv4().into(), PORT);
    eventually("UDP moves to the second uplink", || {
        let seen = udp_seen_as(rig.lab(), to)?;
        (seen == seen_as(Uplink::SECOND)).then_some(())
    });
    assert!(ping(&rig, to));
    rig.lab().link(Uplink::FIRST).carrier(true).unwrap();
    eventually("UDP moves back", || {
        let seen = udp_seen_as(rig.lab(), to)?;
        (seen == seen_as(Uplink::FIRST)).then_some(())
    });
}

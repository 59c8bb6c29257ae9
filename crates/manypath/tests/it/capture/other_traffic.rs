//! What is not TCP goes on working.

use std::net::SocketAddr;

use lab::rig::Rig;
use lab::topology::{Uplink, addresses};

use super::rig;
use crate::support::{eventually, ping, proxy_spec, seen_as, udp_seen_as, wait_for_ipv6};

const PORT: u16 = 5353;

fn udp_and_ping(rig: &Rig) {
    let [v4, v6] = addresses::ORIGIN
        .both()
        .map(|host| SocketAddr::new(host, PORT));
    // Before that it changes its uplink.
    wait_for_ipv6(rig);
    // A new uplink is left out for a moment, until it is known how far it is.
    eventually("UDP goes by the first uplink", || {
        (udp_seen_as(rig.lab(), v4)? == seen_as(Uplink::FIRST)).then_some(())
    });
    assert!(ping(rig, v4.ip()));
    // IPv6 has no address translation in the lab: the uplink's own address is seen.
    let seen = eventually("IPv6 passes", || udp_seen_as(rig.lab(), v6));
    assert!(seen.starts_with("2001:db8:1"), "{seen}");
    assert!(ping(rig, v6.ip()));
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
    assert!(ping(&rig, to.ip()));
    rig.lab().link(Uplink::FIRST).carrier(true).unwrap();
    eventually("UDP moves back", || {
        let seen = udp_seen_as(rig.lab(), to)?;
        (seen == seen_as(Uplink::FIRST)).then_some(())
    });
}

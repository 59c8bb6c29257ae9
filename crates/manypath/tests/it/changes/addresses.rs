//! What DHCP servers and routers do to a running edge.

use std::net::Ipv4Addr;
use std::time::Duration;

use lab::access::DhcpMode;
use lab::rig::Rig;
use lab::topology::{Lab, Node, Uplink};
use lab::traffic::{Client, Error, Transfer};

use super::{address, endpoints, has, wait_for_uplinks};
use crate::support::{LIMIT, eventually, output, spec};

/// The shortest that a server may give; renewed after half of it.
const LEASE: Duration = Duration::from_secs(2);

/// A rig whose first uplink has a lease that is renewed every second.
fn rig() -> Rig {
    let spec = spec();
    let lab = Lab::up(spec.lab.clone()).unwrap();
    lab.dhcp_server(Uplink::FIRST).unwrap().set_lease(LEASE);
    Rig::up_in(lab, spec).unwrap()
}

fn works(rig: &Rig) {
    let mut client = rig.connect(LIMIT).unwrap();
    assert!(client.download(200_000, |_| {}).unwrap().intact);
}

#[test]
fn a_lease_is_renewed() {
    let rig = rig();
    let server = rig.lab().dhcp_server(Uplink::FIRST).unwrap();
    let before = address(&rig, Uplink::FIRST);
    let endpoint = output(&rig, Node::Guest, "ip", &["mptcp", "endpoint"]);
    eventually("two renewals", || {
        (server.counters().renewals >= 2).then_some(())
    });
    assert_eq!(address(&rig, Uplink::FIRST), before);
    // Same id: running connections have not noticed.
    let now = output(&rig, Node::Guest, "ip", &["mptcp", "endpoint"]);
    assert!(
        endpoint.lines().all(|line| now.contains(line)),
        "{endpoint}\n{now}"
    );
    assert_eq!(server.counters().naks, 0);
}

#[test]
fn a_new_address_replaces_the_old_one() {
    let rig = rig();
    let server = rig.lab().dhcp_server(Uplink::FIRST).unwrap();
    let ip = |last| Ipv4Addr::new(192, 168, 11, last);
    server.set_pool(ip(50)..=ip(59));
    rig.wait_for_edge("have the new address", |status| {
        has(status, "192.168.11.50/24")
    })
    .unwrap();
    assert!(server.counters().naks >= 1);
    eventually("old address and endpoint are gone", || {
        let addresses = output(
            &rig,
            Node::Guest,
            "ip",
            &["-4", "addr", "show", "dev", "eth1"],
        );
        let rules = output(&rig, Node::Guest, "ip", &["rule"]);
        let old = addresses.contains("192.168.11.100") || rules.contains("192.168.11.100");
        let new = endpoints(&rig) == ["192.168.11.50", "192.168.12.100"];
        (new && !old).then_some(())
    });
    works(&rig);
}

/// Runs a transfer, gives the first uplink another address at its first bytes, and returns when it
/// has it.
fn with_a_new_address(
    transfer: impl FnOnce(&mut Client, &mut dyn FnMut(u64)) -> Result<Transfer, Error>,
) {
    let rig = rig();
    let server = rig.lab().dhcp_server(Uplink::FIRST).unwrap();
    let ip = |last| Ipv4Addr::new(192, 168, 11, last);
    let mut client = rig.connect(LIMIT).unwrap();
    let mut started = false;
    let transfer = transfer(&mut client, &mut |_| {
        if !std::mem::replace(&mut started, true) {
            server.set_pool(ip(60)..=ip(69));
        }
    });
    assert!(transfer.unwrap().intact);
    // Every second a renewal asks for the old address, so it was refused during the transfer.
    assert!(server.counters().naks >= 1);
    rig.wait_for_edge("have the new address", |status| {
        has(status, "192.168.11.60/24")
    })
    .unwrap();
}

#[test]
fn a_download_survives_a_new_address() {
    with_a_new_address(|client, progress| client.download(25_000_000, progress));
}

#[test]
fn an_upload_survives_a_new_address() {
    with_a_new_address(|client, progress| client.upload(10_000_000, progress));
}

#[test]
fn a_server_that_refuses_and_one_that_vanishes() {
    for mode in [DhcpMode::Refusing, DhcpMode::Silent] {
        let rig = rig();
        let server = rig.lab().dhcp_server(Uplink::FIRST).unwrap();
        server.set_mode(mode);
        rig.wait_for_edge("give the lost address up", |status| {
            status["uplinks"][0]["state"] != "up"
                || !status["uplinks"][0]["addresses"]
                    .to_string()
                    .contains("192.168.11.")
        })
        .unwrap();
        eventually("nothing of it is left", || {
            let addresses = output(
                &rig,
                Node::Guest,
                "ip",
                &["-4", "addr", "show", "dev", "eth1"],
            );
            let left = addresses.contains("inet ") || endpoints(&rig) != ["192.168.12.100"];
            (!left).then_some(())
        });
        works(&rig);
        server.set_mode(DhcpMode::Answering);
        wait_for_uplinks(&rig, 2);
    }
}

#[test]
fn another_gateway() {
    let rig = rig();
    let other = Ipv4Addr::new(192, 168, 11, 2);
    output(
        &rig,
        Node::Access(Uplink::FIRST),
        "ip",
        &["addr", "add", "192.168.11.2/24", "dev", "lan"],
    );
    rig.lab()
        .dhcp_server(Uplink::FIRST)
        .unwrap()
        .set_gateway(Some(other));
    rig.wait_for_edge("use the new gateway", |status| {
        status["uplinks"][0]["addresses"][0]["gateway"] == "192.168.11.2"
    })
    .unwrap();
    eventually("routes by the new gateway alone", || {
        let routes = output(&rig, Node::Guest, "ip", &["route", "show", "table", "all"]);
        let good = routes.matches("default via 192.168.11.2 ").count() == 2;
        (good && !routes.contains("via 192.168.11.1 ")).then_some(())
    });
    works(&rig);
}

#[test]
fn no_server_at_all_leaves_the_other_uplink_working() {
    let spec = spec();
    let lab = Lab::up(spec.lab.clone()).unwrap();
    lab.dhcp_server(Uplink::SECOND)
        .unwrap()
        .set_mode(DhcpMode::Silent);
    lab.link(Uplink::SECOND).carrier(false).unwrap();
    let rig = Rig::up_in(lab, spec).unwrap();
    rig.lab().link(Uplink::SECOND).carrier(true).unwrap();
    works(&rig);
    assert_eq!(endpoints(&rig), ["192.168.11.100"]);
    rig.lab()
        .dhcp_server(Uplink::SECOND)
        .unwrap()
        .set_mode(DhcpMode::Answering);
    wait_for_uplinks(&rig, 2);
}

/// A fresh lease within a second of carrier, where the server answers at once.
#[test]
fn a_lease_comes_within_a_second_of_the_carrier() {
    let spec = spec();
    let lab = Lab::up(spec.lab.clone()).unwrap();
    lab.link(Uplink::FIRST).carrier(false).unwrap();
    let rig = Rig::up_in(lab, spec).unwrap();
    let took = super::timed(|| {
        rig.lab().link(Uplink::FIRST).carrier(true).unwrap();
        eventually("an endpoint", || (endpoints(&rig).len() == 2).then_some(()));
    });
    assert!(took < Duration::from_millis(1500), "{took:?}");
}

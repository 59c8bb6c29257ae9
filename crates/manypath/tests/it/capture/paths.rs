//! Captured connections use all paths to the hub.

use std::net::{IpAddr, SocketAddr};

use lab::rig::{ORIGIN_PORT, Rig};
use lab::topology::{Node, addresses};
use lab::traffic::{Client, Via};

use super::rig;
use crate::support::{LIMIT, Nginx, eventually, http_get, subflows_to};

/// Of all kinds: privileged, well-known, the hub's own, an ephemeral one, the last.
const PORTS: [u16; 6] = [1, 443, 1080, 8443, 40000, 65535];

fn every_port_and_family(rig: &Rig) {
    let _nginx = Nginx::start_with(rig.lab(), "nginx", &PORTS);
    for host in addresses::ORIGIN.both() {
        for port in PORTS {
            let to = SocketAddr::new(host, port);
            let seen = rig
                .lab()
                .namespace(Node::Windows)
                .run(|| http_get(to, "/whoami"));
            let seen: IpAddr = seen.unwrap().parse().unwrap();
            // The hub has two addresses of IPv6, and the kernel takes which it likes.
            let hub = [addresses::HUB, addresses::HUB_SECOND];
            assert!(
                hub.iter().any(|it| it.both().contains(&seen)),
                "{to}: {seen}"
            );
        }
    }
}

/// A download that has not ended yet shows two subflows, and every byte arrives.
fn download_over_both(rig: &Rig, origin: IpAddr) {
    let to = SocketAddr::new(origin, ORIGIN_PORT);
    let windows = rig.lab().namespace(Node::Windows);
    let mut client = windows
        .run(|| Client::connect(Via::Direct, to, LIMIT))
        .unwrap();
    let (mut bytes, mut seen) = (0, None);
    let transfer = client.download(4_000_000, |more| {
        bytes += more;
        if bytes > 1_000_000 && seen.is_none() {
            seen = subflows_to(rig, &to.to_string());
        }
    });
    assert!(transfer.unwrap().intact);
    assert_eq!(seen, Some((2, false)), "{to}");
    let counters = rig
        .lab()
        .uplinks()
        .map(|uplink| rig.lab().link(uplink).counters());
    let carried: Vec<u64> = counters.map(|it| it.down.bytes).collect();
    assert!(carried.iter().all(|bytes| *bytes > 500_000), "{carried:?}");
    drop(client);
    eventually("the connection leaves the status", || {
        let status = rig.edge_status().unwrap();
        status["connections"]
            .as_array()
            .unwrap()
            .is_empty()
            .then_some(())
    });
}

#[test]
fn redirect_takes_every_port() {
    every_port_and_family(&rig("redirect"));
}

#[test]
fn tproxy_takes_every_port() {
    every_port_and_family(&rig("tproxy"));
}

#[test]
fn a_redirected_download_uses_both_links() {
    let rig = rig("redirect");
    for origin in addresses::ORIGIN.both() {
        download_over_both(&rig, origin);
    }
}

#[test]
fn a_tproxied_download_uses_both_links() {
    let rig = rig("tproxy");
    for origin in addresses::ORIGIN.both() {
        download_over_both(&rig, origin);
    }
}

#[test]
fn an_upload_uses_both_links() {
    let rig = rig("redirect");
    let mut client = rig.connect(LIMIT).unwrap();
    assert!(client.upload(3_000_000, |_| {}).unwrap().intact);
    let counters = rig
        .lab()
        .uplinks()
        .map(|uplink| rig.lab().link(uplink).counters());
    let carried: Vec<u64> = counters.map(|it| it.up.bytes).collect();
    assert!(carried.iter().all(|bytes| *bytes > 300_000), "{carried:?}");
}

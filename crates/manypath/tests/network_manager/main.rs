//! The uplinks belong to a real NetworkManager, and the edge uses what it has set up. Needs root, and
//! Debian's network-manager and dbus.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

mod daemon;
mod guest;

use std::time::Duration;

use daemon::{NetworkManager, wait_for};
use lab::rig::{Addresses, Rig, RigSpec};
use lab::topology::{Lab, LabSpec, Uplink};

/// NetworkManager's own endpoints are `subflow` alone, so these can only be the edge's.
const FLAGS: &str = "subflow,fullmesh";

const LIMIT: Duration = Duration::from_secs(10);

fn lab() -> Lab {
    Lab::up(LabSpec::default()).expect("a lab")
}

fn rig(lab: Lab, manager: &NetworkManager) -> Rig {
    let uplink = |name| {
        format!(
            "[[uplink]]\ninterface = '{name}'\naddresses = 'external'\n\
             endpoint = ['subflow', 'fullmesh']\n"
        )
    };
    let spec = RigSpec {
        addresses: Addresses::External,
        edge_settings: uplink("eth1") + &uplink("eth2"),
        ..RigSpec::new(manager.program())
    };
    Rig::up_in(lab, spec).unwrap_or_else(|error| panic!("{:#}", anyhow::Error::from(error)))
}

/// Waits until both uplinks have addresses of both families and each address has our endpoint.
#[track_caller]
fn wait_for_our_endpoints(lab: &Lab) {
    wait_for("one endpoint of ours for each address", || {
        let endpoints = guest::endpoints(lab);
        endpoints.len() == 4 && endpoints == guest::one_each(lab, FLAGS)
    });
}

#[track_caller]
fn download(rig: &Rig, bytes: u64) {
    let mut client = rig.connect(LIMIT).expect("a connection");
    let transfer = client.download(bytes, |_| {}).expect("a download");
    assert!(transfer.intact && transfer.bytes == bytes);
}

fn bytes_down(rig: &Rig) -> [u64; 2] {
    [Uplink::FIRST, Uplink::SECOND].map(|it| rig.lab().link(it).counters().down.bytes)
}

#[test]
fn the_edge_uses_what_network_manager_set_up_and_leaves_it_as_it_was() {
    let lab = lab();
    let manager = NetworkManager::start(&lab);
    // Without us it makes endpoints of its own: else nothing of this is a test.
    wait_for("NetworkManager's endpoints", || {
        guest::endpoints(&lab).len() == 4
    });
    assert_eq!(guest::endpoints(&lab), guest::one_each(&lab, "subflow"));
    let before = guest::managed(&lab);

    let mut rig = rig(lab, &manager);
    wait_for_our_endpoints(rig.lab());
    assert_eq!(guest::managed(rig.lab()), before);

    let start = bytes_down(&rig);
    const BYTES: u64 = 10_000_000;
    download(&rig, BYTES);
    for (before, after) in start.into_iter().zip(bytes_down(&rig)) {
        assert!(
            after - before > BYTES / 5,
            "{start:?} {:?}",
            bytes_down(&rig)
        );
    }

    rig.stop_edge().expect("a clean stop");
    assert_eq!(guest::managed(rig.lab()), before);
    assert_eq!(guest::ours(rig.lab()), [] as [String; 0]);
    assert_eq!(guest::endpoints(rig.lab()), [] as [String; 0]);
    assert_eq!(manager.drop_in(), "");
    // It has heard that the drop-in is gone.
    manager.nmcli(rig.lab(), &["connection", "up", "eth1"]);
    manager.nmcli(rig.lab(), &["connection", "up", "eth2"]);
    wait_for("NetworkManager's endpoints again", || {
        let endpoints = guest::endpoints(rig.lab());
        endpoints.len() == 4 && endpoints == guest::one_each(rig.lab(), "subflow")
    });
}

#[test]
fn endpoints_stay_ours_through_reactivation_carrier_loss_and_renewal() {
    let lab = lab();
    for uplink in lab.uplinks() {
        let server = lab.dhcp_server(uplink).expect("a DHCP server");
        // It renews after half of it.
        server.set_lease(Duration::from_secs(8));
    }
    let manager = NetworkManager::start(&lab);
    let mut rig = rig(lab, &manager);
    wait_for_our_endpoints(rig.lab());

    // NetworkManager knows endpoints of its own on eth2 still, and puts them back.
    manager.nmcli(rig.lab(), &["connection", "up", "eth1"]);
    wait_for_our_endpoints(rig.lab());
    manager.nmcli(rig.lab(), &["connection", "up", "eth2"]);
    wait_for_our_endpoints(rig.lab());

    let link = rig.lab().link(Uplink::SECOND);
    link.carrier(false).expect("a cable");
    wait_for("no endpoint on a pulled uplink", || {
        guest::endpoints(rig.lab())
            .iter()
            .all(|it| it.contains("eth1"))
    });
    link.carrier(true).expect("a cable");
    wait_for_our_endpoints(rig.lab());

    let renewals = || {
        let servers = rig.lab().uplinks().map(|it| rig.lab().dhcp_server(it));
        let renewals = servers.map(|it| it.expect("a DHCP server").counters().renewals);
        renewals.min().expect("two uplinks")
    };
    let so_far = renewals();
    wait_for("renewals on both uplinks", || renewals() > so_far);
    wait_for_our_endpoints(rig.lab());

    // Nobody mends what it does: it makes no endpoint, because the drop-in says so.
    assert!(manager.drop_in().contains("connection.mptcp-flags=1"));
    rig.kill_edge();
    manager.nmcli(rig.lab(), &["connection", "up", "eth1"]);
    let of_eth1 = || {
        let endpoints = guest::endpoints(rig.lab());
        endpoints.iter().any(|it| it.contains("eth1"))
    };
    wait_for("both families on eth1", || {
        guest::one_each(rig.lab(), FLAGS).len() == 4
    });
    // Ours are left, since the edge was killed. Its own would be without fullmesh.
    let left = guest::endpoints(rig.lab());
    assert!(
        left.iter().all(|it| it.ends_with(FLAGS)) && of_eth1(),
        "{left:?}"
    );

    rig.start_edge().expect("an edge");
    wait_for_our_endpoints(rig.lab());
    rig.stop().expect("a clean stop");
}

#[test]
fn an_address_that_is_taken_away_or_replaced_is_followed() {
    let lab = lab();
    let manager = NetworkManager::start(&lab);
    let mut rig = rig(lab, &manager);
    wait_for_our_endpoints(rig.lab());

    let mut client = rig.connect(LIMIT).expect("a connection");
    let mut disconnected = false;
    let transfer = client.download(10_000_000, |_| {
        if !std::mem::replace(&mut disconnected, true) {
            manager.nmcli(rig.lab(), &["device", "disconnect", "eth1"]);
        }
    });
    assert!(transfer.expect("the other uplink goes on").intact);
    wait_for("eth1 has nothing", || {
        guest::endpoints(rig.lab())
            .iter()
            .all(|it| it.contains("eth2"))
    });
    let state = |status: &serde_json::Value| status["uplinks"][0]["link"].clone();
    rig.wait_for_edge("say so", |status| state(status) == "no-address")
        .expect("the status");
    assert!(
        !guest::ours(rig.lab())
            .iter()
            .any(|it| it.contains("192.168.11."))
    );

    // When it asks again, the provider has other addresses.
    let server = rig.lab().dhcp_server(Uplink::FIRST).expect("a DHCP server");
    let address = |last| std::net::Ipv4Addr::new(192, 168, 11, last);
    server.set_pool(address(201)..=address(209));
    manager.nmcli(rig.lab(), &["device", "connect", "eth1"]);
    wait_for_our_endpoints(rig.lab());
    let new = guest::endpoints(rig.lab());
    assert!(
        new.iter().any(|it| it.starts_with("192.168.11.20")),
        "{new:?}"
    );
    download(&rig, 1_000_000);
    rig.stop().expect("a clean stop");
}

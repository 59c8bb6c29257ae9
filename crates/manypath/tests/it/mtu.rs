//! Packets of every size: what is too large for a link is told to the sender, or found out by it.

use lab::rig::{Rig, uplinks_in_use};
use lab::topology::{Node, Uplink, addresses};

use crate::support::{LIMIT, Nginx, body, connect, eventually, output, run, spec};

/// Far more than one packet, both ways, by the edge and past it.
fn carries(rig: &Rig) {
    let mut client = rig.connect(LIMIT).unwrap();
    assert!(client.download(500_000, |_| {}).unwrap().intact);
    assert!(client.upload(500_000, |_| {}).unwrap().intact);
}

fn curl(rig: &Rig, node: Node, url: &str) {
    let got = run(rig.lab(), node, "curl", &["-sSf", "--max-time", "10", url]);
    assert!(got.ok_bytes() == body(), "{url}");
}

#[test]
fn links_from_1280_to_9000_bytes() {
    for [first, second] in [[1280, 9000], [9000, 1400]] {
        let mut spec = spec();
        for (uplink, mtu) in spec.lab.uplinks.iter_mut().zip([first, second]) {
            uplink.mtu = mtu;
        }
        spec.edge_settings = "[bypass]\nports = [8080]".to_owned();
        let rig = Rig::up(spec).unwrap();
        carries(&rig);
        let _nginx = Nginx::start(rig.lab());
        // Bypassed, and from the guest itself.
        eventually("the uplinks have IPv6", || {
            let there = "[2001:db8:b::2]:8080".parse().unwrap();
            connect(&rig, Node::Windows, there).ok()
        });
        for origin in ["203.0.113.18", "[2001:db8:b::2]"] {
            let url = format!("http://{origin}:8080/data");
            curl(&rig, Node::Windows, &url);
            curl(&rig, Node::Guest, &url);
        }
        // What is too large for the way is told to whoever sends without fragments.
        let ping = ["-c1", "-W2", "-Mdo", "-s1472", "203.0.113.18"];
        let told = run(rig.lab(), Node::Windows, "ping", &ping);
        let fits = first >= 1500;
        assert_eq!(told.code == 0, fits, "{told:?}");
        if !fits {
            let said = told.text() + &told.err;
            assert!(
                said.contains("mtu = 1280") || said.contains("mtu=1280"),
                "{said}"
            );
        }
    }
}

/// The uplink's own card takes 1500 bytes, its network 1400, as the lease says.
#[test]
fn the_mtu_that_a_lease_tells() {
    let mut spec = spec();
    spec.edge_settings = "[bypass]\nports = [8080]".to_owned();
    let rig = Rig::up(spec).unwrap();
    let server = rig.lab().dhcp_server(Uplink::FIRST).unwrap();
    server.set_mtu(Some(1400));
    // With the carrier the edge asks again.
    rig.lab().link(Uplink::FIRST).carrier(false).unwrap();
    rig.wait_for_edge("miss the first uplink", |status| {
        uplinks_in_use(status) == 1
    })
    .unwrap();
    rig.lab().link(Uplink::FIRST).carrier(true).unwrap();
    eventually("all of our routes go by the lease", || {
        let routes = output(
            &rig,
            Node::Guest,
            "ip",
            &["route", "show", "table", "7800000"],
        );
        let first = routes.lines().next()?;
        (first.contains("dev eth1") && first.contains("mtu 1400")).then_some(())
    });
    let ping = ["-c1", "-W2", "-Mdo", "-s1472", "203.0.113.18"];
    let told = run(rig.lab(), Node::Windows, "ping", &ping);
    let said = told.text() + &told.err;
    assert!(
        said.contains("mtu = 1400") || said.contains("mtu=1400"),
        "{said}"
    );
    let _nginx = Nginx::start(rig.lab());
    for node in [Node::Windows, Node::Guest] {
        curl(&rig, node, "http://203.0.113.18:8080/data");
    }
    carries(&rig);
}

/// Only 1400 bytes pass beyond both routers.
fn narrow(rig: &Rig) {
    for uplink in [Uplink::FIRST, Uplink::SECOND] {
        output(
            rig,
            Node::Access(uplink),
            "ip",
            &["link", "set", "wan", "mtu", "1400"],
        );
        let core = addresses::core_to_access(uplink).ipv4();
        let there = format!(
            "dev=$(ip -br addr | awk '/ {core}\\//{{print $1}}' | cut -d@ -f1); ip link set \"$dev\" mtu 1400"
        );
        output(rig, Node::Core, "sh", &["-euc", &there]);
    }
}

#[test]
fn a_narrow_way_beyond_the_router() {
    let rig = Rig::up(spec()).unwrap();
    narrow(&rig);
    carries(&rig);
}

/// The worst case: nobody may tell. TCP finds out by itself.
#[test]
fn a_narrow_way_that_nobody_tells_of() {
    let rig = Rig::up(spec()).unwrap();
    narrow(&rig);
    let mute = "add table inet mute
        add chain inet mute c { type filter hook output priority 0; }
        add rule inet mute c icmp type destination-unreachable drop
        add rule inet mute c icmpv6 type packet-too-big drop";
    for node in [
        Node::Access(Uplink::FIRST),
        Node::Access(Uplink::SECOND),
        Node::Core,
    ] {
        output(&rig, node, "nft", &[mute]);
    }
    carries(&rig);
}

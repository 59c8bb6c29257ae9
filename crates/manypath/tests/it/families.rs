//! IPv4 and IPv6 in every mixture: uplinks, hub and origin.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use lab::rig::{Mode, Rig, RigSpec};
use lab::topology::{Lab, Node, Uplink, addresses};
use wire::Host;

use crate::names::World;
use crate::support::{LIMIT, Names, Nginx, body, eventually, output, proxy_spec, run, spec};

const HUB: &str = "hub.test";
/// Nobody is there, and nobody says so.
const BROKEN: &str = "2001:db8:b::dead";

/// Which families an uplink has.
#[derive(Clone, Copy)]
enum Has {
    V4,
    V6,
}

/// How the edge finds the hub's two addresses.
#[derive(Clone, Copy, Debug)]
enum Known {
    ByName,
    ByAddresses,
}

/// A rig whose uplinks have one family each, and whose hub has both.
fn rig(has: [Has; 2], known: Known, names: &Names) -> Rig {
    let mut spec = spec();
    let [v4, v6] = addresses::HUB.both();
    match known {
        Known::ByName => {
            spec.program = names.program();
            spec.hub = HUB.parse::<Host>().unwrap();
        }
        Known::ByAddresses => spec.hub_also = Some(v6),
    }
    spec.hub_settings = format!("announce = [\"{v4}\", \"{v6}\"]");
    let rule = |uplink: Uplink| {
        let ipv6 = matches!(has[uplink.position()], Has::V6);
        format!("[[uplink]]\ninterface = \"eth{uplink}\"\nipv6 = {ipv6}\n")
    };
    spec.edge_settings = spec.lab.uplinks().map(rule).collect();
    let lab = Lab::up(spec.lab.clone()).unwrap();
    for uplink in lab.uplinks() {
        if let Has::V6 = has[uplink.position()] {
            let router = Node::Access(uplink);
            // As a network without IPv4: nobody answers DHCP, and nothing passes.
            let none = "add table ip none; add chain ip none c { type filter hook prerouting priority -300; policy drop; }";
            run(&lab, router, "nft", &[none]).ok();
            lab.dhcp_server(uplink)
                .unwrap()
                .set_mode(lab::access::DhcpMode::Silent);
        }
    }
    Rig::up_in(lab, spec).unwrap()
}

fn both_names() -> Names {
    let [v4, v6] = addresses::HUB.both();
    Names::new("edge", &format!("{v6} {HUB}\n{v4} {HUB}\n"))
}

/// The uplinks of the subflows that are open to the hub, and the families of the hub's addresses there.
fn ways(rig: &Rig) -> BTreeSet<bool> {
    let status = rig.edge_status().unwrap();
    let connections = status["connections"].as_array().unwrap().iter();
    let subflows = connections.flat_map(|it| it["onward"]["subflows"].as_array().unwrap().clone());
    subflows
        .filter(|it| it["state"] == "established")
        .map(|it| {
            let remote: SocketAddr = it["remote"].as_str().unwrap().parse().unwrap();
            remote.is_ipv6()
        })
        .collect()
}

fn carries_by(has: [Has; 2], families: &[bool]) {
    for known in [Known::ByName, Known::ByAddresses] {
        carries(has, known, families);
    }
}

fn carries(has: [Has; 2], known: Known, families: &[bool]) {
    let names = both_names();
    let rig = rig(has, known, &names);
    eventually("a new connection has subflows of these families", || {
        let mut client = rig.connect(LIMIT).unwrap();
        assert!(client.download(200_000, |_| {}).unwrap().intact);
        (ways(&rig) == BTreeSet::from_iter(families.iter().copied())).then_some(())
    });
    // Each family of the origin, whatever the uplinks have.
    let _nginx = Nginx::start(rig.lab());
    for origin in addresses::ORIGIN.both() {
        let url = format!("http://{}/data", SocketAddr::new(origin, Nginx::PORT));
        let got = run(
            rig.lab(),
            Node::Windows,
            "curl",
            &["-sSf", "--max-time", "10", &url],
        );
        assert!(got.ok_bytes() == body(), "{origin}");
    }
}

#[test]
fn uplinks_with_ipv6_alone() {
    carries_by([Has::V6, Has::V6], &[true]);
}

#[test]
fn uplinks_with_ipv4_alone() {
    carries_by([Has::V4, Has::V4], &[false]);
}

#[test]
fn one_uplink_with_ipv6_and_one_with_ipv4() {
    carries_by([Has::V6, Has::V4], &[false, true]);
}

/// A captured program is connected to the edge at once and has no reason to try IPv4 any more.
#[test]
fn broken_ipv6_costs_no_captured_program_its_page() {
    let world = World::up("");
    let rig = &world.rig;
    let _nginx = Nginx::start_with(rig.lab(), "nginx", &[443]);
    let [_, v6] = addresses::ORIGIN.both();
    let silent = format!(
        "add table inet t; add chain inet t c {{ type filter hook prerouting priority -300; }}; \
         add rule inet t c ip6 daddr {v6} tcp dport 443 drop"
    );
    output(rig, Node::Origin, "nft", &[&silent]);
    let asked = ["@172.22.0.1", "+short", "AAAA", "www.test"];
    assert_eq!(
        output(rig, Node::Windows, "dig", &asked).trim(),
        v6.to_string()
    );
    let there = format!("www.test:443:[{v6}]");
    let curl = [
        "-sSf",
        "--max-time",
        "5",
        "--resolve",
        &there,
        "http://www.test:443/whoami",
    ];
    let seen = output(rig, Node::Windows, "curl", &curl);
    assert_eq!(seen, addresses::HUB.ipv4().to_string());
}

/// Where the edge or the hub looks a name up, the next address has its turn after 250 ms (RFC 8305). Without, the
/// kernel would try the first one for minutes, and curl's own limit would end the test.
#[test]
fn an_origin_with_broken_ipv6_is_reached_by_ipv4() {
    for mode in [Mode::Double, Mode::Single] {
        let role = match mode {
            Mode::Double => "hub",
            Mode::Single => "edge",
        };
        let names = Names::new(
            role,
            &format!("{BROKEN} both.test\n203.0.113.18 both.test\n"),
        );
        let rig = Rig::up(RigSpec {
            mode,
            program: names.program(),
            ..proxy_spec()
        })
        .unwrap();
        let silent = format!(
            "add table inet t; add chain inet t c {{ type filter hook prerouting priority -300; }}; \
             add rule inet t c ip6 daddr {BROKEN} drop"
        );
        output(&rig, Node::Origin, "nft", &[&silent]);
        output(
            &rig,
            Node::Origin,
            "ip",
            &[
                "addr",
                "add",
                &format!("{BROKEN}/64"),
                "dev",
                "eth0",
                "nodad",
            ],
        );
        let _nginx = Nginx::start(rig.lab());

        let url = format!("http://both.test:{}/whoami", Nginx::PORT);
        let curl = [
            "-sSf",
            "--max-time",
            "5",
            "--socks5-hostname",
            "172.22.0.1:1080",
            &url,
        ];
        let seen: IpAddr = output(&rig, Node::Windows, "curl", &curl).parse().unwrap();
        assert!(seen.is_ipv4(), "{mode:?}: {seen}");
    }
}

//! Several hubs, and hubs with several addresses.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use lab::rig::{HubProtocol, Process, Rig};
use lab::topology::{Lab, Node, addresses};

use crate::support::{Names, Nginx, PROGRAM, eventually, output, proxy_spec, socks5};

const WHOAMI: [&str; 4] = [
    "-sSf",
    "--socks5-hostname",
    "172.22.0.1:1080",
    "http://203.0.113.18:8080/whoami",
];

/// A hub on the origin's node, for connections to that very node.
fn second_hub(lab: &Lab, folder: &std::path::Path) -> Process {
    fs::write(folder.join("users"), "second:pass word:with colon\n").unwrap();
    let settings = format!(
        "listen = []\nsocks5 = {{ listen = [\"[::]:1081\"], users = \"{0}/users\" }}\nallow = [\"203.0.113.18/32\"]\ndrain = \"0s\"\nstate = \"{0}/originals\"\n",
        folder.display()
    );
    fs::write(folder.join("hub.toml"), settings).unwrap();
    let mut command = lab.command(Node::Origin, PROGRAM);
    command
        .args(["hub", "--settings"])
        .arg(folder.join("hub.toml"));
    let process = Process::start("second hub", command, &folder.join("log")).unwrap();
    eventually("the second hub listens", || {
        assert!(!process.has_ended(), "{}", process.log_tail());
        let address = SocketAddr::from((addresses::ORIGIN.ipv4(), 1081));
        let open = || std::net::TcpStream::connect(address).ok();
        lab.namespace(Node::Origin).run(open)
    });
    process
}

#[test]
fn a_chain_of_two_hubs() {
    let mut spec = proxy_spec();
    spec.protocol = HubProtocol::Socks5;
    spec.edge_settings = "[out]\nhub = [\"socks5://lab:lab-password@203.0.113.2:1080\", \
                          \"socks5://second:pass%20word%3Awith%20colon@203.0.113.18:1081\"]"
        .into();
    let rig = Rig::up(spec).unwrap();
    let _nginx = Nginx::start(rig.lab());
    let folder = tempfile::tempdir().unwrap();
    // Before it runs, the first one can't reach it.
    assert_eq!(socks5(&rig, "203.0.113.18", 8080).unwrap(), 1);
    let second = second_hub(rig.lab(), folder.path());
    // It connects from the address that it connects to.
    assert_eq!(output(&rig, Node::Windows, "curl", &WHOAMI), "203.0.113.18");
    assert_eq!(socks5(&rig, "203.0.113.18", 83).unwrap(), 5);
    assert_eq!(socks5(&rig, "203.0.113.1", 80).unwrap(), 5);
    second.kill();
}

#[test]
fn a_dead_address_of_a_name_costs_no_more_than_a_moment() {
    // On-link for the origin's router, but nobody has it: neighbour discovery takes three seconds.
    let names = Names::new(
        "hub",
        "2001:db8:b::dead twofold.test\n203.0.113.18 twofold.test\n",
    );
    let mut spec = proxy_spec();
    spec.program = names.program();
    let rig = Rig::up(spec).unwrap();
    let began = Instant::now();
    assert_eq!(socks5(&rig, "twofold.test", 80).unwrap(), 0);
    assert!(
        began.elapsed() < Duration::from_millis(2500),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn the_hub_may_be_given_by_name_or_ipv6_address() {
    for hub in ["hub.test", "[2001:db8:a::2]"] {
        let names = Names::new("edge", "203.0.113.2 hub.test\n");
        let mut spec = proxy_spec();
        spec.program = names.program();
        let mut rig = Rig::up(spec).unwrap();
        let _nginx = Nginx::start(rig.lab());
        rig.stop_edge().unwrap();
        set_hub(&rig, hub);
        rig.start_edge().unwrap();
        rig.wait_for_edge("have connections to the hub", |status| {
            status["hub_connections"]["state"] == "connected"
        })
        .unwrap();
        let status = rig.edge_status().unwrap();
        assert_eq!(status["hub"][0], format!("{hub}:443"));
        assert_eq!(
            output(&rig, Node::Windows, "curl", &WHOAMI),
            "203.0.113.2",
            "{hub}"
        );
    }
}

/// Another host in the link that the edge has.
fn set_hub(rig: &Rig, hub: &str) {
    let link = rig.link();
    let other = link.replace("203.0.113.2", hub);
    let file = rig.folder().join("edge.toml");
    let settings = fs::read_to_string(&file).unwrap();
    assert!(settings.contains(link.as_str()));
    fs::write(file, settings.replace(link.as_str(), &other)).unwrap();
}

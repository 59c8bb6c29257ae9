//! Who gets where, and what becomes of UDP when the hub can't be reached by it.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use lab::rig::Rig;
use lab::topology::{Node, Uplink, addresses};

use super::echo::any_like;
use super::{is_taken, rig};
use crate::support::{eventually, seen_as, shell, spec, udp_seen_as};

const PORT: u16 = 5355;

fn origin() -> SocketAddr {
    SocketAddr::new(addresses::ORIGIN.ipv4().into(), PORT)
}

/// Nobody stands in for the hub where it refuses UDP: calls work as they did without it.
#[test]
fn without_the_hub_udp_goes_straight() {
    let mut spec = spec();
    spec.edge_settings = "[out]\nudp = \"hub\"\n".to_owned();
    let rig = Rig::up(spec).unwrap();
    let by_hub = addresses::HUB.ipv4().to_string();
    eventually("UDP goes through the hub", || {
        (is_taken(&rig) && udp_seen_as(rig.lab(), origin())? == by_hub).then_some(())
    });
    let close = "nft 'table inet closed { chain in { type filter hook input priority 0; udp dport 443 drop; }; }'";
    shell(rig.lab(), Node::Hub, close).ok();
    // What has been agreed to ends with the hub, at once.
    let (mut rig, direct) = (rig, seen_as(Uplink::FIRST));
    rig.stop_hub().unwrap();
    rig.start_hub().unwrap();
    eventually("UDP goes straight", || {
        (udp_seen_as(rig.lab(), origin())? == direct).then_some(())
    });
    let problems = rig.edge_status().unwrap()["problems"].to_string();
    assert!(
        problems.contains("UDP can't go through the hub"),
        "{problems}"
    );
    shell(rig.lab(), Node::Hub, "nft delete table inet closed").ok();
    eventually("UDP goes through the hub again", || {
        (udp_seen_as(rig.lab(), origin())? == by_hub).then_some(())
    });
}

/// The socket that takes UDP in is for the host alone.
#[test]
fn neighbours_on_an_uplink_get_no_answer() {
    let rig = rig("");
    let rules = shell(
        rig.lab(),
        Node::Guest,
        "nft list chain inet manypath datagrams",
    )
    .ok();
    let (_, after) = rules.split_once("tproxy to :").unwrap();
    let port: u16 = after.split_whitespace().next().unwrap().parse().unwrap();
    let listening = shell(rig.lab(), Node::Guest, &format!("ss -Hlun sport = :{port}")).ok();
    assert!(!listening.is_empty());
    let address = "ip -4 -o addr show eth1 | sed -E 's/.*inet ([0-9.]+).*/\\1/'";
    let guest = shell(rig.lab(), Node::Guest, address).ok();
    let to: SocketAddr = format!("{}:{port}", guest.trim()).parse().unwrap();
    let before = rig.edge_status().unwrap()["udp"]["flows"].clone();
    let neighbour = rig.lab().namespace(Node::Access(Uplink::FIRST));
    let socket = neighbour.run(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
    for _ in 0..10 {
        socket.send_to(b"let me in", to).unwrap();
    }
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(rig.edge_status().unwrap()["udp"]["flows"], before);
}

#[test]
fn udp_that_is_off_is_refused_at_once() {
    let mut spec = spec();
    spec.edge_settings = "[out]\nudp = \"off\"\n".to_owned();
    let rig = Rig::up(spec).unwrap();
    let windows = rig.lab().namespace(Node::Windows);
    let refused = || {
        let socket = windows.run(|| UdpSocket::bind("0.0.0.0:0")).ok()?;
        socket
            .set_read_timeout(Some(Duration::from_millis(500)))
            .ok()?;
        socket.connect(origin()).ok()?;
        socket.send(b"hello").ok()?;
        let error = socket.recv(&mut [0; 16]).err()?;
        (error.kind() == std::io::ErrorKind::ConnectionRefused).then_some(())
    };
    eventually("UDP is refused", refused);
}

/// A program hears at once that nobody listens, though another machine has asked in its place.
#[test]
fn a_closed_port_is_told() {
    let rig = rig("");
    let windows = rig.lab().namespace(Node::Windows);
    for host in addresses::ORIGIN.both() {
        let any = SocketAddr::new(any_like(host), 0);
        let socket = windows.run(|| UdpSocket::bind(any)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        socket.connect((host, PORT)).unwrap();
        eventually("the program is told", || {
            // The error may be that of the datagram before.
            let told = socket.send(b"anybody there?").err();
            let told = told.or_else(|| socket.recv(&mut [0; 16]).err())?;
            (told.kind() == std::io::ErrorKind::ConnectionRefused).then_some(())
        });
    }
}

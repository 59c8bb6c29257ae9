//! QUIC is refused, if the settings say so, and nothing else is.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use lab::rig::Rig;
use lab::topology::{Node, addresses};

use crate::support::{eventually, spec, udp_seen_as};

/// More than a page has sites; the kernel would answer six of them at once (`icmp_ratelimit`).
const MANY: usize = 30;

/// How a datagram to there fares, if the server says nothing: `true` if it is refused.
fn is_refused(rig: &Rig, to: SocketAddr) -> bool {
    let any: SocketAddr = match to.ip() {
        IpAddr::V4(_) => "0.0.0.0:0".parse().unwrap(),
        IpAddr::V6(_) => "[::]:0".parse().unwrap(),
    };
    let windows = rig.lab().namespace(Node::Windows);
    let socket = windows.run(|| UdpSocket::bind(any)).unwrap();
    // A round trip to the guest takes less than a millisecond, one to the origin 15.
    socket
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    socket.connect(to).unwrap();
    socket.send(b"a QUIC Initial").unwrap();
    match socket.recv(&mut [0; 16]).unwrap_err().kind() {
        ErrorKind::ConnectionRefused => true,
        ErrorKind::WouldBlock => false,
        other => panic!("{other}"),
    }
}

#[test]
fn browsers_hear_at_once_that_there_is_no_quic() {
    let mut spec = spec();
    spec.edge_settings = "[out]\nquic = \"refuse\"".to_owned();
    let mut rig = Rig::up(spec).unwrap();
    // So that the origin itself refuses nothing.
    let servers = rig
        .lab()
        .namespace(Node::Origin)
        .run(|| [80, 443, 8443].map(|port| UdpSocket::bind(format!("[::]:{port}")).unwrap()));
    for host in addresses::ORIGIN.both() {
        for port in [80, 443] {
            let to = SocketAddr::new(host, port);
            eventually("the uplinks carry both families", || {
                is_refused(&rig, to).then_some(())
            });
            for number in 0..MANY {
                assert!(is_refused(&rig, to), "{to}: number {number} of {MANY}");
            }
        }
        assert!(!is_refused(&rig, SocketAddr::new(host, 8443)));
        let seen = udp_seen_as(rig.lab(), SocketAddr::new(host, 5353));
        assert!(seen.is_some(), "{host}: other UDP passes");
    }
    for server in &servers[..2] {
        server.set_nonblocking(true).unwrap();
        assert!(server.recv(&mut [0; 16]).is_err(), "nothing has passed");
    }
    rig.stop_edge().unwrap();
}

#[test]
fn quic_passes_by_default_and_where_it_is_bypassed() {
    let [v4, _] = addresses::ORIGIN.both();
    let bypass = format!("[out]\nquic = \"refuse\"\n[bypass]\nnetworks = [\"{v4}\"]");
    for settings in ["", &bypass] {
        let mut spec = spec();
        spec.edge_settings = settings.to_owned();
        let rig = Rig::up(spec).unwrap();
        assert!(
            udp_seen_as(rig.lab(), SocketAddr::new(v4, 443)).is_some(),
            "{settings}"
        );
    }
}

//! Datagrams of the test's own.

use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use lab::topology::{Lab, Node};

/// Asks a UDP server on the origin, from the Windows side, which address it sees.
pub fn udp_seen_as(lab: &Lab, origin: SocketAddr) -> Option<String> {
    let bind = |node, port| {
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        let socket = lab.namespace(node).run(|| UdpSocket::bind(any)).ok()?;
        let limit = Some(Duration::from_secs(2));
        socket.set_read_timeout(limit).ok()?;
        Some(socket)
    };
    let server = bind(Node::Origin, origin.port())?;
    let client = bind(Node::Windows, 0)?;
    let target = match origin {
        SocketAddr::V4(v4) => SocketAddr::from((v4.ip().to_ipv6_mapped(), v4.port())),
        v6 @ SocketAddr::V6(_) => v6,
    };
    client.send_to(b"who am I?", target).ok()?;
    let mut buffer = [0; 64];
    let (_, from) = server.recv_from(&mut buffer).ok()?;
    let seen = from.ip().to_canonical().to_string();
    server.send_to(seen.as_bytes(), from).ok()?;
    let (size, _) = client.recv_from(&mut buffer).ok()?;
    String::from_utf8(buffer[..size].to_vec()).ok()
}

//! Three namespaces with a real network between them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use netcfg::NetNs;
use socket2::{Domain, SockRef, Socket, Type};

use crate::support::{ip, namespace};

/// Longer than anything takes that works.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// client 10.0.1.2 -- `lan` -- 10.0.1.1 gate 10.0.2.1 -- `wan` -- 10.0.2.2 server, and the same
/// in fd00:1:: and fd00:2::. The tables run on the gate. The server has no route to the client.
pub struct Lab {
    pub client: NetNs,
    pub gate: NetNs,
    pub server: NetNs,
}

impl Lab {
    pub fn new() -> Self {
        let lab = Self {
            client: namespace(),
            gate: namespace(),
            server: namespace(),
        };
        for key in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            lab.gate
                .run(|| std::fs::write(format!("/proc/sys/net/{key}"), "1"))
                .unwrap();
        }
        lab.join(&lab.client, "lan", 1);
        lab.join(&lab.server, "wan", 2);
        ip(
            &lab.client,
            "route add default via 10.0.1.1\n -6 route add default via fd00:1::1",
        );
        lab
    }

    fn join(&self, other: &NetNs, device: &str, number: u8) {
        // A namespace without a name is reachable by the descriptor that holds it.
        let other_path = format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            other.as_fd().as_raw_fd()
        );
        let add = format!("link add {device} type veth peer name {device} netns {other_path}");
        ip(&self.gate, &add);
        for (netns, host) in [(&self.gate, 1), (other, 2)] {
            let up = format!(
                "link set lo up
                link set {device} up
                addr add 10.0.{number}.{host}/24 dev {device}
                addr add fd00:{number}::{host}/64 dev {device} nodad"
            );
            ip(netns, &up);
        }
    }
}

/// A socket in the namespace that waits for connections.
pub fn listen(netns: &NetNs, address: &str) -> TcpListener {
    listener(netns, address, |_| Ok(()))
}

/// The same that takes connections to any address (`IP_TRANSPARENT`).
pub fn listen_transparently(netns: &NetNs, address: &str) -> TcpListener {
    listener(netns, address, |socket| match socket.domain()? {
        Domain::IPV4 => socket.set_ip_transparent_v4(true),
        _ => socket.set_ip_transparent_v6(true),
    })
}

fn listener(
    netns: &NetNs,
    address: &str,
    prepare: impl Fn(&Socket) -> io::Result<()> + Send,
) -> TcpListener {
    let address: SocketAddr = address.parse().unwrap();
    let socket = netns.run(|| Socket::new(Domain::for_address(address), Type::STREAM, None));
    let socket = socket.unwrap();
    if address.is_ipv6() {
        socket.set_only_v6(true).unwrap();
    }
    prepare(&socket).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(512).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.into()
}

/// Connects from the namespace.
pub fn connect(netns: &NetNs, address: &str) -> TcpStream {
    try_connect(netns, address, PATIENCE).unwrap_or_else(|error| panic!("{address}: {error}"))
}

/// Connects, or says why not.
pub fn try_connect(netns: &NetNs, address: &str, patience: Duration) -> io::Result<TcpStream> {
    let address: SocketAddr = address.parse().unwrap();
    netns.run(|| TcpStream::connect_timeout(&address, patience))
}

/// The next connection, which must come soon.
pub fn accept(listener: &TcpListener) -> TcpStream {
    let stream = listener.accept().expect("a connection should have come").0;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Where the connection was going before it was redirected (`SO_ORIGINAL_DST`).
pub fn original_destination(stream: &TcpStream) -> String {
    let socket = SockRef::from(stream);
    let address = match stream.local_addr().unwrap() {
        SocketAddr::V4(_) => socket.original_dst_v4(),
        SocketAddr::V6(_) => socket.original_dst_v6(),
    };
    address.unwrap().as_socket().unwrap().to_string()
}

/// Passes a line each way.
pub fn converse(one: &TcpStream, other: &TcpStream) {
    for (mut from, mut to) in [(one, other), (other, one)] {
        to.set_read_timeout(Some(PATIENCE)).unwrap();
        from.write_all(b"hello").unwrap();
        let mut heard = [0; 5];
        to.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"hello");
    }
}

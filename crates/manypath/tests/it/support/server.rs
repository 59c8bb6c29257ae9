//! Small servers of the test's own.

use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread::JoinHandle;
use std::time::Duration;

use lab::topology::{Lab, Node};

use super::LIMIT;

/// A TCP server on a node, on both families, until dropped.
pub struct Server {
    listener: TcpListener,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Calls `serve` with each connection, on a thread of its own.
    pub fn start(
        lab: &Lab,
        node: Node,
        port: u16,
        serve: impl Fn(TcpStream) + Send + Sync + Clone + 'static,
    ) -> Self {
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        let listener = lab
            .namespace(node)
            .run(|| TcpListener::bind(any))
            .expect("a free port");
        let accepting = std::thread::spawn({
            let listener = listener.try_clone().expect("a copy");
            move || {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
                    stream.set_write_timeout(Some(LIMIT)).expect("a limit");
                    let serve = serve.clone();
                    std::thread::spawn(move || serve(stream));
                }
            }
        });
        Self {
            listener,
            accepting: Some(accepting),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Wakes accept(2) with EINVAL.
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
    }
}

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

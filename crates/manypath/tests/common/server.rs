//! Small servers of the test's own.

use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

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

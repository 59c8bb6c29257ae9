//! The origin: a small HTTP/1.1 server with the test content, plain TCP, a thread for a connection.

use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use netcfg::netns::NetNs;

use super::content::Content;

/// Bytes of one message of `/messages/`.
pub(super) const MESSAGE: usize = 16;

/// A running origin server. Dropping it ends its connections and joins its threads.
///
/// * `GET /bytes/N`: N bytes of [`Content`].
/// * `PUT /sink`: takes a body, checks it, answers `ok N` or `corrupt at most N`.
/// * `GET /messages/MILLISECONDS/COUNT`: COUNT messages of 16 bytes, one every so often.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    open: Arc<Open>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Open {
    connections: Mutex<Option<Vec<(TcpStream, JoinHandle<()>)>>>,
}

impl Origin {
    /// Listens inside `namespace`.
    ///
    /// # Errors
    /// When the address can't be bound there.
    pub fn start(namespace: &NetNs, address: SocketAddr) -> io::Result<Self> {
        let listener = namespace.run(|| TcpListener::bind(address))?;
        let address = listener.local_addr()?;
        let open = Arc::new(Open { connections: Mutex::new(Some(Vec::new())) });
        let accepting = std::thread::Builder::new().name("origin".into()).spawn({
            let open = Arc::clone(&open);
            move || accept(&listener, &open)
        })?;
        Ok(Self { address, open, accepting: Some(accepting) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the server from inside its own namespace.
    fn stop(&mut self) {
        let connections = self.open.connections.lock().unwrap_or_else(PoisonError::into_inner).take();
        for (stream, thread) in connections.into_iter().flatten() {
            // Already closed by the peer is as good.
            let _ = stream.shutdown(Shutdown::Both);
            let _ = thread.join();
        }
    }
}

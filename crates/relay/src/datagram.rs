//! How clients' datagrams leave. The relay itself carries streams only.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use tokio::sync::mpsc;
use wire::Destination;

/// Opens ports for clients that send datagrams.
pub trait DatagramWay: fmt::Debug + Send + Sync {
    /// A port for one client.
    ///
    /// # Errors
    /// When the settings forbid it ([`io::ErrorKind::PermissionDenied`]), or the kernel gives none.
    fn open(&self) -> io::Result<Association>;
}

/// Sends a datagram to a destination.
pub type SendDatagram = dyn Fn(&Destination, &[u8]) + Send + Sync;

/// A client's port, until it is dropped.
pub struct Association {
    /// Sends a datagram, or drops it.
    pub send: Box<SendDatagram>,
    /// What others have sent to the port.
    pub receive: mpsc::Receiver<(SocketAddr, Bytes)>,
}

impl fmt::Debug for Association {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Association").finish_non_exhaustive()
    }
}

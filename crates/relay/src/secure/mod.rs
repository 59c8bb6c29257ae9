//! One connection between edge and hub: TLS over (MP)TCP, and the frames in it.

mod http;

use std::sync::Arc;

use tokio::net::TcpStream;

/// A connection between edge and hub that is encrypted and whose two ends know each other.
#[derive(Debug)]
pub struct SecureStream {
    tcp: Arc<TcpStream>,
}

impl SecureStream {
    /// The socket below.
    pub fn tcp(&self) -> &Arc<TcpStream> {
        &self.tcp
    }
}

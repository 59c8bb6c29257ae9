//! Connections of clients that know nothing of us.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::SockRef;
use wire::Destination;

use super::session::{NoOnward, Session};
use crate::{Kind, OriginalDestination, socket};

pub(super) async fn serve(session: Session, kind: Kind) {
    let original = match session.original_destination(kind) {
        Ok(original) => original,
        Err(error) => {
            tracing::debug!(client = %session.client, listen = %session.listen, %error, "connection refused");
            return socket::abort(&session.stream);
        }
    };
    let destination = Destination::from(original.socket_addr());
    let mut said = session.opening(original).await;
    match session.connect_ahead(&destination, &said).await {
        Ok(onward) => {
            let left = said.bytes.split_off(onward.sent.min(said.bytes.len()));
            session.relay(kind, &destination, onward, left).await;
        }
        // The client believes to be connected: a reset comes closest to the refusal it should see.
        Err(NoOnward::Failed(_) | NoOnward::ClientGone) => socket::abort(&session.stream),
    }
}

/// Why nobody can say where a connection was to go.
#[derive(Debug, thiserror::Error)]
enum NoDestination {
    /// Connecting to it would only come back here, round and round.
    #[error("the client connected to the interception port itself; use the proxy port")]
    Direct,
    #[error("the kernel does not know the original destination; was the connection redirected?")]
    Unknown(#[source] io::Error),
}

impl Session {
    fn original_destination(&self, kind: Kind) -> Result<OriginalDestination, NoDestination> {
        let listen = self.listen.socket_addr();
        if kind == Kind::Tproxy {
            return if self.is_our_own() {
                Err(NoDestination::Direct)
            } else {
                Ok(listen.into())
            };
        }
        let socket = SockRef::from(&*self.stream);
        let original = match listen {
            SocketAddr::V4(_) => socket.original_dst_v4(),
            SocketAddr::V6(_) => socket.original_dst_v6(),
        };
        let original = original.map_err(NoDestination::Unknown)?;
        let family = || NoDestination::Unknown(io::ErrorKind::InvalidData.into());
        let original = original.as_socket().ok_or_else(family)?;
        // Connection tracking knows connections that nobody redirected, too.
        if OriginalDestination::from(original).socket_addr() == listen {
            return Err(NoDestination::Direct);
        }
        Ok(original.into())
    }

    /// Whether a connection to a transparent listener was meant for it: it came to the listener's port,
    /// which a server anywhere may use as well, at an address of this machine, to which an ordinary
    /// socket can be bound.
    fn is_our_own(&self) -> bool {
        let listen = self.listen.socket_addr();
        listen.port() == self.listener_port && UdpSocket::bind((listen.ip(), 0)).is_ok()
    }
}

//! SOCKS5's UDP ASSOCIATE (RFC 1928 sections 4 and 7): datagrams for as long as a TCP connection is there.

use std::io;
use std::net::SocketAddr;

use tokio::net::UdpSocket;
use wire::socks5::{DatagramHeader, Reply, ReplyCode};
use wire::{Destination, Host, Parsed};

use super::session::Session;
use crate::datagram::Association;
use crate::handshake::Inbox;

/// Serves an association to its end.
pub(super) async fn serve(session: &Session, inbox: Inbox<'_>) {
    let refuse = |code| async move { session.dismiss(&Reply::unbound(code).encode()).await };
    let Some(way) = &session.shared.options.datagrams else {
        return refuse(ReplyCode::CommandNotSupported).await;
    };
    let opened = match (way.open(), bind(session).await) {
        (Ok(association), Ok(socket)) => (association, socket),
        (Err(error), _) if error.kind() == io::ErrorKind::PermissionDenied => {
            return refuse(ReplyCode::NotAllowed).await;
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::debug!(client = %session.client, %error, "no UDP for a SOCKS5 client");
            return refuse(ReplyCode::GeneralFailure).await;
        }
    };
    let (association, socket) = opened;
    let Ok(bound) = socket.local_addr() else {
        return refuse(ReplyCode::GeneralFailure).await;
    };
    let code = ReplyCode::Succeeded;
    if inbox.send(&Reply { code, bound }.encode()).await.is_err() {
        return;
    }
    tokio::select! {
        () = carry(session, association, &socket) => {}
        // What it sends on this connection means nothing; that it ends it does.
        _ended = session.read_to_end() => {}
        () = session.removed() => {}
        () = session.drained() => {}
    }
}

/// On the address that the client has come to, so that it can reach this as well.
async fn bind(session: &Session) -> io::Result<UdpSocket> {
    UdpSocket::bind((session.listen.socket_addr().ip(), 0)).await
}

async fn carry(session: &Session, mut association: Association, socket: &UdpSocket) {
    let mut buffer = vec![0; 1 << 16];
    let mut client: Option<SocketAddr> = None;
    loop {
        tokio::select! {
            came = socket.recv_from(&mut buffer) => {
                // An error is an ICMP message: the client's port is closed by now.
                let Ok((length, from)) = came else {
                    continue;
                };
                // Nobody else may use it, and the first of its ports is the one.
                let is_its = from.ip() == session.client.socket_addr().ip();
                if is_its && *client.get_or_insert(from) == from {
                    pass_on(&association, &buffer[..length]);
                }
            }
            came = association.receive.recv() => {
                let Some((from, payload)) = came else {
                    return;
                };
                let header = DatagramHeader {
                    peer: Destination { host: Host::Ip(from.ip()), port: from.port() },
                    fragment: 0,
                };
                let mut bytes = header.encode();
                bytes.extend_from_slice(&payload);
                if let Some(client) = client {
                    // What can't be sent is lost, as datagrams may be.
                    let _sent = socket.try_send_to(&bytes, client);
                }
            }
        }
    }
}

/// Fragments are dropped, as RFC 1928 lets who does not put them together.
fn pass_on(association: &Association, datagram: &[u8]) {
    if let Ok(Parsed::Complete { value, used }) = DatagramHeader::parse(datagram)
        && value.fragment == 0
    {
        (association.send)(&value.peer, &datagram[used..]);
    }
}

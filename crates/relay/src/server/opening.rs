//! What a client that knows nothing of us calls its destination. TLS and HTTP say it in the first bytes.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::timeout;
use wire::{DomainName, Opening};

use super::session::Session;
use crate::OriginalDestination;

/// Ports of protocols in which the client speaks first.
const WEB: [u16; 4] = [80, 443, 8080, 8443];

/// How long the first bytes are waited for there. Who opens a connection in reserve waits for nothing.
const OF_WEB: Duration = Duration::from_secs(1);

/// The same at other ports, where the client may be waiting for the server. It is a millisecond away, so if it
/// speaks first its bytes are here long before.
const ELSEWHERE: Duration = Duration::from_millis(50);

/// How long the rest is waited for when there are some.
const REST: Duration = Duration::from_secs(1);

/// The most that is read: more than a ClientHello with the keys of tomorrow, or a request with its cookies.
const MOST: usize = 16 * 1024;

/// What a client has said before its connection was opened onwards.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Its first bytes, which are still to be passed on.
    pub(super) bytes: Bytes,
    /// What it calls its destination.
    pub(super) name: Option<DomainName>,
}

impl Session {
    /// Reads a captured connection until the name is known, if that matters for its way, or until it is
    /// clear that none is coming.
    pub(super) async fn opening(&self, original: OriginalDestination) -> Said {
        let to = original.socket_addr();
        if !self.shared.connector().wants_name(to) {
            return Said::default();
        }
        let first = if WEB.contains(&to.port()) {
            OF_WEB
        } else {
            ELSEWHERE
        };
        let mut bytes = BytesMut::new();
        // Whatever comes of it, the bytes that are there count.
        let mut said = timeout(first, self.read_more(&mut bytes)).await;
        let mut name = None;
        while let Ok(Ok(true)) = said {
            match tell(&bytes) {
                Opening::Incomplete if bytes.len() < MOST => {}
                Opening::Named(known) => {
                    name = Some(known);
                    break;
                }
                Opening::Incomplete | Opening::Nameless => break,
            }
            said = timeout(REST, self.read_more(&mut bytes)).await;
        }
        let bytes = bytes.freeze();
        Said { bytes, name }
    }

    /// `false`: nothing more is coming. May be cancelled.
    async fn read_more(&self, bytes: &mut BytesMut) -> io::Result<bool> {
        let had = bytes.len();
        loop {
            self.stream.readable().await?;
            bytes.resize(MOST, 0);
            let read = self.stream.try_read(&mut bytes[had..]);
            bytes.truncate(had + read.as_ref().map_or(0, |read| *read));
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Ok(read? > 0),
            }
        }
    }
}

fn tell(bytes: &[u8]) -> Opening {
    match bytes.first() {
        None => Opening::Incomplete,
        Some(&tls::HANDSHAKE) => tls::server_name(bytes),
        Some(_) => wire::http::request_host(bytes),
    }
}

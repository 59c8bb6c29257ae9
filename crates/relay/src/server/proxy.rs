//! SOCKS and HTTP on one port, told apart by the first byte.

use tokio::time::timeout_at;
use wire::Protocol;

use super::session::Session;
use super::{Protocols, http, socks4, socks5};

pub(super) async fn serve(session: Session) {
    let mut first = [0];
    let peeked = timeout_at(session.deadline, session.stream.peek(&mut first)).await;
    let protocol = match peeked {
        Ok(Ok(1)) => wire::sniff(first[0]),
        // Port scanners and load balancers come and go without a word.
        Ok(_) => return,
        Err(_elapsed) => {
            tracing::debug!(client = %session.client, "the client said nothing in time");
            return;
        }
    };
    match protocol.filter(|protocol| session.shared.options.protocols.has(*protocol)) {
        Some(Protocol::Socks4) => socks4::serve(session).await,
        Some(Protocol::Socks5) => socks5::serve(session).await,
        Some(Protocol::Http) => http::serve(session).await,
        None => {
            let first = format!("{:#04x}", first[0]);
            tracing::debug!(client = %session.client, first, "the client speaks no protocol of this listener");
        }
    }
}

impl Protocols {
    fn has(self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Socks4 => self.socks4,
            Protocol::Socks5 => self.socks5,
            Protocol::Http => self.http,
        }
    }
}

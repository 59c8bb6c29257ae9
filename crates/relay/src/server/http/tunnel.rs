//! What becomes of an HTTP connection when it is HTTP no more.

use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use wire::Destination;

use super::io::HttpStream;
use crate::Kind;
use crate::copy::Leg;
use crate::server::session::Session;

/// An agreed change to plain bytes, to be carried out when hyper has let go of the connection.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub(super) destination: Destination,
    pub(super) client: OnUpgrade,
    pub(super) onward: Far,
}

/// The other end of a tunnel.
#[derive(Debug)]
pub(super) enum Far {
    /// Opened for CONNECT.
    Connected(Leg),
    /// An origin that answered 101.
    Upgraded(OnUpgrade),
}

impl Tunnel {
    pub(super) async fn run(self, session: &Session) -> hyper::Result<()> {
        let (_client, early) = parts(self.client.await?);
        let onward = match self.onward {
            Far::Connected(leg) => leg,
            Far::Upgraded(upgrade) => {
                let (stream, early) = parts(upgrade.await?);
                stream.into_leg(early)
            }
        };
        session
            .relay(Kind::Http, &self.destination, onward, early)
            .await;
        Ok(())
    }
}

/// Takes back what hyper was given, and what hyper has read too much.
fn parts(upgraded: Upgraded) -> (HttpStream, Bytes) {
    let parts = upgraded
        .downcast::<TokioIo<HttpStream>>()
        .expect("hyper was given no other kind of stream");
    (parts.io.into_inner(), parts.read_buf)
}

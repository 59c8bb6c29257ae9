//! What becomes of an HTTP connection when it is HTTP no more.

use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use wire::Destination;

use crate::Kind;
use crate::connect::Onward;
use crate::server::session::Session;
use crate::stream::LegStream;

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
    Connected(Onward),
    /// An origin that answered 101.
    Upgraded(OnUpgrade),
}

impl Tunnel {
    pub(super) async fn run(self, session: &Session) -> hyper::Result<()> {
        let (_client, early) = parts(self.client.await?);
        let onward = match self.onward {
            Far::Connected(onward) => onward,
            Far::Upgraded(upgrade) => {
                let (stream, early) = parts(upgrade.await?);
                stream
                    .into_onward(early)
                    .expect("hyper was given an onward connection for requests")
            }
        };
        session
            .relay(Kind::Http, &self.destination, onward, early)
            .await;
        Ok(())
    }
}

/// Takes back what hyper was given, and what hyper has read too much.
fn parts(upgraded: Upgraded) -> (LegStream, Bytes) {
    let parts = upgraded
        .downcast::<TokioIo<LegStream>>()
        .expect("hyper was given no other kind of stream");
    (parts.io.into_inner(), parts.read_buf)
}

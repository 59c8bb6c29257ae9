//! What becomes of an HTTP connection when it is HTTP no more.

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
        let client = leg(self.client.await?);
        let onward = match self.onward {
            Far::Connected(leg) => leg,
            Far::Upgraded(upgrade) => leg(upgrade.await?),
        };
        session
            .relay(Kind::Http, &self.destination, onward, client.early)
            .await;
        Ok(())
    }
}

/// Takes back what hyper was given, and what hyper has read too much.
fn leg(upgraded: Upgraded) -> Leg {
    let parts = upgraded
        .downcast::<TokioIo<HttpStream>>()
        .expect("hyper was given no other kind of stream");
    Leg {
        stream: parts.io.into_inner().into_inner(),
        early: parts.read_buf,
    }
}

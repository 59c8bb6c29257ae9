//! An edge's connection between two user connections.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout;
use wire::Destination;
use wire::hub::Frame;

use super::admission::Admitted;
use super::{Hub, Peer};
use crate::account::Place;
use crate::connect::with_causes;
use crate::secure::{Message, SecureError};
use crate::server::Shared;
use crate::{Account, Cause, SecureStream, Usage};

/// How long a connection's end may take: the close's second, and one more for what goes before it.
const FAREWELL: Duration = Duration::from_secs(2);

/// A connection of which it is known whose it is.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) hub: Arc<Hub>,
    pub(super) peer: Peer,
    pub(super) account: Arc<Account>,
    /// What its user connections have done.
    pub(super) done: Usage,
    draining: watch::Receiver<bool>,
    pub(super) removed: watch::Receiver<bool>,
    since: Instant,
    _place: Place,
}

/// How a connection came to its end.
pub(super) enum End {
    /// The edge closed it while no user connection was open.
    Closed,
    /// The edge, or the way to it, is gone without a word.
    Lost(SecureError),
    /// The edge broke the protocol.
    Violation(SecureError),
    /// It sent more for a refused user connection than an edge does.
    Flooding,
    /// No sign of life.
    Silent,
    /// The hub stops.
    Stopping,
    /// The user was removed.
    Removed,
    /// The user connection that it carried was aborted, by one of its ends or by us.
    Aborted,
}

impl Connection {
    pub(super) fn new(
        shared: Arc<Shared>,
        hub: Arc<Hub>,
        peer: Peer,
        admitted: Admitted,
        draining: watch::Receiver<bool>,
    ) -> Self {
        hub.admitted.fetch_add(1, Ordering::Relaxed);
        let Admitted {
            account,
            place,
            software,
        } = admitted;
        tracing::debug!(
            hub_connection = %peer.id, user = %account.name(), client = %peer.client, software,
            "an edge is connected"
        );
        Self {
            shared,
            hub,
            peer,
            removed: account.removal(),
            account,
            done: Usage::default(),
            draining,
            since: Instant::now(),
            _place: place,
        }
    }

    /// Serves it to its end.
    pub(super) async fn run(mut self, mut stream: Box<SecureStream>) {
        let end = loop {
            let destination = match self.next(&mut stream).await {
                Ok(destination) => destination,
                Err(end) => break end,
            };
            // On the heap, so that it takes no memory while nothing is open.
            match Box::pin(self.serve(stream, destination)).await {
                Ok(idle) => stream = idle,
                Err(end) => return self.report(&end),
            }
        };
        let farewell = async {
            match end {
                End::Stopping | End::Removed | End::Silent => {
                    if stream.send(&[Frame::GoAway]).await.is_ok() {
                        stream.close().await;
                    }
                }
                End::Closed => stream.close().await,
                End::Lost(_) | End::Violation(_) | End::Flooding | End::Aborted => stream.abort(),
            }
        };
        // Who takes nothing hears nothing.
        let _heard_or_not = timeout(FAREWELL, Box::pin(farewell)).await;
        self.report(&end);
    }

    /// Waits for the next wish for a user connection.
    async fn next(&mut self, stream: &mut SecureStream) -> Result<Destination, End> {
        loop {
            let heard = tokio::select! {
                biased;
                _ = self.draining.wait_for(|draining| *draining) => return Err(End::Stopping),
                _ = self.removed.wait_for(|removed| *removed) => return Err(End::Removed),
                heard = timeout(self.hub.options.idle_timeout, hear(stream)) => heard,
            };
            match heard {
                Ok(Ok(None)) => {}
                Ok(Ok(Some(destination))) => return Ok(destination),
                Ok(Err(end)) => return Err(end),
                Err(_elapsed) => return Err(End::Silent),
            }
        }
    }

    fn report(&self, end: &End) {
        let (id, client, user) = (self.peer.id, self.peer.client, self.account.name());
        let text = end.to_string();
        let refusals = &self.shared.refusals;
        if let End::Violation(_) | End::Flooding = end
            && refusals
                .is_news(Cause::Violation, client.socket_addr().ip())
                .is_some()
        {
            tracing::warn!(hub_connection = %id, %user, %client, end = text, "a violation of the protocol");
        }
        tracing::info!(
            hub_connection = %id, %user, %client, connections = self.done.connections,
            refused = self.done.refused, up = self.done.bytes_up, down = self.done.bytes_down,
            seconds = self.since.elapsed().as_secs(), end = text,
            "an edge's connection ended"
        );
    }
}

/// What an OPEN asks for; `None` for another sign of life, which is answered.
async fn hear(stream: &mut SecureStream) -> Result<Option<Destination>, End> {
    match stream.receive().await? {
        Message::Open(open) => Ok(Some(open.destination)),
        Message::Ping(bytes) => {
            stream.send(&[Frame::Pong(bytes)]).await?;
            Ok(None)
        }
        // It is the edge's last frame. That the user connection was over by then it did not know.
        Message::Abort => Err(End::Closed),
        // The stream lets through only what may come, and nothing else may.
        _ => Ok(None),
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.hub.admitted.fetch_sub(1, Ordering::Relaxed);
    }
}

impl From<SecureError> for End {
    fn from(error: SecureError) -> Self {
        if error.is_closed() {
            Self::Closed
        } else if error.is_gone() {
            Self::Lost(error)
        } else {
            Self::Violation(error)
        }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => f.write_str("closed by the edge"),
            Self::Lost(error) => write!(f, "lost: {}", with_causes(error)),
            Self::Violation(error) => write!(f, "violation: {}", with_causes(error)),
            Self::Flooding => f.write_str("violation: data without end for a refused connection"),
            Self::Silent => f.write_str("no sign of life"),
            Self::Stopping => f.write_str("the hub stops"),
            Self::Removed => f.write_str("the user was removed"),
            Self::Aborted => f.write_str("the user connection was aborted"),
        }
    }
}

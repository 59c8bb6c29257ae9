//! The first words of an edge's connection: TLS, HELLO, and WELCOME or REFUSED.

use std::pin::Pin;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::watch;
use wire::hub::{Frame, Hello, Refusal, Refused, VERSIONS, Welcome};

use super::{Hub, Peer};
use crate::account::Place;
use crate::connect::with_causes;
use crate::refusals::{LeftOut, Refusals};
use crate::secure::{Message, SecureError};
use crate::{Account, Cause, SecureStream};

/// Whose a connection is.
pub(super) struct Admitted {
    pub(super) account: Arc<Account>,
    /// Among the user's connections to the hub.
    pub(super) place: Place,
    /// What the edge says of itself.
    pub(super) software: String,
}

/// Why a connection is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAdmitted {
    /// TLS did not come to be, or broke.
    #[error("no connection by TLS")]
    Tls(#[source] SecureError),
    /// What came inside TLS is not what has to come.
    #[error("the edge breaks the protocol")]
    Protocol(#[source] SecureError),
    /// Another frame than HELLO came first.
    #[error("the edge does not begin with HELLO")]
    NoHello,
    /// No common version.
    #[error(
        "the edge ({software}) speaks the hub protocol's versions {} to {}, and this hub {} to {}; \
         update the older of the two",
        theirs.start(), theirs.end(), VERSIONS.start(), VERSIONS.end()
    )]
    Version {
        software: String,
        theirs: std::ops::RangeInclusive<u8>,
    },
    /// The key is in no account.
    #[error("the user of the edge ({software}) is not known here; was it removed, or never added?")]
    UnknownUser { software: String },
    /// The account has all the connections that it may have.
    #[error("the user {user} has as many connections to the hub as it may; raise max_connections")]
    TooMany { user: Arc<str> },
    /// It takes too long.
    #[error("the edge did not say in time who it is")]
    Late,
    /// Others came while nobody knew who it is.
    #[error("too many others do not say who they are")]
    Crowded,
    /// The edge is gone again.
    #[error("the edge left")]
    Gone,
    /// The hub stops.
    #[error("the hub stops")]
    Stopping,
}

/// A connection that is of no use, and what is still to be said on it.
pub(super) struct TurnedDown {
    pub(super) reason: NotAdmitted,
    /// Where the edge listens for the reason.
    stream: Option<Box<SecureStream>>,
}

/// Finds out whose the connection is, and tells the edge if that is a user.
pub(super) async fn admit(
    hub: &Hub,
    stream: TcpStream,
    draining: &watch::Receiver<bool>,
) -> Result<(Box<SecureStream>, Admitted), TurnedDown> {
    let accepted = SecureStream::accept(stream, &hub.config).await;
    let mut stream = Box::new(accepted.map_err(NotAdmitted::of_tls)?);
    let hello = match stream.receive().await {
        Ok(Message::Hello(hello)) => hello,
        Ok(_) => return Err(NotAdmitted::NoHello.into()),
        Err(error) => return Err(NotAdmitted::of_hello(error).into()),
    };
    let stopping = *draining.borrow();
    let judged = match stopping {
        true => Err(NotAdmitted::Stopping),
        false => judge(hub, &stream, hello),
    };
    match judged {
        Ok((version, admitted)) => {
            let software = hub.options.software.clone();
            let welcome = Frame::Welcome(Welcome { version, software });
            let sent = stream.send(&[welcome]).await;
            sent.map_err(NotAdmitted::of_hello)?;
            Ok((stream, admitted))
        }
        Err(reason) => Err(TurnedDown {
            reason,
            stream: Some(stream),
        }),
    }
}

fn judge(hub: &Hub, stream: &SecureStream, hello: Hello) -> Result<(u8, Admitted), NotAdmitted> {
    let software = hello.software.clone();
    let Some(version) = hello.common_version(VERSIONS) else {
        let theirs = hello.versions;
        return Err(NotAdmitted::Version { software, theirs });
    };
    let key = stream.peer();
    let account = key.and_then(|key| hub.accounts.by_key(&key));
    let Some(account) = account else {
        return Err(NotAdmitted::UnknownUser { software });
    };
    let Some(place) = account.enter() else {
        let user = Arc::clone(account.name());
        return Err(NotAdmitted::TooMany { user });
    };
    let admitted = Admitted {
        account,
        place,
        software,
    };
    Ok((version, admitted))
}

impl TurnedDown {
    /// Tells the edge why, if it has come far enough to listen; whether it does is its affair.
    pub(super) fn farewell(self) -> Option<Pin<Box<impl Future<Output = ()>>>> {
        let mut stream = self.stream?;
        let (code, text) = self.reason.words();
        let refused = Refused {
            code,
            versions: VERSIONS,
            text,
        };
        // On the heap, so that it takes no memory in those that are let in.
        Some(Box::pin(async move {
            if stream.send(&[Frame::Refused(refused)]).await.is_ok() {
                stream.close().await;
            }
        }))
    }
}

impl From<NotAdmitted> for TurnedDown {
    /// Without a word.
    fn from(reason: NotAdmitted) -> Self {
        Self {
            reason,
            stream: None,
        }
    }
}

impl NotAdmitted {
    fn of_tls(error: SecureError) -> Self {
        if error.is_gone() {
            Self::Gone
        } else {
            Self::Tls(error)
        }
    }

    fn of_hello(error: SecureError) -> Self {
        if error.is_gone() {
            Self::Gone
        } else {
            Self::Protocol(error)
        }
    }

    /// What the edge is told.
    fn words(&self) -> (Refusal, String) {
        match self {
            Self::Version { .. } => (Refusal::Version, self.to_string()),
            Self::UnknownUser { .. } => (
                Refusal::UnknownUser,
                "the hub knows no user with this secret; ask for a new link".to_owned(),
            ),
            Self::Stopping => (Refusal::Stopping, "the hub is about to stop".to_owned()),
            _ => (
                Refusal::UserLimit,
                "this user has as many connections to the hub as it may".to_owned(),
            ),
        }
    }

    fn cause(&self) -> Option<Cause> {
        match self {
            Self::Tls(_) => Some(Cause::Tls),
            Self::Protocol(_) | Self::NoHello => Some(Cause::Violation),
            Self::Version { .. } => Some(Cause::Version),
            Self::UnknownUser { .. } => Some(Cause::UnknownUser),
            Self::TooMany { .. } => Some(Cause::HubConnections),
            Self::Late => Some(Cause::HandshakeTime),
            Self::Crowded => Some(Cause::HandshakeCrowd),
            Self::Gone | Self::Stopping => None,
        }
    }

    /// Counts it and says it in the log, once for each address.
    pub(super) fn report(&self, refusals: &Refusals, peer: &Peer) {
        let (id, client) = (peer.id, peer.client);
        let Some(cause) = self.cause() else {
            return tracing::debug!(hub_connection = %id, %client, "{self}");
        };
        match refusals.is_news(cause, client.socket_addr().ip()) {
            Some(LeftOut(left_out)) => tracing::warn!(
                hub_connection = %id, %client, cause = cause.as_str(), left_out,
                "an edge was refused: {}", with_causes(self)
            ),
            None => tracing::debug!(
                hub_connection = %id, %client, cause = cause.as_str(),
                "an edge was refused: {}", with_causes(self)
            ),
        }
    }
}

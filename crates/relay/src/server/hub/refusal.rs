//! Why there is no user connection: what the edge is told, and what is counted.

use wire::hub::OpenRefusal;

use crate::connect::with_causes;
use crate::{Cause, ConnectError};

/// Why there is no user connection.
pub(super) struct Refusal {
    pub(super) code: OpenRefusal,
    /// For the people at the other end.
    pub(super) text: String,
    pub(super) cause: Cause,
    /// What the hub itself lacks, for its own log.
    pub(super) fault: Option<String>,
}

impl Refusal {
    /// The user has as many connections as it may.
    pub(super) fn limit() -> Self {
        Self {
            code: OpenRefusal::UserLimit,
            text: "this user has as many connections open as it may".to_owned(),
            cause: Cause::OpenLimit,
            fault: None,
        }
    }

    /// The user is none any more.
    pub(super) fn removed() -> Self {
        Self {
            code: OpenRefusal::NotAllowed,
            text: "this user was removed from the hub".to_owned(),
            cause: Cause::OpenNotAllowed,
            fault: None,
        }
    }

    /// For what the connector says.
    pub(super) fn new(error: &ConnectError) -> Self {
        let cause = cause_of(error);
        let is_ours = cause == Cause::OpenHubFailure;
        Self {
            code: code_of(error),
            cause,
            text: match error {
                // Where a name leads inside the hub's network is nobody's business.
                ConnectError::NotAllowed { destination, .. } => {
                    format!("the hub does not connect to {destination}")
                }
                _ if is_ours => "the hub can't open connections at the moment".to_owned(),
                _ => error.to_string(),
            },
            // Without the error's own text: it names the destination.
            fault: is_ours.then(|| match std::error::Error::source(error) {
                Some(source) => with_causes(source),
                None => "the way out failed".to_owned(),
            }),
        }
    }
}

/// What the log and the counters call it.
pub(in crate::server) fn cause_of(error: &ConnectError) -> Cause {
    match error {
        ConnectError::Refused { .. } => Cause::OpenRefused,
        ConnectError::Timeout { .. } => Cause::OpenTimedOut,
        ConnectError::HostUnreachable { .. }
        | ConnectError::NetworkUnreachable { .. }
        | ConnectError::NoUplink { .. }
        | ConnectError::UplinkDown { .. } => Cause::OpenUnreachable,
        ConnectError::NameNotFound { .. } => Cause::OpenNameNotFound,
        ConnectError::NotAllowed { .. } | ConnectError::Blocked { .. } => Cause::OpenNotAllowed,
        _ => Cause::OpenHubFailure,
    }
}

fn code_of(error: &ConnectError) -> OpenRefusal {
    match error {
        ConnectError::Refused { .. } => OpenRefusal::Refused,
        ConnectError::Timeout { .. } => OpenRefusal::TimedOut,
        ConnectError::HostUnreachable { .. } => OpenRefusal::HostUnreachable,
        ConnectError::NetworkUnreachable { .. } | ConnectError::NoUplink { .. } => {
            OpenRefusal::NetworkUnreachable
        }
        ConnectError::NameNotFound { .. } => OpenRefusal::NameNotFound,
        ConnectError::NotAllowed { .. } => OpenRefusal::NotAllowed,
        _ => OpenRefusal::HubFailure,
    }
}

//! What can fail.

use std::io;
use std::time::Duration;

use crate::command::{InvalidCommand, Program};
use crate::session::SessionId;
use crate::sid::Sid;

/// Something that Windows did not do. Each says what was to be done, and to which object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Only LocalSystem may act for the user of a session.
    #[error(
        "cannot act for the user of session {session}: only a service that runs as LocalSystem may; \
         have the service do it"
    )]
    NotSystem {
        /// Whose user it was.
        session: SessionId,
        /// Windows' reason.
        #[source]
        source: io::Error,
    },
    /// There is no user to act for.
    #[error("nobody is logged on in session {0}: log on there first")]
    NobodyThere(SessionId),
    /// The command can't be passed on.
    #[error(transparent)]
    Command(#[from] InvalidCommand),
    /// A program was not started.
    #[error("cannot start {program}")]
    Start {
        /// What was to be started.
        program: Program,
        /// Windows' reason.
        #[source]
        source: io::Error,
    },
    /// A program took longer than it may, and was ended.
    #[error("{program} was ended: it had not come to its end after {limit:?}")]
    TooSlow {
        /// What was ended.
        program: Program,
        /// How long it was waited for.
        limit: Duration,
    },
    /// Somebody said no when Windows asked for an administrator's consent.
    #[error(
        "this needs an administrator's rights, and they were not given: say yes when Windows asks"
    )]
    Declined,
    /// A pipe's name is taken.
    #[error(
        "the pipe {name} is there already: another instance runs, or a program has taken its name"
    )]
    PipeTaken {
        /// The name.
        name: String,
        /// Windows' reason.
        #[source]
        source: io::Error,
    },
    /// There is no such pipe.
    #[error("there is no pipe {name}: the service does not run")]
    NoPipe {
        /// The name.
        name: String,
        /// Windows' reason.
        #[source]
        source: io::Error,
    },
    /// A pipe or directory is not the service's.
    #[error(
        "{object} is not trusted: it belongs to {owner}, not to Windows, an administrator or you"
    )]
    Foreign {
        /// What it is.
        object: String,
        /// Whose it is.
        owner: Sid,
    },
    /// Windows refused something else.
    #[error("cannot {operation}")]
    Refused {
        /// What was to be done: `write C:\Users\ada\.wslconfig`.
        operation: String,
        /// Windows' reason.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: what was to be done when Windows refused.
    pub(crate) fn refused(operation: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Refused {
            operation: operation.into(),
            source,
        }
    }
}

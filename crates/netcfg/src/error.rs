//! What goes wrong when the kernel is asked to change the network.

use std::{fmt, io};

use thiserror::Error;

use crate::netns::NetNsError;

/// A request to the kernel that failed. Each names what was to be done, and to which object.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel refused. The source is its reason.
    #[error("cannot {operation}")]
    Refused {
        /// What was asked for: `add route default via 192.168.1.1 dev eth1 table 7800003`.
        operation: String,
        /// The kernel's reason.
        #[source]
        source: KernelError,
    },
    /// Something else has the place of what was to be added. Nothing was changed.
    #[error("cannot {operation}: another one is in its place: {present}")]
    Conflict {
        /// What was asked for.
        operation: String,
        /// What is there instead.
        present: String,
    },
    /// A rule with [`Rule::opaque`](crate::Rule::opaque) set was to be added or deleted.
    #[error("cannot {operation}: it holds more than this program understands")]
    Opaque {
        /// What was asked for.
        operation: String,
    },
    /// The socket to the kernel failed.
    #[error("cannot {operation}: the netlink socket failed")]
    Socket {
        /// What was asked for.
        operation: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The kernel's answer could not be read.
    #[error("cannot {operation}: the kernel's answer makes no sense: {reason}")]
    Answer {
        /// What was asked for.
        operation: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The network changed so often that no consistent list of it could be read.
    #[error("cannot {operation}: it changed during each of {attempts} attempts")]
    Unsteady {
        /// What was asked for.
        operation: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The namespace of the socket could not be opened or entered.
    #[error(transparent)]
    NetNs(#[from] NetNsError),
}

impl Error {
    /// The kernel's error number, if it refused; see errno(3).
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Refused { source, .. } => Some(source.errno),
            _ => None,
        }
    }
}

/// The reason that the kernel gives: an error number, and often a sentence (extended ACK).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelError {
    /// The error number; see errno(3).
    pub errno: i32,
    /// The sentence.
    pub message: Option<String>,
}

impl std::error::Error for KernelError {}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", io::Error::from_raw_os_error(self.errno))?;
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

//! What can go wrong with the path manager.

use std::io;

use netlink_socket2::ReplyError;

use super::endpoint::{Endpoint, EndpointFlags, EndpointId, EndpointSpec, Limits};

/// Why a path manager operation failed. Each names its object.
#[derive(Debug, thiserror::Error)]
pub enum PathManagerError {
    /// No `mptcp_pm` in this kernel, or no netlink socket.
    #[error(
        "the kernel's MPTCP path manager can't be reached; it needs Linux 5.16 with CONFIG_MPTCP"
    )]
    Unavailable(#[source] io::Error),
    /// EPERM.
    #[error("{operation} is not permitted; it needs root or CAP_NET_ADMIN")]
    NotPermitted {
        /// What was tried, with its object.
        operation: String,
    },
    /// The address is an endpoint already.
    #[error("endpoint {wanted} can't be added: it is there already, with id {}", existing.id)]
    Exists {
        /// What was to be added.
        wanted: EndpointSpec,
        /// What is there.
        existing: Endpoint,
    },
    /// The wished id belongs to another address.
    #[error("endpoint {wanted} can't be added: its id belongs to {}", existing.address)]
    IdTaken {
        /// What was to be added.
        wanted: EndpointSpec,
        /// What is there.
        existing: Endpoint,
    },
    /// The kernel takes no more than 8.
    #[error("endpoint {wanted} can't be added: the kernel holds 8 already; delete one first")]
    TooMany {
        /// What was to be added.
        wanted: EndpointSpec,
    },
    /// No endpoint has this id.
    #[error("there is no endpoint with id {id}")]
    NotFound {
        /// The id asked for.
        id: EndpointId,
    },
    /// Out of range.
    #[error("{limits} can't be set: the kernel takes 0 to {max} of each", max = Limits::MAX)]
    Limits {
        /// What was to be set.
        limits: Limits,
    },
    /// Anything else, in the kernel's words.
    #[error("{operation} failed: the kernel says: {reason}")]
    Rejected {
        /// What was tried, with its object.
        operation: String,
        /// The kernel's text (extended ACK), or the error's.
        reason: String,
        /// The kernel's error.
        #[source]
        source: io::Error,
    },
    /// The kernel's answer can't be read.
    #[error("{operation}: the kernel's answer lacks {missing}")]
    Malformed {
        /// What was tried.
        operation: String,
        /// What the answer lacks.
        missing: &'static str,
    },
}

impl PathManagerError {
    /// The endpoint to delete or change is gone already.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// The endpoint to add is there already.
    pub fn is_already_there(&self) -> bool {
        matches!(self, Self::Exists { .. })
    }

    pub(super) fn rejected(operation: String, error: ReplyError) -> Self {
        let reason = error.ext_ack().and_then(|ack| ack.get_msg().ok());
        let reason = reason.map(|text| text.to_string_lossy().into_owned());
        let source = io::Error::from(error);
        if source.raw_os_error() == Some(libc::EPERM) {
            return Self::NotPermitted { operation };
        }
        let reason = reason.unwrap_or_else(|| source.to_string());
        Self::Rejected {
            operation,
            reason,
            source,
        }
    }

    pub(super) fn malformed(operation: String, missing: &'static str) -> Self {
        Self::Malformed { operation, missing }
    }

    /// Finds the cause of a refused addition in what is there.
    pub(super) fn of_add(error: Self, wanted: EndpointSpec, existing: Vec<Endpoint>) -> Self {
        let full = existing.len() >= Limits::MAX as usize;
        let same_address = |e: &Endpoint| {
            e.address == wanted.address
                && e.port == wanted.port
                && !e.flags.contains(EndpointFlags::IMPLICIT)
        };
        let same = existing.iter().position(same_address);
        let same_id = existing.iter().position(|e| Some(e.id) == wanted.id);
        let mut existing = existing;
        match (same, same_id) {
            (Some(n), _) => Self::Exists {
                wanted,
                existing: existing.swap_remove(n),
            },
            (None, Some(n)) => Self::IdTaken {
                wanted,
                existing: existing.swap_remove(n),
            },
            (None, None) if full => Self::TooMany { wanted },
            (None, None) => error,
        }
    }
}

//! What can go wrong with the path manager.

use std::io;

use super::endpoint::{Endpoint, EndpointId, EndpointSpec, Limits};

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
    #[error("the limits {limits:?} can't be set: the kernel takes 0 to 8")]
    Limits {
        /// What was to be set.
        limits: Limits,
    },
    /// Anything else, in the kernel's words.
    #[error("{operation} failed: the kernel says {reason:?}")]
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

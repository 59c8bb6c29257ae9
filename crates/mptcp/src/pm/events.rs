//! What the path manager tells while connections run: multicast group `mptcp_pm_events`.

use std::io;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::endpoint::EndpointId;

/// A subscription to the path manager's events of one network namespace. Needs CAP_NET_ADMIN.
#[derive(Debug)]
pub struct PmEvents {}

/// Something that happened to an MPTCP connection (`enum mptcp_event_type` of linux/mptcp_pm.h).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum PmEvent {
    /// A connection was made; it can't have more subflows yet.
    Created {
        /// The connection's local token.
        token: u32,
        /// Our end of the initial subflow.
        local: SocketAddr,
        /// The peer's end of the initial subflow.
        remote: SocketAddr,
        /// We accepted the connection.
        server_side: bool,
    },
    /// The connection is fully established: from now on it can have more subflows.
    Established {
        /// The connection's local token.
        token: u32,
        /// Our end of the initial subflow.
        local: SocketAddr,
        /// The peer's end of the initial subflow.
        remote: SocketAddr,
        /// We accepted the connection.
        server_side: bool,
    },
    /// The connection is over.
    Closed {
        /// The connection's local token.
        token: u32,
    },
    /// The peer announced an address (ADD_ADDR).
    Announced {
        /// The connection's local token.
        token: u32,
        /// The peer's id of the address.
        remote_id: EndpointId,
        /// The address.
        address: IpAddr,
        /// Its port, if it isn't that of the initial subflow.
        port: Option<u16>,
    },
    /// The peer took an address back (REMOVE_ADDR).
    Removed {
        /// The connection's local token.
        token: u32,
        /// The peer's id of the address.
        remote_id: EndpointId,
    },
    /// A subflow beyond the initial one was established.
    SubflowEstablished(Subflow),
    /// A subflow was closed. The initial one's end gives this event too.
    SubflowClosed(Subflow),
    /// A subflow became a backup, or ceased to be one (MP_PRIO).
    SubflowPriority(Subflow),
    /// The path manager listens on an endpoint's port (Linux 6.3).
    ListenerCreated {
        /// Where it listens.
        local: SocketAddr,
    },
    /// The path manager ceased to listen (Linux 6.3).
    ListenerClosed {
        /// Where it listened.
        local: SocketAddr,
    },
}

/// The subflow an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subflow {
    /// The connection's local token.
    pub token: u32,
    /// Our end.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
    /// Our address id; 0 is the initial subflow's.
    pub local_id: EndpointId,
    /// The peer's address id.
    pub remote_id: EndpointId,
    /// It is a backup.
    pub backup: bool,
    /// Index of the interface it is bound to, if it is.
    pub interface: Option<u32>,
    /// The socket error (errno) that ended it.
    pub error: Option<u8>,
    /// The reason in an MP_TCPRST that ended it (RFC 8684 section 3.6).
    pub reset_reason: Option<u32>,
}

/// Why events don't come.
#[derive(Debug, thiserror::Error)]
pub enum PmEventsError {
    /// No netlink socket, no `mptcp_pm` in this kernel, or no CAP_NET_ADMIN.
    #[error("can't subscribe to the MPTCP path manager's events; it needs root or CAP_NET_ADMIN")]
    Subscribe(#[source] io::Error),
    /// The kernel dropped events because they were not read in time (ENOBUFS). Read the state
    /// anew, then go on with [`PmEvents::next`].
    #[error("events of the MPTCP path manager were lost; the state must be read anew")]
    Overrun,
    /// The socket failed.
    #[error("events of the MPTCP path manager can't be read")]
    Receive(#[source] io::Error),
    /// An event lacks an attribute. Later ones may be whole: go on with [`PmEvents::next`].
    #[error("an event of the MPTCP path manager lacks {missing}")]
    Malformed {
        /// The attribute.
        missing: &'static str,
    },
}

impl PmEvents {
    /// Subscribes in the calling thread's network namespace. Needs a tokio runtime.
    pub fn new() -> Result<Self, PmEventsError> {
        todo!()
    }

    /// Waits for the next event. Safe to cancel.
    pub async fn next(&mut self) -> Result<PmEvent, PmEventsError> {
        todo!()
    }
}

//! What the path manager tells while connections run: multicast group `mptcp_pm_events`.

mod decode;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;

use netlink_bindings::builtin::Nlmsghdr;
use netlink_bindings::nlctrl;
use netlink_socket2::std::NetlinkSocket;
use netlink_sys::protocols::NETLINK_GENERIC;
use netlink_sys::{AsyncSocket, TokioSocket};
use serde::Serialize;

use super::endpoint::EndpointId;

/// A burst of events waits in here until it is read; the kernel cuts it at `net.core.rmem_max`.
const RECEIVE_BUFFER: libc::c_int = 1 << 20;

/// Room for one datagram. An event is shorter than 200 bytes.
const DATAGRAM: usize = 8192;

/// A subscription to the path manager's events of one network namespace. Needs CAP_NET_ADMIN.
pub struct PmEvents {
    socket: TokioSocket,
    datagram: Vec<u8>,
    /// How much of the datagram has been decoded.
    read: usize,
}

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
        /// The address. Announced without a port it has that of the initial subflow.
        address: SocketAddr,
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
    /// The peer made a subflow a backup, or took that back (MP_PRIO). Our own changes give no event.
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
    /// The peer declared it a backup. What we declared is to be had from [`crate::Diag`] only.
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
        Self::subscribe().map_err(PmEventsError::Subscribe)
    }

    fn subscribe() -> io::Result<Self> {
        let group = event_group()?;
        let mut socket = TokioSocket::new(NETLINK_GENERIC)?;
        let inner = socket.socket_mut();
        inner.bind_auto()?;
        inner.set_rx_buf_sz(RECEIVE_BUFFER)?;
        inner.add_membership(group)?;
        Ok(Self {
            socket,
            datagram: Vec::with_capacity(DATAGRAM),
            read: 0,
        })
    }

    /// Waits for the next event. Safe to cancel.
    pub async fn next(&mut self) -> Result<PmEvent, PmEventsError> {
        loop {
            while let Some(message) = self.next_message() {
                if let Some(event) = decode::event(message) {
                    return event.map_err(|missing| PmEventsError::Malformed { missing });
                }
            }
            self.receive().await?;
        }
    }

    async fn receive(&mut self) -> Result<(), PmEventsError> {
        self.datagram.clear();
        self.read = 0;
        let Self {
            socket, datagram, ..
        } = self;
        match poll_fn(|context| socket.poll_recv(context, datagram)).await {
            Ok(()) => Ok(()),
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                Err(PmEventsError::Overrun)
            }
            Err(error) => Err(PmEventsError::Receive(error)),
        }
    }

    /// The payload of the next netlink message of the datagram.
    fn next_message(&mut self) -> Option<&[u8]> {
        let rest = self.datagram.get(self.read..)?;
        let length = u32::from_ne_bytes(*rest.first_chunk()?) as usize;
        // Messages begin at multiples of 4 (NLMSG_ALIGNTO).
        self.read += length.next_multiple_of(4);
        rest.get(Nlmsghdr::len()..length)
    }
}

impl fmt::Debug for PmEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PmEvents").finish_non_exhaustive()
    }
}

/// Asks the kernel for the number of the group `mptcp_pm_events` of the family `mptcp_pm`.
fn event_group() -> io::Result<u32> {
    let mut socket = NetlinkSocket::new();
    let mut request = nlctrl::Request::new().op_getfamily_do();
    request.encode().push_family_name_bytes(b"mptcp_pm");
    let mut reply = socket.request(&request)?;
    let family = reply.recv_one()?;
    for group in family.get_mcast_groups()? {
        if group.get_name()?.to_bytes() == b"mptcp_pm_events" {
            return Ok(group.get_id()?);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "the kernel's mptcp_pm has no events",
    ))
}

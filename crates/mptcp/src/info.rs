//! What the kernel tells about one open connection.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::pm::EndpointId;

/// A connection as its socket sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectionInfo {
    /// Plain TCP: the socket is a TCP socket, or MPTCP fell back. Then there is one subflow.
    pub fallback: bool,
    /// The connection's local token, also found in path manager events. `None` for plain TCP.
    pub token: Option<u32>,
    /// Payload bytes sent, each counted once. `None` for plain TCP and before Linux 6.5.
    pub bytes_sent: Option<u64>,
    /// Payload bytes received. `None` for plain TCP and before Linux 6.5.
    pub bytes_received: Option<u64>,
    /// Payload bytes the peer has acknowledged. `None` for plain TCP and before Linux 6.5.
    pub bytes_acked: Option<u64>,
    /// Payload bytes that were sent again on another subflow. `None` for plain TCP and before
    /// Linux 6.5.
    pub bytes_reinjected: Option<u64>,
    /// The live subflows.
    pub subflows: Vec<SubflowInfo>,
}

/// One subflow, or the one TCP connection of plain TCP. Names and units are those of Linux'
/// `struct tcp_info`; what an older kernel doesn't tell is 0.
/// Time spans are serialized as whole microseconds, under names that end in `_us`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubflowInfo {
    /// Our end.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
    /// Address id of our end, 0 for the initial subflow. Filled in by [`crate::Diag`].
    pub local_id: Option<EndpointId>,
    /// Address id of the peer's end. Filled in by [`crate::Diag`].
    pub remote_id: Option<EndpointId>,
    /// We or the peer declared it a backup (RFC 8684 section 3.3.8). Filled in by [`crate::Diag`].
    pub backup: Option<bool>,
    /// TCP state.
    pub state: TcpState,
    /// Smoothed round trip time.
    #[serde(rename = "rtt_us", serialize_with = "micros")]
    pub rtt: Duration,
    /// Mean deviation of the round trip time.
    #[serde(rename = "rttvar_us", serialize_with = "micros")]
    pub rttvar: Duration,
    /// Smallest round trip time seen. The kernel's `!0` (none yet) is 0 here.
    #[serde(rename = "min_rtt_us", serialize_with = "micros")]
    pub min_rtt: Duration,
    /// Retransmission timeout.
    #[serde(rename = "rto_us", serialize_with = "micros")]
    pub rto: Duration,
    /// Congestion window, in segments.
    pub cwnd: u32,
    /// Sending segment size, in bytes.
    pub mss: u32,
    /// Payload bytes sent, retransmissions included.
    pub bytes_sent: u64,
    /// Payload bytes the peer has acknowledged.
    pub bytes_acked: u64,
    /// Payload bytes received.
    pub bytes_received: u64,
    /// Payload bytes sent again.
    pub bytes_retrans: u64,
    /// Timeouts in a row without an answer: not 0 means that the path may be dead.
    pub retransmits: u32,
    /// Segments sent again since the start.
    pub total_retrans: u32,
    /// Segments in flight, not acknowledged.
    pub unacked: u32,
    /// Segments thought lost.
    pub lost: u32,
    /// Bytes in the queue that have not been sent once.
    pub notsent_bytes: u32,
    /// Newest measured delivery rate, in bytes per second.
    pub delivery_rate: u64,
    /// Time since the last payload was sent.
    #[serde(rename = "last_data_sent_us", serialize_with = "micros")]
    pub last_data_sent: Duration,
    /// Time since the last payload came.
    #[serde(rename = "last_data_recv_us", serialize_with = "micros")]
    pub last_data_recv: Duration,
    /// Time since the last acknowledgement came.
    #[serde(rename = "last_ack_recv_us", serialize_with = "micros")]
    pub last_ack_recv: Duration,
}

/// State of a TCP connection (RFC 9293 section 3.3.2, numbers of Linux' `net/tcp_states.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of RFC 9293")]
pub enum TcpState {
    Established,
    SynSent,
    SynReceived,
    FinWait1,
    FinWait2,
    TimeWait,
    Closed,
    CloseWait,
    LastAck,
    Listen,
    Closing,
    /// A number this crate doesn't know.
    Other(u8),
}

/// Why a socket's state can't be read.
#[derive(Debug, thiserror::Error)]
pub enum InfoError {
    /// The socket is not connected, or not a stream socket of the Internet protocols.
    #[error("socket option {option} can't be read; is the socket connected?")]
    Option {
        /// Name of the socket option.
        option: &'static str,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// The kernel gave an address that is neither IPv4 nor IPv6.
    #[error("the kernel gave a subflow address of family {family}")]
    Family {
        /// The address family's number.
        family: u16,
    },
}

/// Reads the state of a connected MPTCP or TCP socket. Address ids and backup flags are not to be
/// had from a socket: [`crate::Diag::complete`] adds them.
pub fn connection_info(socket: impl AsFd) -> Result<ConnectionInfo, InfoError> {
    todo!("{:?}", socket.as_fd())
}

fn micros<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
}

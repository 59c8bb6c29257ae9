//! What the kernel tells about one open connection.

mod read;

use std::io;
use std::mem::offset_of;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::abi::{Fields, TcpInfo};
use crate::pm::EndpointId;

pub use read::{connection_info, token};

/// A connection as its socket sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectionInfo {
    /// Plain TCP: the socket is a TCP socket, or MPTCP fell back. Then there is one subflow.
    pub fallback: bool,
    /// The connection's local token, also found in path manager events. `None` for plain TCP.
    pub token: Option<u32>,
    /// Our end; of MPTCP the initial subflow's, which may be closed by now.
    pub local: SocketAddr,
    /// The peer's end; of MPTCP the initial subflow's, which may be closed by now.
    pub remote: SocketAddr,
    /// Payload bytes sent, each counted once. `None` for plain TCP and before Linux 6.5.
    pub bytes_sent: Option<u64>,
    /// Payload bytes received. `None` for plain TCP and before Linux 6.5.
    pub bytes_received: Option<u64>,
    /// Payload bytes the peer has acknowledged. `None` for plain TCP and before Linux 6.5.
    pub bytes_acked: Option<u64>,
    /// Payload bytes that were sent again on another subflow. `None` for plain TCP and before
    /// Linux 6.5.
    pub bytes_reinjected: Option<u64>,
    /// The subflows, those that are closing included. The kernel keeps a closed initial subflow;
    /// it is left out.
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
    /// Segments that came, acknowledgements included.
    pub segments_in: u32,
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
    /// How fast the congestion control lets it send, in bytes per second.
    pub pacing_rate: u64,
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

impl SubflowInfo {
    /// From the kernel's `struct tcp_info`, which may be shorter or longer than ours.
    pub(crate) fn from_tcp_info(local: SocketAddr, remote: SocketAddr, raw: Fields<'_>) -> Self {
        let us = |offset| Duration::from_micros(raw.u32(offset).into());
        let ms = |offset| Duration::from_millis(raw.u32(offset).into());
        Self {
            local,
            remote,
            local_id: None,
            remote_id: None,
            backup: None,
            state: TcpState::from(raw.u8(offset_of!(TcpInfo, state))),
            rtt: us(offset_of!(TcpInfo, rtt)),
            rttvar: us(offset_of!(TcpInfo, rttvar)),
            min_rtt: match raw.u32(offset_of!(TcpInfo, min_rtt)) {
                u32::MAX => Duration::ZERO,
                min => Duration::from_micros(min.into()),
            },
            rto: us(offset_of!(TcpInfo, rto)),
            cwnd: raw.u32(offset_of!(TcpInfo, snd_cwnd)),
            mss: raw.u32(offset_of!(TcpInfo, snd_mss)),
            bytes_sent: raw.u64(offset_of!(TcpInfo, bytes_sent)),
            bytes_acked: raw.u64(offset_of!(TcpInfo, bytes_acked)),
            bytes_received: raw.u64(offset_of!(TcpInfo, bytes_received)),
            bytes_retrans: raw.u64(offset_of!(TcpInfo, bytes_retrans)),
            segments_in: raw.u32(offset_of!(TcpInfo, segs_in)),
            retransmits: raw.u8(offset_of!(TcpInfo, retransmits)).into(),
            total_retrans: raw.u32(offset_of!(TcpInfo, total_retrans)),
            unacked: raw.u32(offset_of!(TcpInfo, unacked)),
            lost: raw.u32(offset_of!(TcpInfo, lost)),
            notsent_bytes: raw.u32(offset_of!(TcpInfo, notsent_bytes)),
            pacing_rate: raw.u64(offset_of!(TcpInfo, pacing_rate)),
            delivery_rate: raw.u64(offset_of!(TcpInfo, delivery_rate)),
            last_data_sent: ms(offset_of!(TcpInfo, last_data_sent)),
            last_data_recv: ms(offset_of!(TcpInfo, last_data_recv)),
            last_ack_recv: ms(offset_of!(TcpInfo, last_ack_recv)),
        }
    }
}

impl From<u8> for TcpState {
    fn from(number: u8) -> Self {
        match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 => Self::SynReceived,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Closed,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            other => Self::Other(other),
        }
    }
}

fn micros<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
}

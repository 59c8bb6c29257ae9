//! Carries users' UDP between edge and hub, so that its other end always sees the hub's address.
//!
//! The edge has a QUIC connection to the hub over each uplink ([`Tunnel`]) and sends over the best of them; the
//! hub ([`DatagramHub`]) has a UDP socket for each flow. Datagrams are neither repeated nor put in order (RFC 9221).
//! `docs/protocol.md` specifies what is sent.
#![forbid(unsafe_code)]

mod choice;
mod congestion;
mod flow;
mod hub;
mod incoming;
mod life;
mod link;
mod links;
mod moved;
mod outgoing;
mod parts;
mod quic;
mod seen;
mod session;
mod tunnel;

pub use choice::Standing;
pub use hub::{DatagramHub, hub_endpoint};
pub use links::LinkStatus;
pub use moved::Moved;
pub use tunnel::{Flow, Hub, Received, Tunnel, TunnelStatus, Uplink};

/// How long nothing may move in a flow before its port is given to others: RFC 4787 section 4.3 asks for two
/// minutes at least.
pub const IDLE: std::time::Duration = std::time::Duration::from_secs(130);

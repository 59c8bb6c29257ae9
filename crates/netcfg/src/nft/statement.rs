//! What a rule does to a packet.

use std::net::IpAddr;
use std::num::NonZeroU16;

use super::Name;

/// What a rule does to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Ends this hook's chain for the packet; it goes on.
    Accept,
    /// The packet vanishes.
    Drop,
    /// Back to the chain that jumped here, or to the policy.
    Return,
    /// Go through another chain of the same table, then come back.
    Jump(Name),
    /// The packet vanishes and its sender is told.
    Reject(Reject),
    /// Counts packets and bytes, seen in `nft list`.
    Counter,
    /// Sets the packet's mark (`meta mark set`).
    SetMark(u32),
    /// Sets the mark of the packet's connection (`ct mark set`).
    SetCtMark(u32),
    /// Copies the packet's mark to its connection (`ct mark set meta mark`).
    SaveMark,
    /// Copies the connection's mark to the packet (`meta mark set ct mark`).
    RestoreMark,
    /// Sends the connection to this port of this machine; `SO_ORIGINAL_DST` tells where it was
    /// going. Needs a match on TCP or UDP, in a NAT chain at prerouting or output.
    Redirect(NonZeroU16),
    /// Gives the packet to the transparent socket on this port, its addresses unchanged. Needs a
    /// match on TCP or UDP, in a filter chain at prerouting.
    Tproxy(NonZeroU16),
    /// Source NAT to the address of the interface that the packet leaves by.
    Masquerade,
    /// Source NAT to a given address, at postrouting or input.
    Snat(Nat),
    /// Destination NAT to a given address, at prerouting or output.
    Dnat(Nat),
    /// Lowers the maximum segment size in a SYN to what fits the route (`rt mtu`). Not at
    /// prerouting or input, where the route is not known. Use with [`Match::TcpSyn`](super::Match).
    ClampMss,
    /// No connection tracking for this packet. At prerouting or output, with a priority below -200
    /// where tracking begins: [`Base::RAW`](super::Base::RAW).
    NoTrack,
}

/// How a sender is told that its packet is not wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// ICMP or ICMPv6 "port unreachable".
    PortUnreachable,
    /// ICMP or ICMPv6 "administratively prohibited".
    Prohibited,
    /// A TCP RST. Needs a match on TCP.
    TcpReset,
}

/// The new address of a translated connection. Applies to packets of its own family only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nat {
    /// The new address.
    pub address: IpAddr,
    /// The new port; `None` keeps it if possible. Needs a match on TCP or UDP.
    pub port: Option<NonZeroU16>,
}

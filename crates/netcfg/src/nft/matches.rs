//! What a rule asks of a packet.

use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::{Ipv4Net, Ipv6Net};

use super::InvalidName;
use crate::{Family, InterfaceName};

/// A condition on a packet.
///
/// The condition implies what it needs: [`Match::Source4`] holds for IPv4 packets only, also when
/// it is negated, and ports hold for their own transport only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// Interface that the packet came in by (`iifname`).
    InputInterface(OneOf<InterfacePattern>),
    /// Interface that the packet leaves by (`oifname`), at forward, output and postrouting.
    OutputInterface(OneOf<InterfacePattern>),
    /// IPv4 or IPv6 (`meta nfproto`).
    Family(Family),
    /// Transport protocol (`meta l4proto`), past IPv6 extension headers.
    Protocol(OneOf<Protocol>),
    /// IPv4 source address.
    Source4(OneOf<Ipv4Net>),
    /// IPv4 destination address.
    Destination4(OneOf<Ipv4Net>),
    /// IPv6 source address.
    Source6(OneOf<Ipv6Net>),
    /// IPv6 destination address.
    Destination6(OneOf<Ipv6Net>),
    /// Source port.
    SourcePort(Transport, OneOf<Ports>),
    /// Destination port.
    DestinationPort(Transport, OneOf<Ports>),
    /// State of the packet's connection is among these (`ct state`).
    CtState(CtStates),
    /// Direction of the packet in its connection (`ct direction`).
    CtDirection(CtDirection),
    /// The connection had its destination translated (`ct status dnat`): also what
    /// [`Statement::Redirect`](super::Statement::Redirect) took.
    CtDnat,
    /// The packet's mark (`meta mark`).
    Mark(MarkTest),
    /// The mark of the packet's connection (`ct mark`).
    CtMark(MarkTest),
    /// The destination is (`true`) or is not (`false`) an address of this machine
    /// (`fib daddr type local`).
    DestinationIsLocal(bool),
    /// A socket with `IP_TRANSPARENT` set has this connection (`socket transparent 1`).
    TransparentSocket,
    /// SYN set and RST not: the first packet of either side of a TCP connection.
    TcpSyn,
}

/// "Is one of", or negated "is none of", at least one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOf<T> {
    pub(super) values: Vec<T>,
    pub(super) negated: bool,
}

impl<T> OneOf<T> {
    /// Is one of `values`. `None` if there are none: nft has no empty set, and whether the rule
    /// then holds always, never or is left out is for the caller to say.
    pub fn any(values: impl IntoIterator<Item = T>) -> Option<Self> {
        let values: Vec<T> = values.into_iter().collect();
        (!values.is_empty()).then_some(Self {
            values,
            negated: false,
        })
    }

    /// Is none of `values`. `None` if there are none, as in [`OneOf::any`].
    pub fn none(values: impl IntoIterator<Item = T>) -> Option<Self> {
        Self::any(values).map(|one_of| Self {
            negated: true,
            ..one_of
        })
    }

    /// Is anything but `value`.
    pub fn not(value: T) -> Self {
        Self {
            values: vec![value],
            negated: true,
        }
    }
}

impl<T> From<T> for OneOf<T> {
    fn from(value: T) -> Self {
        Self {
            values: vec![value],
            negated: false,
        }
    }
}

/// The name of an interface, or the beginning of names (`wl*`). The interface need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfacePattern {
    pub(super) name: String,
    pub(super) prefix: bool,
}

impl FromStr for InterfacePattern {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (name, prefix) = match text.strip_suffix('*') {
            Some(name) => (name, true),
            None => (text, false),
        };
        // IFNAMSIZ is 16 with the closing NUL; dev_valid_name() refuses '/', ':' and spaces. nft
        // counts the star.
        let ok = !name.is_empty()
            && text.len() <= 15
            && name
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"/:\"\\*".contains(&b));
        if !ok {
            return Err(InvalidName::Interface(text.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            prefix,
        })
    }
}

impl From<&InterfaceName> for InterfacePattern {
    fn from(name: &InterfaceName) -> Self {
        Self {
            name: name.as_str().to_owned(),
            prefix: false,
        }
    }
}

impl From<InterfaceName> for InterfacePattern {
    fn from(name: InterfaceName) -> Self {
        Self::from(&name)
    }
}

/// A transport protocol, or ICMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
    /// ICMPv6, which IPv6 does not work without.
    Icmpv6,
}

/// A protocol with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A port, or a range of ports with both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    pub(super) first: u16,
    pub(super) last: u16,
}

impl From<u16> for Ports {
    fn from(port: u16) -> Self {
        Self {
            first: port,
            last: port,
        }
    }
}

impl TryFrom<RangeInclusive<u16>> for Ports {
    type Error = InvalidPortRange;

    fn try_from(range: RangeInclusive<u16>) -> Result<Self, InvalidPortRange> {
        let (first, last) = range.into_inner();
        if first > last {
            return Err(InvalidPortRange { first, last });
        }
        Ok(Self { first, last })
    }
}

/// A range of ports that ends before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no port is in the range {first}-{last}: put the lower one first")]
pub struct InvalidPortRange {
    first: u16,
    last: u16,
}

/// A set of connection states, not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CtStates(pub(super) u32);

impl CtStates {
    /// Belongs to no connection, and cannot begin one.
    pub const INVALID: Self = Self(1);
    /// Of a connection that has seen packets both ways.
    pub const ESTABLISHED: Self = Self(2);
    /// Begins a connection that an existing one asked for, or is an ICMP error about one.
    pub const RELATED: Self = Self(4);
    /// Begins a connection, or belongs to one that was not answered yet.
    pub const NEW: Self = Self(8);
}

impl std::ops::BitOr for CtStates {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Direction of a packet in its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CtDirection {
    /// From the side that began.
    Original,
    /// To the side that began.
    Reply,
}

/// A test of a mark: the bits in `mask` equal `value`, or do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkTest {
    /// Bits outside `mask` must be 0.
    pub value: u32,
    /// `u32::MAX` compares the whole mark.
    pub mask: u32,
    /// Asks for any other value.
    pub negated: bool,
}

impl MarkTest {
    /// The whole mark is `value`.
    pub fn is(value: u32) -> Self {
        Self {
            value,
            mask: u32::MAX,
            negated: false,
        }
    }

    /// The whole mark is not `value`.
    pub fn is_not(value: u32) -> Self {
        Self {
            value,
            mask: u32::MAX,
            negated: true,
        }
    }
}

//! Datagrams of users between edge and hub: what is in the QUIC datagrams (RFC 9221), and the orders on the
//! stream beside them.

use std::net::{IpAddr, SocketAddr};

use super::frame::{IPV4, IPV6, NAME};
use crate::{Destination, DomainNameError, Host};

const ONCE: u8 = 0x30;
const TWICE: u8 = 0x31;
const PART: u8 = 0x32;
const PROBE: u8 = 0x33;
const JOIN: u8 = 0x34;
const PREFER: u8 = 0x35;
const UNREACHABLE: u8 = 0x36;

/// The most parts that a user's datagram is cut into.
pub const MAX_PARTS: usize = 64;

/// Bytes of a [`Packet::Once`] that are not of the user's datagram.
pub const ONCE_OVERHEAD: usize = 5;

/// Bytes of a [`Packet::Part`] that are not of the user's datagram.
pub const PART_OVERHEAD: usize = 11;

/// The most bytes of an [`Order`], type and length included.
pub const MAX_ORDER: usize = 3 + 16;

/// A port of the hub's that one program of the edge's side sends from. The edge chooses the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowId(pub u32);

/// What the connections of one edge have in common, so that the hub knows them to be one edge's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 16]);

/// One QUIC datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A user's datagram ([`Content`]) that is sent once.
    Once {
        /// Whose it is.
        flow: FlowId,
        /// A [`Content`].
        content: &'a [u8],
    },
    /// One that is sent over two connections; the later of the two is to be dropped.
    Twice {
        /// Whose it is.
        flow: FlowId,
        /// Counts those of this flow and direction.
        number: u32,
        /// A [`Content`].
        content: &'a [u8],
    },
    /// A part of one that is too large for a QUIC datagram.
    Part {
        /// Whose it is.
        flow: FlowId,
        /// The same in all parts of one.
        number: u32,
        /// Which part, from 0.
        index: u8,
        /// The index of the last part, 1 to [`MAX_PARTS`] - 1.
        last: u8,
        /// A part of a [`Content`].
        bytes: &'a [u8],
    },
    /// Asks for nothing but to be acknowledged.
    Probe,
    /// From the hub alone: what the flow has sent to this address has come to a port that nobody listens on.
    Unreachable {
        /// Whose it was.
        flow: FlowId,
        /// Where it was sent to.
        peer: SocketAddr,
    },
}

/// A user's datagram with its other end: where it is to go, or where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content<'a> {
    /// The other end. From the hub it is an address, never a name.
    pub peer: Destination,
    /// What the user sends.
    pub payload: &'a [u8],
}

/// What an edge says on a connection's stream, after HELLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The connection is one of this session's. The first order.
    Join(SessionId),
    /// The hub's datagrams are to come by this connection, unless another one was told so with a higher number.
    Prefer {
        /// Counts the edge's choices.
        number: u32,
        /// For which of them.
        rank: Rank,
    },
}

/// What a connection is used for by the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rank {
    /// For all datagrams.
    First,
    /// For what is sent twice.
    Second,
}

/// What is wrong with a datagram or an order. The other end broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatagramError {
    /// No byte at all, or a type that nobody knows.
    #[error("a datagram of an unknown type; is the other end newer?")]
    Type,
    /// Shorter than its type allows.
    #[error("a datagram ends in its header")]
    Cut,
    /// Parts that can't be.
    #[error("part {index} of {last} is none")]
    Part {
        /// Which part.
        index: u8,
        /// The index of the last one.
        last: u8,
    },
    /// Neither IPv4 nor a name nor IPv6.
    #[error("the address type is {0}, not 1, 3 or 4")]
    AddressType(u8),
    /// The name can't be one.
    #[error("the name of the host is wrong")]
    Name(#[source] DomainNameError),
    /// No rank.
    #[error("the rank is {0}, not 0 or 1")]
    Rank(u8),
    /// An order, or an [`Packet::Unreachable`], of another length than it has.
    #[error("an order or error of the wrong length")]
    Length,
}

impl<'a> Packet<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DatagramError> {
        let (kind, rest) = bytes.split_first().ok_or(DatagramError::Type)?;
        let mut fields = Fields(rest);
        match *kind {
            ONCE => Ok(Self::Once {
                flow: fields.flow()?,
                content: fields.0,
            }),
            TWICE => Ok(Self::Twice {
                flow: fields.flow()?,
                number: fields.u32()?,
                content: fields.0,
            }),
            PART => {
                let (flow, number) = (fields.flow()?, fields.u32()?);
                let [index, last] = fields.array()?;
                if last == 0 || index > last || usize::from(last) >= MAX_PARTS {
                    return Err(DatagramError::Part { index, last });
                }
                Ok(Self::Part {
                    flow,
                    number,
                    index,
                    last,
                    bytes: fields.0,
                })
            }
            PROBE if rest.is_empty() => Ok(Self::Probe),
            UNREACHABLE => {
                let flow = fields.flow()?;
                let content = Content::parse(fields.0)?;
                match content.peer.host {
                    _ if !content.payload.is_empty() => Err(DatagramError::Length),
                    Host::Ip(ip) => Ok(Self::Unreachable {
                        flow,
                        peer: SocketAddr::new(ip, content.peer.port),
                    }),
                    Host::Name(_) => Err(DatagramError::AddressType(NAME)),
                }
            }
            _ => Err(DatagramError::Type),
        }
    }

    /// The bytes to send.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Once { flow, content } => {
                out.reserve_exact(ONCE_OVERHEAD + content.len());
                out.push(ONCE);
                out.extend(flow.0.to_be_bytes());
                out.extend_from_slice(content);
            }
            Self::Twice {
                flow,
                number,
                content,
            } => {
                out.reserve_exact(9 + content.len());
                out.push(TWICE);
                out.extend(flow.0.to_be_bytes());
                out.extend(number.to_be_bytes());
                out.extend_from_slice(content);
            }
            Self::Part {
                flow,
                number,
                index,
                last,
                bytes,
            } => {
                out.reserve_exact(PART_OVERHEAD + bytes.len());
                out.push(PART);
                out.extend(flow.0.to_be_bytes());
                out.extend(number.to_be_bytes());
                out.extend([*index, *last]);
                out.extend_from_slice(bytes);
            }
            Self::Probe => out.push(PROBE),
            Self::Unreachable { flow, peer } => {
                let peer = Content {
                    peer: Destination {
                        host: Host::Ip(peer.ip()),
                        port: peer.port(),
                    },
                    payload: &[],
                };
                out.push(UNREACHABLE);
                out.extend(flow.0.to_be_bytes());
                out.extend(peer.encode());
            }
        }
        out
    }
}

impl<'a> Content<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DatagramError> {
        let mut fields = Fields(bytes);
        let port = u16::from_be_bytes(fields.array()?);
        let [kind] = fields.array()?;
        let host = match kind {
            IPV4 => Host::Ip(IpAddr::from(fields.array::<4>()?)),
            IPV6 => Host::Ip(IpAddr::from(fields.array::<16>()?)),
            NAME => {
                let [len] = fields.array()?;
                Host::try_from(fields.take(len.into())?).map_err(DatagramError::Name)?
            }
            other => return Err(DatagramError::AddressType(other)),
        };
        Ok(Self {
            peer: Destination { host, port },
            payload: fields.0,
        })
    }

    /// The bytes to send.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(3 + 16 + self.payload.len());
        out.extend(self.peer.port.to_be_bytes());
        match &self.peer.host {
            Host::Ip(IpAddr::V4(ip)) => {
                out.push(IPV4);
                out.extend(ip.octets());
            }
            Host::Ip(IpAddr::V6(ip)) => {
                out.push(IPV6);
                out.extend(ip.octets());
            }
            Host::Name(name) => {
                let name = name.as_str().as_bytes();
                let len = u8::try_from(name.len()).expect("the type allows 255 bytes at most");
                out.extend([NAME, len]);
                out.extend_from_slice(name);
            }
        }
        out.extend_from_slice(self.payload);
        out
    }

    /// The other end, if it is an address. One of IPv4 that is written as IPv6 comes back as IPv4.
    pub fn address(&self) -> Option<SocketAddr> {
        match self.peer.host {
            Host::Ip(ip) => Some(SocketAddr::new(ip.to_canonical(), self.peer.port)),
            Host::Name(_) => None,
        }
    }
}

impl Order {
    /// Reads one, with its type and length.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, DatagramError> {
        let (header, payload) = bytes.split_first_chunk().ok_or(DatagramError::Cut)?;
        let [kind, high, low] = *header;
        if usize::from(u16::from_be_bytes([high, low])) != payload.len() {
            return Err(DatagramError::Length);
        }
        match (kind, payload) {
            (JOIN, session) => {
                let session = session.try_into().map_err(|_| DatagramError::Length)?;
                Ok(Self::Join(SessionId(session)))
            }
            (PREFER, [a, b, c, d, rank]) => Ok(Self::Prefer {
                number: u32::from_be_bytes([*a, *b, *c, *d]),
                rank: match rank {
                    0 => Rank::First,
                    1 => Rank::Second,
                    other => return Err(DatagramError::Rank(*other)),
                },
            }),
            (PREFER, _) => Err(DatagramError::Length),
            _ => Err(DatagramError::Type),
        }
    }

    /// Appends type, length and payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Join(session) => {
                out.extend([JOIN, 0, 16]);
                out.extend(session.0);
            }
            Self::Prefer { number, rank } => {
                out.extend([PREFER, 0, 5]);
                out.extend(number.to_be_bytes());
                out.push(match rank {
                    Rank::First => 0,
                    Rank::Second => 1,
                });
            }
        }
    }
}

/// What is left to read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn flow(&mut self) -> Result<FlowId, DatagramError> {
        self.u32().map(FlowId)
    }

    fn u32(&mut self) -> Result<u32, DatagramError> {
        self.array().map(u32::from_be_bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DatagramError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(DatagramError::Cut)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], DatagramError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(DatagramError::Cut)?;
        self.0 = rest;
        Ok(taken)
    }
}

//! The server's answer to a request (RFC 1928 section 6).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::address::{self, Field};
use super::{Error, VERSION, read_version};
use crate::parsed::Reader;
use crate::{Host, Parsed};

/// How a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplyCode {
    /// 0
    Succeeded,
    /// 1
    GeneralFailure,
    /// 2
    NotAllowed,
    /// 3
    NetworkUnreachable,
    /// 4
    HostUnreachable,
    /// 5
    ConnectionRefused,
    /// 6
    TtlExpired,
    /// 7
    CommandNotSupported,
    /// 8
    AddressTypeNotSupported,
    /// A number that RFC 1928 leaves unassigned.
    Other(u8),
}

/// The answer to a [`Request`](super::Request).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// How it went.
    pub code: ReplyCode,
    /// Where the server's own end is. Nobody needs it after CONNECT, many servers send zeros.
    pub bound: SocketAddr,
}

impl Reply {
    /// The most bytes a reply can have.
    pub const MAX_LEN: usize = 3 + address::MAX_LEN;

    const NAME: &str = "reply";

    /// A reply with the address 0.0.0.0:0: for failures, and where the address is not known.
    pub fn unbound(code: ReplyCode) -> Self {
        Self {
            code,
            bound: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
        }
    }

    /// The bytes to send.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, self.code.into(), 0];
        address::write(&mut bytes, &Host::Ip(self.bound.ip()), self.bound.port());
        bytes
    }

    /// Reads a reply from the front of `bytes`. The reserved byte may be anything. A domain name as
    /// the bound address is legal but of no use: it becomes 0.0.0.0, whatever its bytes are.
    ///
    /// # Errors
    /// A wrong version or address type.
    pub fn parse(bytes: &[u8]) -> Result<Parsed<Self>, Error> {
        Reader::parse(bytes, |reader| {
            let Some(()) = read_version(reader, Self::NAME)? else {
                return Ok(None);
            };
            let Some(code) = reader.u8() else {
                return Ok(None);
            };
            let Some(_reserved) = reader.u8() else {
                return Ok(None);
            };
            let Some((field, port)) = address::read(reader, Self::NAME)? else {
                return Ok(None);
            };
            let ip = match field {
                Field::Ip(ip) => ip,
                Field::Domain(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            };
            Ok(Some(Self {
                code: code.into(),
                bound: SocketAddr::new(ip, port),
            }))
        })
    }
}

/// A text for people, as the end of a sentence like "the proxy says: ...".
impl fmt::Display for ReplyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Succeeded => "succeeded",
            Self::GeneralFailure => "general failure of the proxy",
            Self::NotAllowed => "the proxy's rules do not allow this connection",
            Self::NetworkUnreachable => "network unreachable",
            Self::HostUnreachable => "host unreachable",
            Self::ConnectionRefused => "connection refused",
            Self::TtlExpired => "time to live expired on the way",
            Self::CommandNotSupported => "the proxy does not support this command",
            Self::AddressTypeNotSupported => "the proxy does not support this type of address",
            Self::Other(code) => return write!(f, "unknown reply code {code}"),
        })
    }
}

impl From<u8> for ReplyCode {
    fn from(byte: u8) -> Self {
        match byte {
            0 => Self::Succeeded,
            1 => Self::GeneralFailure,
            2 => Self::NotAllowed,
            3 => Self::NetworkUnreachable,
            4 => Self::HostUnreachable,
            5 => Self::ConnectionRefused,
            6 => Self::TtlExpired,
            7 => Self::CommandNotSupported,
            8 => Self::AddressTypeNotSupported,
            other => Self::Other(other),
        }
    }
}

impl From<ReplyCode> for u8 {
    fn from(code: ReplyCode) -> Self {
        match code {
            ReplyCode::Succeeded => 0,
            ReplyCode::GeneralFailure => 1,
            ReplyCode::NotAllowed => 2,
            ReplyCode::NetworkUnreachable => 3,
            ReplyCode::HostUnreachable => 4,
            ReplyCode::ConnectionRefused => 5,
            ReplyCode::TtlExpired => 6,
            ReplyCode::CommandNotSupported => 7,
            ReplyCode::AddressTypeNotSupported => 8,
            ReplyCode::Other(other) => other,
        }
    }
}

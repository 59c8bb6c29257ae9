//! SOCKS 4 and 4a, the server's side. There is no RFC: the sources are "SOCKS: A protocol for TCP
//! proxy across firewalls" and "SOCKS 4A: A Simple Extension to SOCKS 4 Protocol" (both Ying-Da Lee).

use std::net::Ipv4Addr;

use crate::parsed::{FieldTooLong, Reader};
use crate::{Destination, DomainNameError, Host, Parsed};

const VERSION: u8 = 4;
const CONNECT: u8 = 1;
const BIND: u8 = 2;

/// The longest user id and the longest domain name, in bytes. The protocol sets no limit to either;
/// this is the limit of SOCKS5's fields.
const MAX_FIELD: usize = 255;

/// A CONNECT request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Where to connect. A name comes from SOCKS 4a only.
    pub dest: Destination,
    /// Whom the client claims to be: 0 to 255 bytes, unchecked and mostly empty.
    pub user_id: Box<[u8]>,
}

/// The answer to a [`Request`]. The address fields mean nothing after CONNECT and are sent as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reply {
    /// Connected: data may flow.
    Granted = 90,
    /// Refused, or failed for whatever reason.
    Rejected = 91,
    /// Refused because the client runs no reachable identd.
    IdentUnreachable = 92,
    /// Refused because identd names another user than the request did.
    IdentMismatch = 93,
}

/// What is wrong with a request. The right answer is [`Reply::Rejected`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The first byte is not 4.
    #[error("SOCKS4 request: the version (byte 0) is {0}, not 4")]
    Version(u8),
    /// The client wants to be connected to, which needs a listener that we don't have.
    #[error("SOCKS4 request: BIND (byte 1 is 2) is not supported; use CONNECT")]
    BindUnsupported,
    /// Neither CONNECT nor BIND.
    #[error("SOCKS4 request: the command (byte 1) is {0}; 1 (CONNECT) is supported")]
    UnknownCommand(u8),
    /// No zero byte within the limit.
    #[error("SOCKS4 request: the user id (from byte 8) goes on after {MAX_FIELD} bytes")]
    UserIdTooLong,
    /// No zero byte within the limit.
    #[error("SOCKS4a request: the domain name (after the user id) goes on after {MAX_FIELD} bytes")]
    DomainTooLong,
    /// The domain name can't be one.
    #[error("SOCKS4a request: the domain name (after the user id) is wrong")]
    Domain(#[source] DomainNameError),
}

impl Request {
    /// The most bytes a request can have.
    pub const MAX_LEN: usize = 8 + 2 * (MAX_FIELD + 1);

    /// Reads a request from the front of `bytes`.
    ///
    /// # Errors
    /// As soon as a byte is wrong, even if more bytes would be missing.
    pub fn parse(bytes: &[u8]) -> Result<Parsed<Self>, Error> {
        Reader::parse(bytes, Self::read)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Option<Self>, Error> {
        match reader.u8() {
            None => return Ok(None),
            Some(VERSION) => {}
            Some(other) => return Err(Error::Version(other)),
        }
        match reader.u8() {
            None => return Ok(None),
            Some(CONNECT) => {}
            Some(BIND) => return Err(Error::BindUnsupported),
            Some(other) => return Err(Error::UnknownCommand(other)),
        }
        let (Some(port), Some(ip)) = (reader.u16(), reader.array()) else {
            return Ok(None);
        };
        let user_id = reader
            .zero_ended(MAX_FIELD)
            .map_err(|FieldTooLong| Error::UserIdTooLong)?;
        let Some(user_id) = user_id else {
            return Ok(None);
        };
        let Some(host) = read_host(ip, reader)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            dest: Destination { host, port },
            user_id: user_id.into(),
        }))
    }
}

/// SOCKS 4a: an impossible address 0.0.0.x with x other than 0 says that a name follows.
fn read_host(ip: [u8; 4], reader: &mut Reader<'_>) -> Result<Option<Host>, Error> {
    let a_name_follows = matches!(ip, [0, 0, 0, x] if x != 0);
    if !a_name_follows {
        return Ok(Some(Host::Ip(Ipv4Addr::from(ip).into())));
    }
    let name = reader
        .zero_ended(MAX_FIELD)
        .map_err(|FieldTooLong| Error::DomainTooLong)?;
    name.map(|name| Host::try_from(name).map_err(Error::Domain))
        .transpose()
}

impl Reply {
    /// The bytes to send. A reply's version is 0.
    pub fn encode(self) -> [u8; 8] {
        [0, self as u8, 0, 0, 0, 0, 0, 0]
    }
}

#[cfg(test)]
mod tests;

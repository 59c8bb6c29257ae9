//! What the client wants (RFC 1928 section 4).

use std::net::Ipv4Addr;

use super::address::{self, Field};
use super::{Error, VERSION, read_version};
use crate::parsed::Reader;
use crate::{Destination, Host, Parsed};

/// What to do with the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Command {
    /// Connect to it.
    Connect = 1,
    /// Wait for a connection from it.
    Bind = 2,
    /// Relay datagrams; the destination is where the client will send them from.
    UdpAssociate = 3,
}

/// A client's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub command: Command,
    /// With whom.
    pub dest: Destination,
}

impl Request {
    /// The most bytes a request can have.
    pub const MAX_LEN: usize = 3 + address::MAX_LEN;

    const NAME: &str = "request";

    /// The bytes to send.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, self.command as u8, 0];
        address::write(&mut bytes, &self.dest.host, self.dest.port);
        bytes
    }

    /// Reads a request from the front of `bytes`. The reserved byte may be anything.
    ///
    /// # Errors
    /// A wrong version, command, address type or domain name (the name does not matter where datagrams are to be
    /// relayed); see [`Error::reply_code`].
    pub fn parse(bytes: &[u8]) -> Result<Parsed<Self>, Error> {
        Reader::parse(bytes, |reader| {
            let Some(()) = read_version(reader, Self::NAME)? else {
                return Ok(None);
            };
            let Some(command) = reader.u8() else {
                return Ok(None);
            };
            let command = Command::try_from(command)?;
            let Some(_reserved) = reader.u8() else {
                return Ok(None);
            };
            let Some((field, port)) = address::read(reader, Self::NAME)? else {
                return Ok(None);
            };
            let host = match field {
                Field::Ip(ip) => Host::Ip(ip),
                Field::Domain(name) => match (command, Host::try_from(name)) {
                    // Some clients write "0" for an address that they do not know (PySocks does).
                    (Command::UdpAssociate, Err(_)) => Host::Ip(Ipv4Addr::UNSPECIFIED.into()),
                    (_, host) => host.map_err(Error::Domain)?,
                },
            };
            Ok(Some(Self {
                command,
                dest: Destination { host, port },
            }))
        })
    }
}

impl TryFrom<u8> for Command {
    type Error = Error;

    fn try_from(byte: u8) -> Result<Self, Error> {
        match byte {
            1 => Ok(Self::Connect),
            2 => Ok(Self::Bind),
            3 => Ok(Self::UdpAssociate),
            other => Err(Error::UnknownCommand(other)),
        }
    }
}

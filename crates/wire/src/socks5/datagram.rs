//! What stands before a datagram between client and server (RFC 1928 section 7).

use super::Error;
use super::address::{self, Field};
use crate::parsed::Reader;
use crate::{Destination, Host, Parsed};

/// The header of a datagram: its other end. From the client where it is to go, to the client where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatagramHeader {
    /// The other end.
    pub peer: Destination,
    /// Position in a sequence of fragments; 0 stands for a whole datagram. RFC 1928 lets a server drop all others.
    pub fragment: u8,
}

impl DatagramHeader {
    /// The most bytes a header can have.
    pub const MAX_LEN: usize = 3 + address::MAX_LEN;

    const NAME: &str = "datagram";

    /// The bytes before the datagram.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0, 0, self.fragment];
        address::write(&mut bytes, &self.peer.host, self.peer.port);
        bytes
    }

    /// Reads a header from the front of `bytes`; what is behind it is the datagram's own. The reserved bytes
    /// may be anything.
    ///
    /// # Errors
    /// A wrong address type or domain name.
    pub fn parse(bytes: &[u8]) -> Result<Parsed<Self>, Error> {
        Reader::parse(bytes, |reader| {
            let Some([_, _, fragment]) = reader.array() else {
                return Ok(None);
            };
            let Some((field, port)) = address::read(reader, Self::NAME)? else {
                return Ok(None);
            };
            let host = match field {
                Field::Ip(ip) => Host::Ip(ip),
                Field::Domain(name) => Host::try_from(name).map_err(Error::Domain)?,
            };
            let peer = Destination { host, port };
            Ok(Some(Self { peer, fragment }))
        })
    }
}

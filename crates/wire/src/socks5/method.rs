//! The choice of an authentication method (RFC 1928 section 3).

use super::{Error, VERSION, read_version};
use crate::Parsed;
use crate::parsed::Reader;

/// A way for the client to say who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// 0: not at all.
    NoAuth,
    /// 1: GSSAPI (RFC 1961), which RFC 1928 demands and nobody uses.
    Gssapi,
    /// 2: user name and password (RFC 1929).
    UserPass,
    /// 0xff, in a selection: none of those offered. The client then has to close the connection.
    NoneAcceptable,
    /// Any other number.
    Other(u8),
}

/// The client's first message: the methods it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodOffer(Vec<Method>);

/// The server's answer to a [`MethodOffer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MethodSelection(pub Method);

impl MethodOffer {
    /// The most bytes an offer can have.
    pub const MAX_LEN: usize = 2 + 255;

    const NAME: &str = "method offer";

    /// What a client offers: user and password if it has them, or else nothing to prove.
    ///
    /// With credentials it still offers [`Method::NoAuth`], as curl does, for a server that wants none.
    pub fn new(has_credentials: bool) -> Self {
        Self(if has_credentials {
            vec![Method::NoAuth, Method::UserPass]
        } else {
            vec![Method::NoAuth]
        })
    }

    /// The methods in the client's order; may be empty.
    pub fn methods(&self) -> &[Method] {
        &self.0
    }

    /// Whether `method` is among those offered.
    pub fn has(&self, method: Method) -> bool {
        self.0.contains(&method)
    }

    /// The bytes to send.
    pub fn encode(&self) -> Vec<u8> {
        let methods = self.0.iter().map(|method| u8::from(*method));
        let count = u8::try_from(self.0.len()).expect("a parsed offer has 255 methods at most");
        [VERSION, count].into_iter().chain(methods).collect()
    }

    /// Reads an offer from the front of `bytes`.
    ///
    /// # Errors
    /// The version is not 5.
    pub fn parse(bytes: &[u8]) -> Result<Parsed<Self>, Error> {
        Reader::parse(bytes, |reader| {
            let Some(()) = read_version(reader, Self::NAME)? else {
                return Ok(None);
            };
            let Some(methods) = reader.counted() else {
                return Ok(None);
            };
            Ok(Some(Self(
                methods.iter().map(|byte| Method::from(*byte)).collect(),
            )))
        })
    }
}

impl MethodSelection {
    /// The most bytes a selection can have; it always has as many.
    pub const MAX_LEN: usize = 2;

    const NAME: &str = "method selection";

    /// The bytes to send.
    pub fn encode(self) -> [u8; 2] {
        [VERSION, self.0.into()]
    }

    /// Reads a selection from the front of `bytes`.
    ///
    /// # Errors
    /// The version is not 5.
    pub fn parse(bytes: &[u8]) -> Result<Parsed<Self>, Error> {
        Reader::parse(bytes, |reader| {
            let Some(()) = read_version(reader, Self::NAME)? else {
                return Ok(None);
            };
            Ok(reader.u8().map(|byte| Self(byte.into())))
        })
    }
}

impl From<u8> for Method {
    fn from(byte: u8) -> Self {
        match byte {
            0 => Self::NoAuth,
            1 => Self::Gssapi,
            2 => Self::UserPass,
            0xff => Self::NoneAcceptable,
            other => Self::Other(other),
        }
    }
}

impl From<Method> for u8 {
    fn from(method: Method) -> Self {
        match method {
            Method::NoAuth => 0,
            Method::Gssapi => 1,
            Method::UserPass => 2,
            Method::NoneAcceptable => 0xff,
            Method::Other(other) => other,
        }
    }
}

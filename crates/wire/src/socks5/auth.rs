//! User and password (RFC 1929).

use super::Error;
use crate::parsed::Reader;
use crate::{Credentials, Parsed};

const AUTH_VERSION: u8 = 1;

/// The client's proof after [`Method::UserPass`](super::Method::UserPass) was selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPassAuth(pub Credentials);

/// The server's answer to [`UserPassAuth`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthStatus {
    /// Welcome: the request may follow, or has followed already.
    Accepted,
    /// Wrong user or password. The server has to close the connection after sending this.
    Refused,
}

impl UserPassAuth {
    /// The most bytes the message can have.
    pub const MAX_LEN: usize = 1 + 2 * (1 + 255);

    const NAME: &str = "user and password";

    /// The bytes to send.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![AUTH_VERSION];
        for field in [self.0.user.as_bytes(), self.0.password.expose()] {
            bytes.push(u8::try_from(field.len()).expect("the type allows 255 bytes at most"));
            bytes.extend_from_slice(field);
        }
        bytes
    }

    /// Reads the message from the front of `bytes`.
    ///
    /// Empty fields are let through, against the letter of RFC 1929: curl sends them, and the check
    /// of the user refuses them anyway, with the answer that the client understands.
    ///
    /// # Errors
    /// The version is not 1.
    pub fn parse(bytes: &[u8]) -> Result<Parsed<Self>, Error> {
        Reader::parse(bytes, |reader| {
            let Some(()) = read_auth_version(reader, Self::NAME)? else {
                return Ok(None);
            };
            let Some(user) = reader.counted() else {
                return Ok(None);
            };
            let Some(password) = reader.counted() else {
                return Ok(None);
            };
            Ok(Some(Self(Credentials {
                user: user.try_into().expect("a length byte counts to 255"),
                password: password.try_into().expect("a length byte counts to 255"),
            })))
        })
    }
}

impl AuthStatus {
    /// The most bytes a status can have; it always has as many.
    pub const MAX_LEN: usize = 2;

    const NAME: &str = "authentication status";

    /// The bytes to send.
    pub fn encode(self) -> [u8; 2] {
        let status = match self {
            Self::Accepted => 0,
            Self::Refused => 1,
        };
        [AUTH_VERSION, status]
    }

    /// Reads a status from the front of `bytes`. Everything but 0 means refused (RFC 1929 section 2).
    ///
    /// # Errors
    /// The version is not 1.
    pub fn parse(bytes: &[u8]) -> Result<Parsed<Self>, Error> {
        Reader::parse(bytes, |reader| {
            let Some(()) = read_auth_version(reader, Self::NAME)? else {
                return Ok(None);
            };
            Ok(reader.u8().map(|status| match status {
                0 => Self::Accepted,
                _ => Self::Refused,
            }))
        })
    }
}

fn read_auth_version(reader: &mut Reader<'_>, message: &'static str) -> Result<Option<()>, Error> {
    match reader.u8() {
        None => Ok(None),
        Some(AUTH_VERSION) => Ok(Some(())),
        Some(found) => Err(Error::AuthVersion { message, found }),
    }
}

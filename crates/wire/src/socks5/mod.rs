//! SOCKS 5 (RFC 1928) with user and password (RFC 1929), the server's side and the client's.
//!
//! ```text
//! client                          server
//! MethodOffer          ──▶
//!                      ◀──        MethodSelection
//! UserPassAuth         ──▶                            only after Method::UserPass
//!                      ◀──        AuthStatus
//! Request              ──▶
//!                      ◀──        Reply
//! ```

mod address;
mod auth;
mod datagram;
mod error;
mod method;
mod reply;
mod request;

pub use auth::{AuthStatus, UserPassAuth};
pub use datagram::DatagramHeader;
pub use error::Error;
pub use method::{Method, MethodOffer, MethodSelection};
pub use reply::{Reply, ReplyCode};
pub use request::{Command, Request};

use crate::parsed::Reader;

const VERSION: u8 = 5;

/// Takes the version byte of a `message`. `None`: it is not there yet.
fn read_version(reader: &mut Reader<'_>, message: &'static str) -> Result<Option<()>, Error> {
    match reader.u8() {
        None => Ok(None),
        Some(VERSION) => Ok(Some(())),
        Some(found) => Err(Error::Version { message, found }),
    }
}

#[cfg(test)]
mod tests;

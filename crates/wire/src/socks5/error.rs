//! What can be wrong with a SOCKS5 message.

use super::ReplyCode;
use crate::DomainNameError;

/// What is wrong with a message, and with which byte of it (counted from 0).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A message that does not start with 5.
    #[error("SOCKS5 {message}: the version (byte 0) is {found}, not 5")]
    Version {
        /// Which message.
        message: &'static str,
        /// The byte.
        found: u8,
    },
    /// A message of RFC 1929 that does not start with 1.
    #[error(
        "SOCKS5 {message}: the version of user/password authentication (byte 0) is {found}, not 1"
    )]
    AuthVersion {
        /// Which message.
        message: &'static str,
        /// The byte.
        found: u8,
    },
    /// Neither CONNECT nor BIND nor UDP ASSOCIATE.
    #[error("SOCKS5 request: the command (byte 1) is {0}, not 1, 2 or 3")]
    UnknownCommand(u8),
    /// Neither IPv4 nor a domain name nor IPv6.
    #[error("SOCKS5 {message}: the address type (byte 3) is {found}, not 1, 3 or 4")]
    UnknownAddressType {
        /// Which message.
        message: &'static str,
        /// The byte.
        found: u8,
    },
    /// The domain name can't be one.
    #[error("SOCKS5 request: the domain name (from byte 5) is wrong")]
    Domain(#[source] DomainNameError),
}

impl Error {
    /// How a server answers to a [`Request`](super::Request) with this error (RFC 1928 section 6).
    pub fn reply_code(&self) -> ReplyCode {
        match self {
            Self::UnknownCommand(_) => ReplyCode::CommandNotSupported,
            Self::UnknownAddressType { .. } => ReplyCode::AddressTypeNotSupported,
            Self::Version { .. } | Self::AuthVersion { .. } | Self::Domain(_) => {
                ReplyCode::GeneralFailure
            }
        }
    }
}

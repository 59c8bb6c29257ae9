//! Codecs of the proxy protocols: bytes in, values out, no sockets.
//!
//! Every parser works on the bytes received so far and has the shape
//! `fn parse(&[u8]) -> Result<Parsed<Self>, Error>`. The caller reads more after
//! [`Parsed::Incomplete`] and drops `used` bytes after [`Parsed::Complete`]. A parser never answers
//! `Incomplete` to a buffer that holds the `MAX_LEN` bytes of its message, so that is all a caller
//! ever needs to buffer.
#![forbid(unsafe_code)]

mod credentials;
mod destination;
pub mod http;
pub mod hub;
mod opening;
mod parsed;
mod sniff;
pub mod socks4;
pub mod socks5;
#[cfg(test)]
mod test_support;

pub use credentials::{Credentials, CredentialsError, Password, UserName};
pub use destination::{Destination, DestinationError, DomainName, DomainNameError, Host};
pub use opening::Opening;
pub use parsed::Parsed;
pub use sniff::{Protocol, sniff};

//! The roles of an address. In a transparent proxy a connection has four of them, and taking one for
//! another is the classic mistake.

use std::fmt;
use std::net::SocketAddr;

use serde::Serialize;

/// Where a client's connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ClientAddr(SocketAddr);

/// Our end of a client's connection: the address it arrived at, after any redirection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ListenAddr(SocketAddr);

/// Where a client wanted to connect to before the kernel brought the connection to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct OriginalDestination(SocketAddr);

macro_rules! role {
    ($name:ident) => {
        impl $name {
            /// The plain address.
            pub fn socket_addr(self) -> SocketAddr {
                self.0
            }
        }

        impl From<SocketAddr> for $name {
            fn from(address: SocketAddr) -> Self {
                Self(canonical(address))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

role!(ClientAddr);
role!(ListenAddr);
role!(OriginalDestination);

/// A listener for both families sees IPv4 as `::ffff:a.b.c.d`. Two spellings of one address must not
/// differ in a comparison or pass a filter.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip if ip == address.ip() => address,
        ip => SocketAddr::new(ip, address.port()),
    }
}

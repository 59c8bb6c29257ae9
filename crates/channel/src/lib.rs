//! What the host and the edge say to each other.
//!
//! The host runs the edge in WSL and holds both ends of its standard input and output. Each message is one
//! JSON document on a line of its own. Both greet first, with the version of this protocol; then the host
//! sends settings, and the edge says what has become of them, whether it is ready, and that it is alive.
//! `docs/protocol.md` is the specification. Bytes in and messages out, no I/O; both ends use it.
#![forbid(unsafe_code)]

mod lines;
mod mac;
mod messages;

pub use lines::{LONGEST_LINE, LineError, Lines, line};
pub use mac::{Mac, MacError};
pub use messages::{
    Applied, EdgeHello, HostHello, Mptcp, PROTOCOL, Ready, SecretText, ToEdge, ToHost,
    VersionError, check_protocol,
};

//! The protocol between edge and hub, as `docs/protocol.md` specifies it: who the two ends are, and
//! the frames that they exchange inside TLS.
//!
//! Unlike the other parsers of this crate, [`frames`] works on whole TLS records: a frame never
//! spans two of them, so there is nothing to wait for.

mod code;
mod conversation;
pub mod datagram;
mod frame;
mod identity;
mod parse;
mod resolver;

pub use code::{OpenRefusal, Refusal};
pub use conversation::{Conversation, Role, Violation};
pub use frame::{
    Frame, HEADER, Hello, Kind, MAX_PAYLOAD, MAX_SOFTWARE, MAX_TEXT, Open, OpenRefused, Opened,
    Refused, VERSIONS, Welcome, data_header,
};
pub use identity::{IdentityError, Pin, UserKey, UserSecret};
pub use parse::{FrameError, frames};
pub use resolver::{is_resolver, resolver};

#[cfg(test)]
mod tests;

//! Asking one server.

mod server;
mod tunnel;

use std::io;

use hickory_proto::op::Message;

pub(crate) use server::ask;
pub use tunnel::{Opened, Opening, Stream, Tunnel};

/// The message with which to answer; of an answer that is none of that, why.
fn read(bytes: &[u8]) -> io::Result<Message> {
    Message::from_vec(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn written(message: &Message) -> io::Result<Vec<u8>> {
    message.to_vec().map_err(io::Error::other)
}

//! What comes by a connection, the same at both ends.

use std::net::SocketAddr;
use std::sync::Mutex;

use wire::hub::datagram::{DatagramError, FlowId, Packet};

use crate::parts::Parts;
use crate::session::lock;

/// The end that takes it.
pub trait Receiver {
    /// Whether a datagram of the flow that is sent twice comes for the first time.
    fn is_new(&self, flow: FlowId, number: u32) -> bool;

    /// Passes a user's datagram on, or drops it.
    ///
    /// # Errors
    /// If it is none.
    fn pass_on(&self, flow: FlowId, content: &[u8]) -> Result<(), DatagramError>;

    /// Tells the user that nobody listens at the address that it has sent to.
    ///
    /// # Errors
    /// If the other end is none that may say so.
    fn refuse(&self, flow: FlowId, peer: SocketAddr) -> Result<(), DatagramError>;
}

/// Takes a packet. `parts` is what others like it still lack.
///
/// # Errors
/// If the other end broke the protocol.
pub fn take(
    packet: &[u8],
    parts: &Mutex<Parts>,
    receiver: &impl Receiver,
) -> Result<(), DatagramError> {
    match Packet::parse(packet)? {
        Packet::Once { flow, content } => receiver.pass_on(flow, content),
        Packet::Twice {
            flow,
            number,
            content,
        } => match receiver.is_new(flow, number) {
            true => receiver.pass_on(flow, content),
            false => Ok(()),
        },
        Packet::Part {
            flow,
            number,
            index,
            last,
            bytes,
        } => {
            let whole = lock(parts).add((flow, number), (index, last), bytes);
            whole.map_or(Ok(()), |whole| receiver.pass_on(flow, &whole))
        }
        Packet::Probe => Ok(()),
        Packet::Unreachable { flow, peer } => receiver.refuse(flow, peer),
    }
}

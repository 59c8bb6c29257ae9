//! Straight to a destination.

use mptcp::Transport;
use wire::Destination;

use super::{AddressFilter, ConnectError, Onward};

/// How to connect straight to a destination.
pub(super) struct Direct<'a> {
    pub(super) transport: Transport,
    pub(super) filter: Option<&'a dyn AddressFilter>,
}

impl Direct<'_> {
    pub(super) async fn connect(&self, destination: &Destination) -> Result<Onward, ConnectError> {
        todo!("{destination} {:?} {:?}", self.transport, self.filter)
    }
}

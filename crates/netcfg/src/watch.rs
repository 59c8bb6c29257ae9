//! Notifications of the kernel: something about the network has changed.

use crate::error::Error;
use crate::types::InterfaceIndex;

/// What has changed. It says where to look again, not what is there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// An interface came, went, or changed: name, state, carrier, MTU, Ethernet address.
    Link(InterfaceIndex),
    /// An address of an interface came, went or changed.
    Address(InterfaceIndex),
    /// A route came, went or changed.
    Route,
    /// A rule came or went.
    Rule,
    /// Notifications were lost because they were read too slowly. Anything may have changed.
    Overrun,
}

/// The notifications of one namespace, in their order. Made by `Netlink::watch`.
#[derive(Debug)]
pub struct Watch {}

impl Watch {
    /// Waits for the next change. Dropping the future loses nothing.
    #[allow(clippy::unused_async)]
    pub async fn next(&mut self) -> Result<Change, Error> { todo!() }
}

//! Requests to the kernel's rtnetlink: read and change links, addresses, routes and rules.
//!
//! * Lists are consistent: a list that changed while it was read is read again.
//! * To add what is there and to delete what is not is no error; [`Changed`] tells.
//! * Deleting is exact: the kernel takes a description that fits several objects and deletes the
//!   first one, so what is to be deleted is looked for first, and left alone unless it is there.

mod address;
mod link;
mod route;
mod rule;
mod transport;

use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use tokio::sync::Mutex;

pub use link::VethEnd;
pub(crate) use transport::open_socket;
use transport::{Failure, Transport};

use crate::error::Error;
use crate::netns::NetNs;
use crate::types::{Family, InterfaceIndex, TableId};
use crate::watch::Watch;

/// A socket to the kernel for one network namespace. Clones share it, and take turns.
///
/// It stays with its namespace, whatever thread uses it. Dropping the future of a request that
/// changes something leaves open whether it was done.
#[derive(Clone)]
pub struct Netlink {
    netns: NetNs,
    transport: Arc<Mutex<Transport>>,
}

/// Whether a request changed anything: `Changed(false)` if what was to be added was there already,
/// or what was to be deleted was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed(pub bool);

impl Netlink {
    /// For the namespace of the calling thread. Needs no privilege for reading.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O enabled.
    pub fn new() -> Result<Self, Error> {
        Self::in_netns(&NetNs::current()?)
    }

    /// For a namespace that the calling thread need not be in.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O enabled.
    pub fn in_netns(netns: &NetNs) -> Result<Self, Error> {
        let transport = Arc::new(Mutex::new(Transport::open(netns)?));
        Ok(Self {
            netns: netns.clone(),
            transport,
        })
    }

    /// The namespace that it is for.
    pub fn netns(&self) -> &NetNs {
        &self.netns
    }

    /// Notifications of every change from now on.
    ///
    /// Subscribe first and read second: what changes between the two is then seen twice, which
    /// does no harm. The other way round it is not seen at all.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O enabled.
    pub fn watch(&self) -> Result<Watch, Error> {
        Watch::new(&self.netns)
    }

    async fn change(&self, message: RouteNetlinkMessage, flags: u16) -> Result<(), Failure> {
        self.transport.lock().await.change(message, flags).await
    }

    async fn get(
        &self,
        message: RouteNetlinkMessage,
    ) -> Result<Option<RouteNetlinkMessage>, Failure> {
        self.transport.lock().await.get(message).await
    }

    async fn dump(
        &self,
        message: RouteNetlinkMessage,
    ) -> Result<Vec<RouteNetlinkMessage>, Failure> {
        self.transport.lock().await.dump(message).await
    }

    /// For messages to people: the name, or the number if there is no such interface (any more).
    async fn name_of(&self, index: InterfaceIndex) -> String {
        match self.link_with(index).await {
            Ok(Some(link)) => link.name.to_string(),
            _ => format!("#{index}"),
        }
    }
}

impl fmt::Debug for Netlink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Netlink")
            .field("netns", &self.netns)
            .finish_non_exhaustive()
    }
}

/// The number of a table goes into the header's byte where it fits, else into an attribute.
fn split_table(table: TableId) -> (u8, Option<u32>) {
    match u8::try_from(table.0) {
        Ok(small) => (small, None),
        Err(_) => (0, Some(table.0)),
    }
}

fn address_family(family: Family) -> AddressFamily {
    match family {
        Family::V4 => AddressFamily::Inet,
        Family::V6 => AddressFamily::Inet6,
    }
}

/// A prefix from its parts; `None` if its length does not fit its family.
fn prefix(address: std::net::IpAddr, length: u8) -> Option<IpNet> {
    IpNet::new(address, length).ok()
}

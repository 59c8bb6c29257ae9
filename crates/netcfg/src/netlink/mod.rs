//! Requests to the kernel's rtnetlink: read and change links, addresses, routes and rules.

use std::sync::Arc;

use crate::error::Error;
use crate::netns::NetNs;
use crate::model::*;
use crate::types::*;
use crate::watch::Watch;

/// A socket to the kernel for one network namespace. Clones share it.
#[derive(Clone, Debug)]
pub struct Netlink {
    netns: NetNs,
}

/// Whether a request changed anything: `Changed(false)` if what was to be added was there already,
/// or what was to be deleted was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "use `let _ =` where it does not matter"]
pub struct Changed(pub bool);

/// One end of a veth pair.
#[derive(Clone, Copy, Debug)]
pub struct VethEnd<'a> {
    name: &'a InterfaceName,
    netns: Option<&'a NetNs>,
}

#[allow(unused, missing_docs, clippy::unused_async)]
impl Netlink {
    /// For the namespace of the calling thread. Needs a tokio runtime.
    pub fn new() -> Result<Self, Error> { todo!() }
    /// For a namespace. Needs a tokio runtime.
    pub fn in_netns(netns: &NetNs) -> Result<Self, Error> { todo!() }
    pub fn netns(&self) -> &NetNs { todo!() }
    pub fn watch(&self) -> Result<Watch, Error> { todo!() }

    pub async fn links(&self) -> Result<Vec<Link>, Error> { todo!() }
    pub async fn link(&self, name: &InterfaceName) -> Result<Option<Link>, Error> { todo!() }
    pub async fn set_link_up(&self, index: InterfaceIndex) -> Result<(), Error> { todo!() }
    pub async fn set_link_down(&self, index: InterfaceIndex) -> Result<(), Error> { todo!() }
    pub async fn set_link_mtu(&self, index: InterfaceIndex, mtu: u32) -> Result<(), Error> { todo!() }
    pub async fn set_link_mac(&self, index: InterfaceIndex, mac: MacAddress) -> Result<(), Error> { todo!() }
    pub async fn rename_link(&self, index: InterfaceIndex, name: &InterfaceName) -> Result<(), Error> { todo!() }
    pub async fn move_link(&self, index: InterfaceIndex, netns: &NetNs) -> Result<(), Error> { todo!() }
    pub async fn create_veth(&self, one: VethEnd<'_>, other: VethEnd<'_>) -> Result<(), Error> { todo!() }
    pub async fn create_dummy(&self, name: &InterfaceName) -> Result<(), Error> { todo!() }
    pub async fn delete_link(&self, index: InterfaceIndex) -> Result<Changed, Error> { todo!() }

    pub async fn addresses(&self) -> Result<Vec<Address>, Error> { todo!() }
    pub async fn add_address(&self, address: &Address) -> Result<Changed, Error> { todo!() }
    pub async fn replace_address(&self, address: &Address) -> Result<Changed, Error> { todo!() }
    pub async fn delete_address(&self, address: &Address) -> Result<Changed, Error> { todo!() }

    pub async fn routes(&self) -> Result<Vec<Route>, Error> { todo!() }
    pub async fn add_route(&self, route: &Route) -> Result<Changed, Error> { todo!() }
    pub async fn replace_route(&self, route: &Route) -> Result<Changed, Error> { todo!() }
    pub async fn delete_route(&self, route: &Route) -> Result<Changed, Error> { todo!() }

    pub async fn rules(&self) -> Result<Vec<Rule>, Error> { todo!() }
    pub async fn add_rule(&self, rule: &Rule) -> Result<Changed, Error> { todo!() }
    pub async fn delete_rule(&self, rule: &Rule) -> Result<Changed, Error> { todo!() }
}

impl<'a> VethEnd<'a> {
    /// An end in the namespace of the [`Netlink`].
    pub fn here(name: &'a InterfaceName) -> Self {
        Self { name, netns: None }
    }

    /// An end in a namespace.
    pub fn inside(netns: &'a NetNs, name: &'a InterfaceName) -> Self {
        Self { name, netns: Some(netns) }
    }
}

//! The lab: namespaces, links and addresses of the whole emulated Internet.
//!
//! ```text
//! windows ─ guest ═╤═ access1 ─╮
//!                  ╘═ access2 ─┼─ core ─┬─ hub
//!                      …      ─╯        ╰─ origin
//! ```
//! ═ is an emulated [link](crate::link), ─ a veth pair. Everything is made by netlink and has no
//! name outside this process, so it vanishes with it, also by `kill -9`.

mod access_network;
pub mod addresses;
mod build;
mod command;
mod error;
mod node;
mod plan;
mod spec;

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::Command;

pub use error::LabError;
pub use node::{Node, Uplink};
pub use spec::{LabSpec, UplinkSpec};

use access_network::AccessNetwork;
pub(crate) use command::command as command_in;

use crate::access::{DhcpServer, RouterAdvertiser};
use crate::link::{Link, LinkHandle};
use netcfg::NetNs;

/// A running lab. Dropping it takes everything down.
#[derive(Debug)]
pub struct Lab {
    spec: LabSpec,
    // Services say goodbye when they go, so they go before the links.
    access: Vec<AccessNetwork>,
    // Links go before the namespaces that their interfaces are in.
    links: Vec<Link>,
    namespaces: Namespaces,
}

/// One namespace for each node.
#[derive(Debug)]
struct Namespaces {
    windows: NetNs,
    guest: NetNs,
    access: Vec<NetNs>,
    core: NetNs,
    hub: NetNs,
    origin: NetNs,
}

impl Lab {
    /// Sets a lab up. Blocks until every interface has its addresses and routes, some 100 ms; may
    /// be called inside or outside an async runtime.
    ///
    /// # Errors
    /// See [`LabError`]. Nothing is left behind.
    pub fn up(spec: LabSpec) -> Result<Self, LabError> {
        build::build(spec)
    }

    /// What the lab was made from.
    #[must_use]
    pub fn spec(&self) -> &LabSpec {
        &self.spec
    }

    /// The uplinks, in order.
    pub fn uplinks(&self) -> impl Iterator<Item = Uplink> + use<> {
        self.spec.uplinks()
    }

    /// All nodes, from Windows to the origin.
    #[must_use]
    pub fn nodes(&self) -> Vec<Node> {
        let access = self.uplinks().map(Node::Access);
        let ends = [Node::Windows, Node::Guest];
        ends.into_iter()
            .chain(access)
            .chain([Node::Core, Node::Hub, Node::Origin])
            .collect()
    }

    /// The namespace of a node.
    ///
    /// # Panics
    /// If the lab has no such uplink.
    #[must_use]
    pub fn namespace(&self, node: Node) -> &NetNs {
        self.namespaces.get(node)
    }

    /// The controls of an uplink's emulated link.
    ///
    /// # Panics
    /// If the lab has no such uplink.
    #[must_use]
    pub fn link(&self, uplink: Uplink) -> &LinkHandle {
        self.links[uplink.position()].handle()
    }

    /// The DHCP server of an uplink's access network, if the lab has them.
    ///
    /// # Panics
    /// If the lab has no such uplink.
    #[must_use]
    pub fn dhcp_server(&self, uplink: Uplink) -> Option<&DhcpServer> {
        self.access[uplink.position()].dhcp.as_ref()
    }

    /// What sends an access network's router advertisements, if the lab has them.
    ///
    /// # Panics
    /// If the lab has no such uplink.
    #[must_use]
    pub fn router_advertiser(&self, uplink: Uplink) -> Option<&RouterAdvertiser> {
        self.access[uplink.position()].advertiser.as_ref()
    }

    /// Each node's namespace as a descriptor: another process can enter it through
    /// `/proc/PID/fd/NUMBER`, where PID is this process.
    #[must_use]
    pub fn namespace_fds(&self) -> Vec<(Node, BorrowedFd<'_>)> {
        self.nodes()
            .into_iter()
            .map(|node| (node, self.namespace(node).as_fd()))
            .collect()
    }

    /// A program that runs on a node. It sees the node's interfaces in `/sys` too, so it has a
    /// mount namespace of its own; everything else is as in this process.
    ///
    /// # Panics
    /// If the lab has no such uplink.
    #[must_use]
    pub fn command(&self, node: Node, program: impl AsRef<OsStr>) -> Command {
        command::command(self.namespace(node), program.as_ref())
    }
}

impl Namespaces {
    fn get(&self, node: Node) -> &NetNs {
        match node {
            Node::Windows => &self.windows,
            Node::Guest => &self.guest,
            Node::Access(uplink) => &self.access[uplink.position()],
            Node::Core => &self.core,
            Node::Hub => &self.hub,
            Node::Origin => &self.origin,
        }
    }
}

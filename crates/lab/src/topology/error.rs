use super::node::{Node, Uplink};
use crate::access::AccessError;
use crate::link::LinkError;

/// Why a lab could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// More uplinks than the lab has addresses for, or none.
    #[error("a lab has 1 to {most} uplinks, not {number}", most = super::Uplink::MOST)]
    Uplinks {
        /// How many were asked for.
        number: usize,
    },
    /// A namespace could not be made.
    #[error("cannot make the lab's namespaces: run as root")]
    Namespace(#[source] netcfg::NetNsError),
    /// A node's interfaces, addresses or routes.
    #[error("cannot set up the network of {node}")]
    Network {
        /// The node.
        node: Node,
        /// What netlink said.
        #[source]
        source: netcfg::Error,
    },
    /// A node's kernel settings.
    #[error("cannot set up the kernel settings of {node}")]
    Sysctl {
        /// The node.
        node: Node,
        /// The setting.
        #[source]
        source: netcfg::SysctlError,
    },
    /// An emulated link.
    #[error("cannot make an uplink of the lab")]
    Link(#[from] LinkError),
    /// IPv4 address translation of an access router.
    #[error("cannot set up address translation on {node}")]
    Masquerade {
        /// The node.
        node: Node,
        /// What nftables said.
        #[source]
        source: netcfg::nft::Error,
    },
    /// The DHCP server or the router advertisements of an access network.
    #[error("cannot start the services of access network {uplink}")]
    Access {
        /// Whose network it is.
        uplink: Uplink,
        /// What the service said.
        #[source]
        source: AccessError,
    },
    /// The runtime that netlink requests need.
    #[error("cannot start a runtime to set the lab up")]
    Runtime(#[source] std::io::Error),
}

//! Linux network configuration: links, addresses, routes, rules, DHCP leases, nftables.

pub mod conntrack;
pub mod dhcp;
mod error;
mod model;
mod netfilter;
pub mod netlink;
pub mod netns;
pub mod nft;
pub mod sysctl;
mod types;
mod wakes;
pub mod watch;

pub use error::{Error, KernelError};
pub use model::{Address, Link, Route, RouteKind, Rule, Scope};
pub use netlink::{Changed, Netlink, VethEnd};
pub use netns::{NetNs, NetNsError};
pub use sysctl::{Sysctl, SysctlError};
pub use types::{
    Family, InterfaceIndex, InterfaceName, InvalidInterfaceName, InvalidMacAddress, MacAddress,
    RulePriority, TableId,
};
pub use wakes::Wakes;
pub use watch::{Change, Watch};

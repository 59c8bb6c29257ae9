//! Linux network configuration: links, addresses, routes, rules, DHCP leases, nftables.

pub mod dhcp;
mod error;
mod model;
pub mod netlink;
pub mod netns;
pub mod nft;
pub mod sysctl;
mod types;
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
pub use watch::{Change, Watch};

//! What the edge sees of the machine, as plain data, so that planning needs no machine.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use mptcp::{Endpoint, Limits};
use netcfg::dhcp::Lease;
use netcfg::{Address, InterfaceIndex, Link, Route, Rule, Sysctl};
use paths::Use;

/// The machine at one moment.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// All interfaces.
    pub links: Vec<Link>,
    /// All addresses.
    pub addresses: Vec<Address>,
    /// Routes of all tables, both families.
    pub routes: Vec<Route>,
    /// Routing rules, both families.
    pub rules: Vec<Rule>,
    /// Endpoints of the kernel's path manager.
    pub endpoints: Vec<Endpoint>,
    /// Its limits.
    pub limits: Option<Limits>,
    /// Kernel settings that are of interest, by key; those that this kernel lacks are absent.
    pub sysctls: BTreeMap<Sysctl, String>,
    /// Digest of our nftables table, if it is there as we made it.
    pub firewall: Option<netcfg::nft::Digest>,
    /// Leases of the running DHCP clients.
    pub leases: BTreeMap<InterfaceIndex, Lease>,
    /// What NetworkManager is told about our uplinks; `None` where it isn't installed.
    pub network_manager: Option<String>,
    /// What the uplinks are used for, as long as they are watched.
    pub uses: BTreeMap<InterfaceIndex, Use>,
    /// The captive portals that stand in the way of uplinks, with their login pages as far as they are known.
    pub portals: BTreeMap<InterfaceIndex, Option<String>>,
    /// Bytes that each uplink, by its name, has carried in this month.
    pub carried: BTreeMap<String, u64>,
    /// Interfaces that were uplinks, are none any more, and may still have what was set on them.
    pub former: BTreeSet<InterfaceIndex>,
    /// Name servers that this machine is set to use.
    pub name_servers: Vec<IpAddr>,
    /// Port of the listener that takes intercepted connections.
    pub intercept_port: Option<u16>,
    /// Port of the socket that takes the host's UDP, while that goes through the hub.
    pub udp_port: Option<u16>,
}

//! One change of the machine.

use std::fmt;
use std::net::IpAddr;

use mptcp::{Endpoint, EndpointFlags, EndpointId, EndpointSpec, Limits};
use netcfg::{Address, InterfaceIndex, InterfaceName, Route, Rule, Sysctl, nft};

/// One change of the machine. Safe to repeat; `Display` is what `--dry-run` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Takes an endpoint away: the peer is told at once (REMOVE_ADDR) and re-injects elsewhere.
    DeleteEndpoint { id: EndpointId, spec: EndpointSpec },
    /// Writes a kernel setting.
    SetSysctl { key: Sysctl, value: String },
    /// Brings an interface up.
    SetUp {
        index: InterfaceIndex,
        name: InterfaceName,
    },
    /// Removes an address.
    DeleteAddress(Address),
    /// Adds an address.
    AddAddress(Address),
    /// Removes a route.
    DeleteRoute(Route),
    /// Adds a route.
    AddRoute(Route),
    /// Removes a rule.
    DeleteRule(Rule),
    /// Adds a rule.
    AddRule(Rule),
    /// Replaces our nftables table in one transaction.
    InstallFirewall(nft::Table),
    /// Removes our nftables table.
    DeleteFirewall,
    /// Sets how many subflows and announced addresses a connection may have.
    SetLimits(Limits),
    /// Changes whether an endpoint is backup or full mesh; running connections follow by MP_PRIO.
    SetEndpointFlags {
        id: EndpointId,
        address: IpAddr,
        flags: EndpointFlags,
    },
    /// Opens an endpoint's subflows in all running connections, anew where there are some.
    ReopenSubflows {
        id: EndpointId,
        address: IpAddr,
        flags: EndpointFlags,
    },
    /// Adds an endpoint: running connections open a subflow from it.
    AddEndpoint(EndpointSpec),
    /// Tells NetworkManager to leave the MPTCP endpoints of our uplinks to us; empty: nothing to tell.
    TellNetworkManager(String),
}

impl Step {
    /// Takes this endpoint away.
    pub fn delete(endpoint: &Endpoint) -> Self {
        let spec = EndpointSpec {
            address: endpoint.address,
            port: endpoint.port,
            interface: endpoint.interface,
            flags: endpoint.flags,
            id: Some(endpoint.id),
        };
        Self::DeleteEndpoint {
            id: endpoint.id,
            spec,
        }
    }

    /// What `Display` prints, without the text of a table or file.
    pub fn title(&self) -> String {
        let text = self.to_string();
        let first = text.lines().next().unwrap_or_default();
        first.trim_end_matches(':').to_owned()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeleteEndpoint { id, spec } => {
                write!(f, "delete MPTCP endpoint {id}: {}", spec.address)
            }
            Self::SetSysctl { key, value } => write!(f, "set {key} = {value}"),
            Self::SetUp { name, .. } => write!(f, "bring {name} up"),
            Self::DeleteAddress(address) => write!(f, "delete address {address}"),
            Self::AddAddress(address) => write!(f, "add address {address}"),
            Self::DeleteRoute(route) => write!(f, "delete route {route}"),
            Self::AddRoute(route) => write!(f, "add route {route}"),
            Self::DeleteRule(rule) => write!(f, "delete rule {rule}"),
            Self::AddRule(rule) => write!(f, "add rule {rule}"),
            Self::InstallFirewall(table) => write!(f, "replace nftables table:\n{table}"),
            Self::DeleteFirewall => write!(
                f,
                "delete nftables table inet {}",
                crate::numbers::NFT_TABLE
            ),
            Self::SetLimits(limits) => write!(
                f,
                "set MPTCP limits: subflows {}, add_addr_accepted {}",
                limits.subflows, limits.add_addr_accepted
            ),
            Self::SetEndpointFlags { id, address, flags } => {
                write!(f, "set MPTCP endpoint {id}: {address} ({flags})")
            }
            Self::ReopenSubflows { id, address, .. } => {
                write!(
                    f,
                    "open the subflows of MPTCP endpoint {id} anew: {address}"
                )
            }
            Self::AddEndpoint(spec) => write!(f, "add MPTCP endpoint {spec}"),
            Self::TellNetworkManager(text) if text.is_empty() => {
                write!(f, "delete NetworkManager's drop-in")
            }
            Self::TellNetworkManager(text) => write!(f, "write NetworkManager's drop-in:\n{text}"),
        }
    }
}

//! Which routes bring Windows' traffic into the VM.
//!
//! Two half-default routes beat the default route by their longer prefix, so that no metric of the
//! user's has to change, and networks that are on a card or that a VPN routes stay where they are.
//! They are there only while the edge says that it is ready: [`plan`] has them go in every other case,
//! whatever the last service left behind.
//!
//! WSL's network has no IPv6 (`src/windows/common/NatNetworking.cpp`), so edge and PC give themselves addresses
//! of their own there, in [`LinkNetwork::WINDOWS`].

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use settings::edge::LinkNetwork;
use winnet::{Luid, NewAddress, NewRoute, Route};

#[cfg(test)]
mod tests;

/// The networks that together are everything.
const HALVES: [IpNet; 4] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(0, 0, 0, 0), 1)),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(128, 0, 0, 0), 1)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 1)),
    IpNet::V6(Ipv6Net::new_assert(
        Ipv6Addr::new(0x8000, 0, 0, 0, 0, 0, 0, 0),
        1,
    )),
];

/// The host's end of a network that it shares with a VM of WSL: "vEthernet (WSL ...)".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The interface.
    pub luid: Luid,
    /// Its addresses with the networks that are on it.
    pub networks: Vec<IpNet>,
}

/// What there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The host's ends of WSL's networks.
    pub links: Vec<Link>,
    /// All routes of the machine.
    pub routes: Vec<Route>,
    /// The edge's addresses on the network that it shares with the host, while it is ready to take
    /// traffic in and traffic is to be taken in. Else none.
    pub gateways: Vec<IpAddr>,
    /// Whether the edge runs, be it ready or not: connections that are open outlive a moment without routes,
    /// but not the end of their address.
    pub edge_runs: bool,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send traffic to the edge.
    Add(NewRoute),
    /// No longer do that.
    Delete(Route),
    /// Give the PC its address towards the edge.
    AddAddress(NewAddress),
    /// Take it away.
    DeleteAddress(Luid, IpNet),
}

/// The steps that bring exactly the wanted routes about. Those that are to go come first.
pub fn plan(observed: &Observed) -> Vec<Step> {
    let wanted = wanted(observed);
    let ours = || {
        observed
            .routes
            .iter()
            .filter(|route| is_ours(route, &observed.links))
    };
    let is_wanted = |route: &&Route| wanted.iter().any(|it| is_same(it, route));
    let gone = ours().filter(|route| !is_wanted(route));
    let missing = wanted
        .iter()
        .filter(|it| !ours().any(|route| is_same(it, route)));
    let gone = gone.map(|route| Step::Delete(route.clone()));
    let missing = missing.map(|route| Step::Add(route.clone()));
    gone.chain(addresses(observed)).chain(missing).collect()
}

/// The steps for the PC's own address. What is routed by it has to wait until Windows shows it.
fn addresses(observed: &Observed) -> impl Iterator<Item = Step> {
    let own = IpNet::V6(LinkNetwork::WINDOWS.host());
    let mut gateways = observed.gateways.iter();
    let is_wanted = gateways.any(|gateway| own.contains(gateway));
    // That of the VM: WSL's link that the edge has its IPv4 address on.
    let is_edges = move |link: &Link| {
        let mut gateways = observed.gateways.iter();
        is_wanted && gateways.any(|gateway| gateway.is_ipv4() && link.has(gateway))
    };
    observed.links.iter().filter_map(move |link| {
        match (link.networks.contains(&own), is_edges(link)) {
            (false, true) => Some(Step::AddAddress(NewAddress {
                interface: link.luid,
                net: own,
                skip_as_source: false,
            })),
            (true, false) if !observed.edge_runs => Some(Step::DeleteAddress(link.luid, own)),
            _ => None,
        }
    })
}

impl Link {
    /// Whether an address is on it.
    pub fn has(&self, gateway: &IpAddr) -> bool {
        self.networks.iter().any(|net| net.contains(gateway))
    }
}

fn wanted(observed: &Observed) -> Vec<NewRoute> {
    let mut routes = Vec::new();
    for gateway in &observed.gateways {
        let mut links = observed.links.iter();
        // A gateway that is on no link would have Windows ask for it on all of them.
        let Some(link) = links.find(|link| link.has(gateway)) else {
            continue;
        };
        let halves = HALVES
            .iter()
            .filter(|net| net.addr().is_ipv4() == gateway.is_ipv4());
        routes.extend(halves.map(|destination| NewRoute {
            interface: link.luid,
            destination: *destination,
            gateway: *gateway,
            metric: 0,
        }));
    }
    routes
}

/// Ours are half-defaults into a VM of WSL: nobody else has a reason to make these. OpenVPN makes some,
/// too, on an interface of its own.
fn is_ours(route: &Route, links: &[Link]) -> bool {
    HALVES.contains(&route.destination) && links.iter().any(|link| link.luid == route.interface)
}

fn is_same(wanted: &NewRoute, route: &Route) -> bool {
    wanted.interface == route.interface
        && wanted.destination == route.destination
        && route.gateway == Some(wanted.gateway)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add(route) => write!(
                f,
                "route {} to the edge at {}",
                route.destination, route.gateway
            ),
            Self::Delete(route) => {
                write!(f, "delete the route of {} into the VM", route.destination)
            }
            Self::AddAddress(address) => write!(f, "add the {address}, towards the edge"),
            Self::DeleteAddress(interface, net) => {
                write!(f, "delete the address {net} of interface {interface}")
            }
        }
    }
}

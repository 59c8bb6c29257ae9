//! Which interfaces are uplinks, and by which addresses each can reach the Internet now.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use netcfg::{Address, Family, InterfaceIndex, Link, RouteKind, Scope, TableId};
use paths::Use;
use serde::Serialize;
use settings::edge::{Addresses, AfterCap, Role, Settings};
use settings::{Guid, InterfaceMatch};

use crate::numbers;
use crate::observed::Observed;

/// A network card of the host, as this machine sees it.
#[derive(Clone, Debug)]
pub struct Uplink<'a> {
    /// The name from the settings, or the interface's.
    pub name: String,
    /// Its rule in the settings.
    pub rule: &'a settings::edge::Uplink,
    /// Its interface.
    pub link: &'a Link,
    /// Every address that new connections may leave from, the best first.
    pub ways: Vec<Way>,
    /// Bytes that it has carried in this month.
    pub carried: u64,
    /// What it is to be: the role in the settings, or another one after its cap.
    pub role: Role,
    /// What it is used for.
    pub used: Use,
    /// It has an address, if only one that leads nowhere.
    has_address: bool,
}

/// An address of an uplink and the gateway that serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Address with the prefix of its network.
    pub address: IpNet,
    /// `None`: the link leads straight to the peer, as point-to-point links do.
    pub gateway: Option<IpAddr>,
    /// Connections use the address by this uplink now.
    pub held: bool,
    /// The largest packet in bytes, if the access network has said so and it is less than the interface takes.
    pub mtu: Option<u32>,
}

/// Why an uplink is in use or not, in the order in which a user would mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UplinkState {
    /// In use.
    Up,
    /// The cable is out, or the radio has no network.
    NoCarrier,
    /// No DHCP answer, nobody configured it, or IPv6 is still looking.
    NoAddress,
    /// It has an address and nobody named a router: a network without Internet.
    NoGateway,
}

impl Uplink<'_> {
    /// What its link is like, whether anything answers over it or not.
    pub fn state(&self) -> UplinkState {
        match (self.link.carrier, self.ways.is_empty()) {
            (false, _) => UplinkState::NoCarrier,
            (true, false) => UplinkState::Up,
            (true, true) if self.has_address => UplinkState::NoGateway,
            (true, true) => UplinkState::NoAddress,
        }
    }

    /// Connections use it, or would at once.
    pub fn is_used(&self) -> bool {
        self.state() == UplinkState::Up && self.used != Use::Unused
    }

    /// How many families it has an address of: each gets an endpoint.
    pub fn families(&self) -> usize {
        let has = |family| {
            self.ways
                .iter()
                .any(|way| Family::of(way.address.addr()) == family)
        };
        [Family::V4, Family::V6]
            .into_iter()
            .filter(|family| has(*family))
            .count()
    }

    /// Its cap for this month is used up, and it would be something else without that.
    pub fn is_capped(&self) -> bool {
        self.role != self.rule.role
    }

    /// We ask for its IPv4 address ourselves.
    pub fn wants_dhcp(&self) -> bool {
        self.rule.addresses == Addresses::Dhcp
    }
}

/// The interface that the host, or the LAN, is on.
pub fn host_link<'a>(settings: &Settings, observed: &'a Observed) -> Option<&'a Link> {
    let host = settings.host.as_ref()?;
    observed
        .links
        .iter()
        .find(|link| is_match(&host.interface, link))
}

/// The address that we give ourselves on the host's link, if we are to, and the link has IPv6.
pub fn own_address(settings: &Settings, observed: &Observed) -> Option<Address> {
    let network = settings.host.as_ref()?.network?;
    let link = host_link(settings, observed)?;
    let mut addresses = observed.addresses.iter();
    addresses.find(|it| it.index == link.index && it.net.addr().is_ipv6())?;
    Some(Address {
        // It is made of a MAC address, which nobody else has there.
        no_dad: true,
        protocol: Some(numbers::PROTOCOL),
        ..Address::new(link.index, network.edge(link.mac?.0).into())
    })
}

/// All uplinks, in the order of the settings: the first is preferred for new connections.
pub fn uplinks<'a>(settings: &'a Settings, observed: &'a Observed) -> Vec<Uplink<'a>> {
    let mut taken: BTreeSet<InterfaceIndex> = host_link(settings, observed)
        .map(|link| link.index)
        .into_iter()
        .collect();
    let mut found = Vec::new();
    for rule in &settings.uplinks {
        for link in &observed.links {
            if !link.loopback && is_match(&rule.interface, link) && taken.insert(link.index) {
                let name = match &rule.name {
                    Some(name) => name.to_string(),
                    None => link.name.to_string(),
                };
                let carried = observed.carried.get(&name).copied().unwrap_or_default();
                let role = role(rule, carried);
                found.push(Uplink {
                    carried,
                    role,
                    name,
                    rule,
                    link,
                    ways: ways(rule, link, observed),
                    used: observed
                        .uses
                        .get(&link.index)
                        .copied()
                        .unwrap_or_else(|| use_of(role)),
                    has_address: has_address(rule, link, observed),
                });
            }
        }
    }
    found
}

/// An uplink that has carried its cap is what its rule says for that, unless it is less already.
fn role(rule: &settings::edge::Uplink, carried: u64) -> Role {
    match &rule.cap {
        Some(cap) if carried >= cap.monthly.bytes() => match (rule.role, cap.after) {
            (Role::Off, _) | (_, AfterCap::Off) => Role::Off,
            (_, AfterCap::Backup) => Role::Backup,
        },
        _ => rule.role,
    }
}

/// What an uplink is used for that nobody watches.
fn use_of(role: Role) -> Use {
    match role {
        Role::Active => Use::Carries,
        Role::Backup => Use::Standby,
        Role::Off => Use::Unused,
    }
}

/// Each address with the uplink that may use it. Two modems of one make may give the same one, and the
/// kernel tells subflows apart by address alone: then an uplink in use goes before one that is not. One that
/// has it keeps it while it works: all connections lose their subflows when it goes over.
pub fn owned_ways<'u, 'a>(uplinks: &'u [Uplink<'a>]) -> Vec<(&'u Uplink<'a>, &'u Way)> {
    let used = uplinks.iter().filter(|uplink| uplink.is_used());
    let others = uplinks.iter().filter(|uplink| !uplink.is_used());
    let ways: Vec<_> = used
        .chain(others)
        .flat_map(|uplink| uplink.ways.iter().map(move |way| (uplink, way)))
        .collect();
    let owner = |address: IpAddr| {
        let mut all = ways.iter().filter(|(_, way)| way.address.addr() == address);
        let (first, _) = all.clone().next()?;
        let holds = all.find(|(uplink, way)| way.held && uplink.is_used());
        Some(holds.map_or(first, |(uplink, _)| uplink).link.index)
    };
    let is_owned =
        |(uplink, way): &(&Uplink<'_>, &Way)| owner(way.address.addr()) == Some(uplink.link.index);
    ways.iter().copied().filter(is_owned).collect()
}

fn is_match(wanted: &InterfaceMatch, link: &Link) -> bool {
    let mac = link.mac.map(|mac| settings::MacAddress::from(mac.0));
    let vmbus: Option<Guid> = link.vmbus.as_deref().and_then(|id| id.parse().ok());
    wanted.matches(link.name.as_ref(), mac, vmbus)
}

fn ways(rule: &settings::edge::Uplink, link: &Link, observed: &Observed) -> Vec<Way> {
    let mut ways = match rule.addresses {
        Addresses::Dhcp => leased(link, observed).into_iter().collect(),
        Addresses::External => configured(link, observed, Family::V4),
    };
    if rule.ipv6 {
        ways.extend(configured(link, observed, Family::V6));
    }
    for way in &mut ways {
        way.held = holds(link, way.address.addr(), observed);
        way.mtu = leased_mtu(rule, link, observed, Family::of(way.address.addr()));
    }
    ways
}

/// What the lease says of the largest packet (RFC 2132 section 5.1) goes for both families: it is the link's. But
/// every IPv6 link takes 1280 bytes (RFC 8200 section 5).
fn leased_mtu(
    rule: &settings::edge::Uplink,
    link: &Link,
    observed: &Observed,
    family: Family,
) -> Option<u32> {
    if rule.addresses != Addresses::Dhcp {
        return None;
    }
    let leased = u32::from(observed.leases.get(&link.index)?.mtu?);
    let mtu = match family {
        Family::V4 => leased,
        Family::V6 => leased.max(IPV6_LEAST_MTU),
    };
    (mtu < link.mtu).then_some(mtu)
}

const IPV6_LEAST_MTU: u32 = 1280;

fn holds(link: &Link, address: IpAddr, observed: &Observed) -> bool {
    let mut endpoints = observed.endpoints.iter();
    endpoints.any(|it| it.address == address && it.interface == Some(link.index.0))
}

/// A lease without a router is for a network that leads nowhere: with a default route into it, new
/// connections would be lost there.
fn leased(link: &Link, observed: &Observed) -> Option<Way> {
    let lease = observed.leases.get(&link.index)?;
    let gateway = *lease.gateways.first()?;
    Some(Way {
        address: lease.address.into(),
        gateway: Some(gateway.into()),
        held: false,
        mtu: None,
    })
}

fn has_address(rule: &settings::edge::Uplink, link: &Link, observed: &Observed) -> bool {
    match rule.addresses {
        Addresses::Dhcp => observed.leases.contains_key(&link.index),
        Addresses::External => observed.addresses.iter().any(|address| {
            address.index == link.index
                && address.scope == Scope::Global
                && Family::of(address.net.addr()) == Family::V4
        }),
    }
}

/// Addresses that somebody else, or the kernel by router advertisements, has put there. Temporary
/// addresses come last: they change, and each change costs a subflow.
fn configured(link: &Link, observed: &Observed, family: Family) -> Vec<Way> {
    let Some(gateway) = gateway(link, observed, family) else {
        return Vec::new();
    };
    let mut addresses: Vec<_> = observed
        .addresses
        .iter()
        .filter(|address| address.index == link.index && address.scope == Scope::Global)
        .filter(|address| Family::of(address.net.addr()) == family)
        .filter(|address| !address.tentative && !address.deprecated)
        .filter(|address| !is_unique_local(address.net.addr()))
        .collect();
    addresses.sort_by_key(|address| address.temporary);
    addresses
        .iter()
        .map(|address| Way {
            address: address.net,
            gateway,
            held: false,
            mtu: None,
        })
        .collect()
}

/// Unique local addresses (RFC 4193) reach no hub on the Internet.
fn is_unique_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unique_local())
}

/// The gateway of the best default route by this interface that others have put into `main`.
/// `Some(None)` is a default route without a gateway.
fn gateway(link: &Link, observed: &Observed, family: Family) -> Option<Option<IpAddr>> {
    observed
        .routes
        .iter()
        .filter(|route| route.table == TableId::MAIN && route.protocol != numbers::PROTOCOL)
        .filter(|route| route.is_default() && route.family() == family)
        .filter(|route| route.kind == RouteKind::Unicast && route.interface == Some(link.index))
        .min_by_key(|route| route.metric)
        .map(|route| route.gateway)
}

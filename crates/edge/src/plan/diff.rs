//! From what is and what should be to steps. Knows which objects are ours; decides nothing else.

use std::collections::BTreeSet;

use ipnet::{IpNet, Ipv6Net};
use mptcp::{Endpoint, EndpointFlags, EndpointSpec};
use netcfg::{Address, Family, InterfaceIndex, Route, RouteKind, Rule};
use settings::edge::Settings;

use super::Desired;
use super::sysctls::is_forwarding;
use crate::numbers;
use crate::observed::Observed;
use crate::step::Step;
use crate::uplink::{host_link, uplinks};

/// The order matters: endpoints of what is dead go first, because that is what makes the peer move
/// to the living paths; new endpoints come last, when their routes are there.
pub(super) fn steps(settings: &Settings, observed: &Observed, desired: &Desired) -> Vec<Step> {
    let ours = Ours::new(settings, observed);
    let mut steps = Vec::new();
    delete_endpoints(&ours, observed, desired, &mut steps);
    set_sysctls(observed, desired, &mut steps);
    set_up(observed, desired, &mut steps);
    addresses(&ours, observed, desired, &mut steps);
    routes(observed, desired, &mut steps);
    rules(observed, desired, &mut steps);
    firewall(observed, desired, &mut steps);
    if let Some(limits) = desired
        .limits
        .filter(|limits| observed.limits != Some(*limits))
    {
        steps.push(Step::SetLimits(limits));
    }
    add_endpoints(observed, desired, &mut steps);
    network_manager(observed, desired, &mut steps);
    steps
}

/// Interfaces on which endpoints, and IPv4 addresses where we do DHCP, are ours alone.
struct Ours<'a> {
    uplinks: Vec<InterfaceIndex>,
    dhcp: Vec<InterfaceIndex>,
    /// Here only what we have put there is.
    former: &'a BTreeSet<InterfaceIndex>,
    /// The host's link, and the network that is ours there.
    host: Option<(InterfaceIndex, Ipv6Net)>,
}

impl<'a> Ours<'a> {
    fn new(settings: &Settings, observed: &'a Observed) -> Self {
        let uplinks = uplinks(settings, observed);
        let index = |uplink: &crate::uplink::Uplink<'_>| uplink.link.index;
        Self {
            dhcp: uplinks
                .iter()
                .filter(|uplink| uplink.wants_dhcp())
                .map(index)
                .collect(),
            uplinks: uplinks.iter().map(index).collect(),
            former: &observed.former,
            host: host_network(settings, observed),
        }
    }

    /// On an uplink or a former one, whoever made it (an earlier run, NetworkManager), or on an interface
    /// that is gone.
    fn endpoint(&self, endpoint: &Endpoint, observed: &Observed) -> bool {
        let Some(interface) = endpoint.interface.map(InterfaceIndex) else {
            return observed
                .addresses
                .iter()
                .any(|address| address.net.addr() == endpoint.address && self.has(address.index));
        };
        self.has(interface) || !observed.links.iter().any(|link| link.index == interface)
    }

    fn address(&self, address: &Address) -> bool {
        if let (Some((link, network)), IpNet::V6(net)) = (self.host, address.net) {
            return address.index == link && network.contains(&net);
        }
        let is_left =
            address.protocol == Some(numbers::PROTOCOL) && self.former.contains(&address.index);
        Family::of(address.net.addr()) == Family::V4
            && (is_left || self.dhcp.contains(&address.index))
    }

    fn has(&self, interface: InterfaceIndex) -> bool {
        self.uplinks.contains(&interface) || self.former.contains(&interface)
    }
}

fn host_network(settings: &Settings, observed: &Observed) -> Option<(InterfaceIndex, Ipv6Net)> {
    let network = settings.host.as_ref()?.network?;
    Some((host_link(settings, observed)?.index, network.net()))
}

fn delete_endpoints(
    ours: &Ours<'_>,
    observed: &Observed,
    desired: &Desired,
    steps: &mut Vec<Step>,
) {
    for endpoint in observed
        .endpoints
        .iter()
        .filter(|endpoint| ours.endpoint(endpoint, observed))
    {
        // The kernel makes implicit ones for addresses that others named, and drops them itself.
        let kernels = endpoint.flags.contains(EndpointFlags::IMPLICIT);
        if !kernels && !desired.endpoints.iter().any(|spec| keeps(endpoint, spec)) {
            steps.push(Step::delete(endpoint));
        }
    }
}

fn add_endpoints(observed: &Observed, desired: &Desired, steps: &mut Vec<Step>) {
    for spec in &desired.endpoints {
        match observed
            .endpoints
            .iter()
            .find(|endpoint| keeps(endpoint, spec))
        {
            None => steps.push(Step::AddEndpoint(spec.clone())),
            Some(endpoint) if endpoint.flags != spec.flags => {
                steps.push(Step::SetEndpointFlags {
                    id: endpoint.id,
                    address: endpoint.address,
                    flags: spec.flags,
                });
            }
            Some(_) => {}
        }
    }
}

/// The endpoint can serve as `spec`, if need be after a change of the flags that the kernel can
/// change in place (backup and fullmesh; signal and subflow it can't).
fn keeps(endpoint: &Endpoint, spec: &EndpointSpec) -> bool {
    let changeable = EndpointFlags::BACKUP | EndpointFlags::FULLMESH;
    endpoint.address == spec.address
        && endpoint.port == spec.port
        && endpoint.interface == spec.interface
        && endpoint.flags.difference(changeable) == spec.flags.difference(changeable)
}

fn set_sysctls(observed: &Observed, desired: &Desired, steps: &mut Vec<Step>) {
    let mut set: Vec<_> = desired
        .sysctls
        .iter()
        .filter(|(key, value)| {
            let is = observed.sysctls.get(key);
            !is.is_some_and(|is| {
                is.split_ascii_whitespace()
                    .eq(value.split_ascii_whitespace())
            })
        })
        .collect();
    set.sort_by_key(|(key, _)| is_forwarding(key));
    steps.extend(set.into_iter().map(|(key, value)| Step::SetSysctl {
        key: key.clone(),
        value: value.clone(),
    }));
}

fn set_up(observed: &Observed, desired: &Desired, steps: &mut Vec<Step>) {
    for link in &observed.links {
        if desired.up.contains(&link.index) && !link.up {
            steps.push(Step::SetUp {
                index: link.index,
                name: link.name.clone(),
            });
        }
    }
}

fn addresses(ours: &Ours<'_>, observed: &Observed, desired: &Desired, steps: &mut Vec<Step>) {
    let same = |a: &Address, b: &Address| a.index == b.index && a.net == b.net;
    for address in observed
        .addresses
        .iter()
        .filter(|address| ours.address(address))
    {
        if !desired.addresses.iter().any(|wanted| same(wanted, address)) {
            steps.push(Step::DeleteAddress(address.clone()));
        }
    }
    for wanted in &desired.addresses {
        if !observed
            .addresses
            .iter()
            .any(|address| same(wanted, address))
        {
            steps.push(Step::AddAddress(wanted.clone()));
        }
    }
}

fn routes(observed: &Observed, desired: &Desired, steps: &mut Vec<Step>) {
    let ours = |route: &&Route| route.protocol == numbers::PROTOCOL;
    for route in observed.routes.iter().filter(ours) {
        if !desired
            .routes
            .iter()
            .any(|wanted| same_route(wanted, route))
        {
            steps.push(Step::DeleteRoute(route.clone()));
        }
    }
    for wanted in &desired.routes {
        if !observed
            .routes
            .iter()
            .filter(ours)
            .any(|route| same_route(wanted, route))
        {
            steps.push(Step::AddRoute(wanted.clone()));
        }
    }
}

fn same_route(a: &Route, b: &Route) -> bool {
    // The kernel shows an interface (lo) for IPv6 routes of kinds that use none.
    let uses_interface = matches!(a.kind, RouteKind::Unicast | RouteKind::Local);
    a.table == b.table
        && a.destination == b.destination
        && a.gateway == b.gateway
        && a.metric == b.metric
        && a.kind == b.kind
        && a.mtu == b.mtu
        && (!uses_interface || a.interface == b.interface)
}

fn rules(observed: &Observed, desired: &Desired, steps: &mut Vec<Step>) {
    let ours = |rule: &&Rule| rule.protocol == numbers::PROTOCOL;
    for rule in observed.rules.iter().filter(ours) {
        if !desired.rules.contains(rule) {
            steps.push(Step::DeleteRule(rule.clone()));
        }
    }
    for wanted in &desired.rules {
        if !observed.rules.contains(wanted) {
            steps.push(Step::AddRule(wanted.clone()));
        }
    }
}

fn firewall(observed: &Observed, desired: &Desired, steps: &mut Vec<Step>) {
    match (&desired.firewall, &observed.firewall) {
        (Some(table), is) if is.as_ref() != Some(&table.digest()) => {
            steps.push(Step::InstallFirewall(table.clone()));
        }
        (None, Some(_)) => steps.push(Step::DeleteFirewall),
        _ => {}
    }
}

fn network_manager(observed: &Observed, desired: &Desired, steps: &mut Vec<Step>) {
    // Absent where NetworkManager isn't installed.
    if let Some(is) = &observed.network_manager {
        let wanted = desired.network_manager.clone().unwrap_or_default();
        if *is != wanted {
            steps.push(Step::TellNetworkManager(wanted));
        }
    }
}

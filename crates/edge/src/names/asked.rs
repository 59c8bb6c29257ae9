//! Which name servers can be asked, by what was observed. Pure.

use std::net::{IpAddr, SocketAddr};

use dns::{Upstream, Zone};
use ipnet::IpNet;
use netcfg::dhcp::Lease;
use paths::Use;
use settings::edge::{Addresses, Settings};

use crate::observed::Observed;
use crate::uplink::{Uplink, owned_ways};

/// Domains of one label that a network may give itself. Others of one label belong to everybody: a network
/// that calls itself "com" is not asked for all of them.
const OWN: [&str; 8] = [
    "lan",
    "home",
    "local",
    "internal",
    "localdomain",
    "intranet",
    "private",
    "corp",
];

/// The servers that are asked without the hub, the best first: of each uplink in use the first, then of each
/// the second, so that the one after one that is silent is on another uplink.
pub(super) fn servers(
    settings: &Settings,
    has_tunnel: bool,
    uplinks: &[Uplink<'_>],
    observed: &Observed,
) -> Vec<Upstream> {
    let named = &settings.dns.servers;
    let own = named.is_empty() || has_tunnel;
    let mut lists: Vec<(bool, Vec<Upstream>)> = Vec::new();
    for uplink in uplinks.iter().filter(|it| it.is_used()) {
        let servers: Vec<IpAddr> = match own {
            true => its_own(uplink, observed),
            false => named.clone(),
        };
        let upstreams = by_uplink(uplink, uplinks, &servers);
        lists.push((uplink.used != Use::Carries, upstreams));
    }
    lists.sort_by_key(|(stands_by, _)| *stands_by);
    let longest = lists.iter().map(|(_, it)| it.len()).max().unwrap_or(0);
    let in_turn = (0..longest).flat_map(|at| lists.iter().filter_map(move |(_, it)| it.get(at)));
    let mut servers: Vec<Upstream> = in_turn.copied().collect();
    // Who sets addresses and routes knows the name servers, too, and which way leads there.
    let is_external = |it: &Uplink<'_>| it.is_used() && it.rule.addresses == Addresses::External;
    if own && uplinks.iter().any(is_external) {
        let of_system = observed.name_servers.iter();
        servers.extend(of_system.map(|ip| upstream(*ip, None)));
    }
    // We must not ask ourselves.
    let is_ours = |ip: IpAddr| {
        let mut addresses = observed.addresses.iter();
        addresses.any(|it| it.net.addr() == ip && !ip.is_loopback())
    };
    servers.retain(|it| !is_ours(it.server.ip()));
    servers
}

/// The networks of uplinks that have names of their own.
pub(super) fn zones(uplinks: &[Uplink<'_>], observed: &Observed) -> Vec<Zone> {
    let used = uplinks.iter().filter(|it| it.is_used());
    let zone = |uplink: &Uplink<'_>| {
        let lease = lease(uplink, observed)?;
        let domain = lease.domain.as_deref().filter(|it| is_own(it));
        let network = Some(IpNet::V4(lease.address)).filter(is_private);
        let servers = its_own(uplink, observed);
        Zone::new(domain, network, by_uplink(uplink, uplinks, &servers))
    };
    used.filter_map(zone).collect()
}

/// The servers of an uplink's own network. Where others set its addresses they are those of this machine.
pub(super) fn of_uplink(
    uplink: &Uplink<'_>,
    uplinks: &[Uplink<'_>],
    observed: &Observed,
) -> Vec<Upstream> {
    let mut servers = its_own(uplink, observed);
    if uplink.rule.addresses == Addresses::External {
        servers.extend(&observed.name_servers);
    }
    by_uplink(uplink, uplinks, &servers)
}

/// The servers' addresses, each once.
pub(super) fn distinct(servers: &[Upstream]) -> Vec<IpAddr> {
    let mut seen: Vec<IpAddr> = Vec::new();
    for ip in servers.iter().map(|it| it.server.ip()) {
        if !seen.contains(&ip) {
            seen.push(ip);
        }
    }
    seen
}

fn its_own(uplink: &Uplink<'_>, observed: &Observed) -> Vec<IpAddr> {
    let servers = lease(uplink, observed).map(|lease| &lease.dns_servers);
    servers
        .into_iter()
        .flatten()
        .copied()
        .map(IpAddr::from)
        .collect()
}

fn lease<'a>(uplink: &Uplink<'_>, observed: &'a Observed) -> Option<&'a Lease> {
    observed.leases.get(&uplink.link.index)
}

/// From an address of the uplink, so that the query leaves by it and no other.
fn by_uplink(uplink: &Uplink<'_>, uplinks: &[Uplink<'_>], servers: &[IpAddr]) -> Vec<Upstream> {
    let ways = owned_ways(uplinks);
    let from = |server: &IpAddr| {
        let mut its = ways
            .iter()
            .filter(|(owner, _)| owner.link.index == uplink.link.index);
        let (_, way) = its.find(|(_, way)| way.address.addr().is_ipv4() == server.is_ipv4())?;
        Some(upstream(*server, Some(way.address.addr())))
    };
    servers.iter().filter_map(from).collect()
}

fn upstream(server: IpAddr, local: Option<IpAddr>) -> Upstream {
    Upstream {
        server: SocketAddr::new(server, dns::PORT),
        local,
    }
}

fn is_own(domain: &str) -> bool {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    domain.contains('.') || OWN.contains(&domain.as_str())
}

fn is_private(network: &IpNet) -> bool {
    match network {
        IpNet::V4(net) => net.addr().is_private(),
        IpNet::V6(net) => net.addr().is_unique_local(),
    }
}

#[cfg(test)]
#[path = "asked_tests.rs"]
mod tests;

//! Routes and rules: each uplink's own table, the table of all living uplinks, and who looks where.

use ipnet::IpNet;
use netcfg::{Family, InterfaceIndex, Link, Route, RouteKind, Rule, TableId};
use paths::Use;
use settings::edge::{Capture, Intercept, Settings, Udp};

use super::traffic;
use crate::numbers::{self, priority};
use crate::uplink::{Uplink, Way, owned_ways};

/// Metric of the route that ends a lookup in an uplink's table: worse than any other.
const LAST: u32 = 1_000_000;

/// Metric of the preferred uplink in the table of all; each further uplink has one more.
const FIRST: u32 = 100;

/// The same for what stands by.
const FIRST_STANDBY: u32 = 10_000;

pub(super) fn routes(
    settings: &Settings,
    host: Option<&Link>,
    uplinks: &[Uplink<'_>],
) -> Vec<Route> {
    let mut routes = Vec::new();
    for (order, uplink) in uplinks.iter().enumerate() {
        let table = numbers::table_of(uplink.link.index);
        // A socket that has a dead uplink's address must fail, not leave by another uplink with a
        // wrong source.
        routes.extend(nowhere(table));
        if !uplink.link.carrier {
            continue;
        }
        for way in &uplink.ways {
            routes.push(on_link(table, uplink.link.index, way));
        }
        for family in [Family::V4, Family::V6] {
            let first = uplink
                .ways
                .iter()
                .find(|way| Family::of(way.address.addr()) == family);
            if let Some(way) = first {
                routes.push(default(table, uplink.link.index, way, FIRST));
                if let Some(preference) = preference(uplink.used) {
                    let metric = preference + order as u32;
                    routes.push(default(numbers::UPLINKS, uplink.link.index, way, metric));
                }
            }
        }
    }
    if host.is_some() {
        routes.extend(nowhere(numbers::NOWHERE));
    }
    if intercepts_by_tproxy(settings) {
        for family in [Family::V4, Family::V6] {
            routes.push(Route {
                interface: Some(InterfaceIndex::LOOPBACK),
                ..ours(numbers::INTERCEPTED, family.everything(), RouteKind::Local)
            });
        }
    }
    dedup(routes)
}

/// New connections start on a path that carries. One that is not used gets none of them.
fn preference(used: Use) -> Option<u32> {
    match used {
        Use::Carries => Some(FIRST),
        Use::Standby => Some(FIRST_STANDBY),
        Use::Unused => None,
    }
}

pub(super) fn rules(settings: &Settings, host: Option<&Link>, uplinks: &[Uplink<'_>]) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (uplink, way) in owned_ways(uplinks) {
        let address = way.address.addr();
        rules.push(Rule {
            from: Some(IpNet::from(address)),
            ..rule(
                Family::of(address),
                priority::SOURCE,
                numbers::table_of(uplink.link.index),
            )
        });
    }
    for (uplink, mark) in traffic::steered(&settings.traffic, uplinks) {
        let table = numbers::table_of(uplink.link.index);
        rules.extend([Family::V4, Family::V6].map(|family| Rule {
            fwmark: Some((mark, u32::MAX)),
            ..rule(family, priority::STEERED, table)
        }));
    }
    for family in [Family::V4, Family::V6] {
        rules.push(Rule {
            suppress_prefix_length: Some(0),
            ..rule(family, priority::KNOWN_NETWORKS, TableId::MAIN)
        });
        rules.push(rule(family, priority::UPLINKS, numbers::UPLINKS));
        rules.extend(host.map(|link| Rule {
            iif: Some(link.name.clone()),
            ..rule(family, priority::HOST_NOWHERE, numbers::NOWHERE)
        }));
        if intercepts_by_tproxy(settings) {
            rules.push(Rule {
                fwmark: Some((numbers::INTERCEPT_MARK, u32::MAX)),
                ..rule(family, priority::INTERCEPTED, numbers::INTERCEPTED)
            });
        }
    }
    rules
}

pub(super) fn intercepts_by_tproxy(settings: &Settings) -> bool {
    settings.host.as_ref().is_some_and(|host| {
        let by_tproxy = host.intercept == Intercept::Tproxy || settings.out.udp == Udp::Hub;
        host.capture == Capture::All && by_tproxy
    })
}

fn nowhere(table: TableId) -> [Route; 2] {
    [Family::V4, Family::V6].map(|family| Route {
        metric: LAST,
        ..ours(table, family.everything(), RouteKind::Unreachable)
    })
}

fn on_link(table: TableId, interface: InterfaceIndex, way: &Way) -> Route {
    Route {
        interface: Some(interface),
        mtu: way.mtu,
        ..ours(table, way.address.trunc(), RouteKind::Unicast)
    }
}

fn default(table: TableId, interface: InterfaceIndex, way: &Way, metric: u32) -> Route {
    Route {
        gateway: way.gateway,
        interface: Some(interface),
        metric,
        // On our routes and not on the interface, whose MTU is not ours to put back, and which would lose IPv6
        // with less than 1280 bytes.
        mtu: way.mtu,
        // A lease of /32, as some mobile networks give, has its gateway outside of its network.
        onlink: way
            .gateway
            .is_some_and(|gateway| !way.address.contains(&gateway)),
        ..ours(
            table,
            Family::of(way.address.addr()).everything(),
            RouteKind::Unicast,
        )
    }
}

fn ours(table: TableId, destination: IpNet, kind: RouteKind) -> Route {
    Route {
        kind,
        protocol: numbers::PROTOCOL,
        ..Route::new(table, destination)
    }
}

fn rule(family: Family, priority: netcfg::RulePriority, table: TableId) -> Rule {
    Rule {
        protocol: numbers::PROTOCOL,
        ..Rule::new(family, priority, table)
    }
}

/// Two addresses of one network need one on-link route.
fn dedup(routes: Vec<Route>) -> Vec<Route> {
    let mut unique: Vec<Route> = Vec::with_capacity(routes.len());
    for route in routes {
        if !unique.contains(&route) {
            unique.push(route);
        }
    }
    unique
}

//! By which interfaces and addresses the hub is to be tried. Pure: no I/O.

use std::net::IpAddr;

use netcfg::{Address, Family, Link, Route, RouteKind, Scope, TableId};
use settings::edge::Settings;

use crate::commands::linux::uplinks;

/// Links, addresses and routes of this machine.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// Interfaces.
    pub links: Vec<Link>,
    /// Addresses of all of them.
    pub addresses: Vec<Address>,
    /// Routes of all tables.
    pub routes: Vec<Route>,
}

/// A way to the Internet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    /// The name from the settings, or the interface's.
    pub name: String,
    /// Its interface; `None` where there is none that fits the settings.
    pub interface: Option<String>,
    /// The addresses to try, at most one of a family.
    pub addresses: Vec<IpAddr>,
}

/// The uplinks of the settings; without settings, every interface that somebody has put a default route on.
pub fn find(settings: Option<&Settings>, machine: &Machine) -> Vec<Uplink> {
    match settings {
        Some(settings) => machine.of_settings(settings),
        None => machine.with_default_route(),
    }
}

impl Machine {
    fn of_settings(&self, settings: &Settings) -> Vec<Uplink> {
        let found = uplinks::find(settings, &self.links).into_iter();
        let found = found.map(|found| match found.link {
            Some(link) => {
                let ipv6 = settings.uplinks[found.rule].ipv6;
                let families = [Some(Family::V4), ipv6.then_some(Family::V6)];
                self.uplink(found.name, link, families)
            }
            None => Uplink {
                name: found.name,
                interface: None,
                addresses: Vec::new(),
            },
        });
        found.collect()
    }

    fn with_default_route(&self) -> Vec<Uplink> {
        let leads_out = |link: &&Link| {
            let mut routes = self.routes.iter().filter(|it| it.table == TableId::MAIN);
            routes.any(|it| {
                it.is_default() && it.kind == RouteKind::Unicast && it.interface == Some(link.index)
            })
        };
        // A tunnel is no way to the Internet of its own.
        let cards = self
            .links
            .iter()
            .filter(|it| it.mac.is_some() && !it.loopback);
        cards
            .filter(leads_out)
            .map(|link| {
                let families = [Some(Family::V4), Some(Family::V6)];
                self.uplink(link.name.to_string(), link, families)
            })
            .collect()
    }

    fn uplink(&self, name: String, link: &Link, families: [Option<Family>; 2]) -> Uplink {
        let families = families.into_iter().flatten();
        Uplink {
            name,
            interface: Some(link.name.to_string()),
            addresses: families.filter_map(|it| self.address(link, it)).collect(),
        }
    }

    /// The best address of a family: one that reaches the Internet, and stays.
    fn address(&self, link: &Link, family: Family) -> Option<IpAddr> {
        let usable = self.addresses.iter().filter(|it| {
            it.index == link.index
                && it.scope == Scope::Global
                && Family::of(it.net.addr()) == family
                && !(it.tentative || it.deprecated)
                && !matches!(it.net.addr(), IpAddr::V6(ip) if ip.is_unique_local())
        });
        usable.min_by_key(|it| it.temporary).map(|it| it.net.addr())
    }
}

#[cfg(test)]
#[path = "uplinks_tests.rs"]
mod tests;

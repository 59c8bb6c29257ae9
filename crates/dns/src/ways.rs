//! Whom to ask, as plain data.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hickory_proto::rr::Name;
use ipnet::IpNet;

use crate::ask::Tunnel;
use crate::request::Question;
use crate::special;

/// Who can be asked at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// Asked first, if there is one.
    pub tunnel: Option<Arc<Tunnel>>,
    /// Asked where there is no tunnel, or when it does not do; the best first.
    pub servers: Vec<Upstream>,
    /// Networks with names of their own. Those names are asked for there and nowhere else.
    pub zones: Vec<Zone>,
}

/// A server that is asked by UDP, and by TCP where that takes more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Upstream {
    /// Its address and port.
    pub server: SocketAddr,
    /// The address of this machine that the query leaves from, and with that the link; the kernel's choice,
    /// without.
    pub local: Option<IpAddr>,
}

/// A network with names of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Zone {
    domains: Vec<Name>,
    networks: Vec<IpNet>,
    servers: Vec<Upstream>,
}

/// Where an answer holds: everywhere (`None`), or in the network that these servers are of.
pub(crate) type Area = Option<Arc<Zone>>;

impl Zone {
    /// The network in which `servers` know the names below `domains` and those of the addresses of
    /// `networks`. What is no domain name is left out, and so is the root, which is everybody's. `None`: it
    /// has nothing of its own, or nobody who knows it.
    pub fn new<'a>(
        domains: impl IntoIterator<Item = &'a str>,
        networks: impl IntoIterator<Item = IpNet>,
        servers: Vec<Upstream>,
    ) -> Option<Self> {
        let domain = |text: &str| {
            let mut name = Name::from_ascii(text).ok()?.to_lowercase();
            name.set_fqdn(true);
            (!name.is_root()).then_some(name)
        };
        let domains: Vec<Name> = domains.into_iter().filter_map(domain).collect();
        let networks: Vec<IpNet> = networks.into_iter().map(|net| net.trunc()).collect();
        let has_names = !domains.is_empty() || !networks.is_empty();
        (has_names && !servers.is_empty()).then_some(Self {
            domains,
            networks,
            servers,
        })
    }

    pub(crate) fn servers(&self) -> &[Upstream] {
        &self.servers
    }

    fn has(&self, question: &Question) -> bool {
        self.domains.iter().any(|it| it.zone_of(&question.name))
            || special::address(&question.name)
                .is_some_and(|ip| self.networks.iter().any(|net| net.contains(&ip)))
    }
}

impl Ways {
    /// Where a question belongs.
    pub(crate) fn area(&self, question: &Question) -> Area {
        let zone = self.zones.iter().find(|zone| zone.has(question))?;
        Some(Arc::new(zone.clone()))
    }
}

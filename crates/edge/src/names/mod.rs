//! The DNS server for the host: where it listens, and whom it asks.

mod asked;
mod tunnel;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

use dns::{Counts, Limits, Listener, Resolver, Seen, Tunnel, Upstream, Ways};
use netcfg::{Link, Scope};
use relay::Server;
use serde::Serialize;
use settings::edge::{Dns, DnsMode, Hub, Settings};
use tokio::sync::watch;

use crate::observed::Observed;
use crate::uplink::{Uplink, host_link};

/// The DNS server.
#[derive(Debug)]
pub struct Names {
    server: Server,
    resolver: Resolver,
    limits: Limits,
    listeners: BTreeMap<SocketAddr, Listener>,
    /// The way through the hub, and the settings that it was made for.
    tunnel: Option<(Hub, Dns, Option<Arc<Tunnel>>)>,
    status: watch::Sender<Listening>,
}

/// What the status says of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NamesStatus {
    /// Where it is and what it asks.
    #[serde(flatten)]
    pub listening: Listening,
    /// What it has done.
    #[serde(flatten)]
    pub counts: Counts,
}

/// Where it listens and whom it asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Listening {
    /// Its addresses; none where it is off.
    pub listen: Vec<SocketAddr>,
    /// Whether the hub is asked first.
    pub by_hub: bool,
    /// Name servers that are asked without it.
    pub servers: Vec<IpAddr>,
    /// Why it does not listen where it should.
    pub trouble: Vec<String>,
}

/// Tells what the server does.
#[derive(Clone, Debug)]
pub struct NamesReader {
    status: watch::Receiver<Listening>,
    resolver: Resolver,
}

impl NamesReader {
    /// At this moment.
    pub fn status(&self) -> NamesStatus {
        NamesStatus {
            listening: self.status.borrow().clone(),
            counts: self.resolver.counts(),
        }
    }
}

impl Names {
    /// One that listens nowhere yet. `server` has the connections to the hub, and `seen` learns which names
    /// the host has asked for.
    pub fn new(server: Server, seen: Seen) -> Self {
        Self {
            server,
            resolver: Resolver::noting(Ways::default(), seen),
            limits: Limits::default(),
            listeners: BTreeMap::new(),
            tunnel: None,
            status: watch::Sender::default(),
        }
    }

    /// For the status.
    pub fn reader(&self) -> NamesReader {
        NamesReader {
            status: self.status.subscribe(),
            resolver: self.resolver.clone(),
        }
    }

    /// Goes by what was observed.
    pub fn follow(&mut self, settings: &Settings, uplinks: &[Uplink<'_>], observed: &Observed) {
        let tunnel = self.tunnel(settings);
        let ways = Ways {
            servers: asked::servers(settings, tunnel.is_some(), uplinks, observed),
            zones: asked::zones(uplinks, observed),
            tunnel,
        };
        let mut status = Listening {
            by_hub: ways.tunnel.is_some(),
            servers: asked::distinct(&ways.servers),
            ..Listening::default()
        };
        self.resolver.set_ways(ways);
        let wanted = listens_on(settings, host_link(settings, observed), observed);
        self.listeners.retain(|address, _| wanted.contains(address));
        for address in wanted {
            if let Err(trouble) = self.listen(address) {
                status.trouble.push(trouble);
            }
        }
        status.listen = self.listeners.keys().copied().collect();
        let is_news = |trouble: &&String| !self.status.borrow().trouble.contains(trouble);
        for trouble in status.trouble.iter().filter(is_news) {
            tracing::warn!("{trouble}");
        }
        self.status.send_replace(status);
    }

    fn listen(&mut self, address: SocketAddr) -> Result<(), String> {
        if self.listeners.contains_key(&address) {
            return Ok(());
        }
        let listener = Listener::bind(address, &self.resolver, &self.limits);
        let listener = listener.map_err(|(transport, error)| {
            format!(
                "no DNS on {address}: cannot listen by {transport}: {error}; end the program that uses the \
                 port (ss -lnp sport = :53), or set dns.mode = \"off\""
            )
        })?;
        self.listeners.insert(address, listener);
        Ok(())
    }

    /// It is kept as long as the settings say the same: it has connections, and knows how they do.
    fn tunnel(&mut self, settings: &Settings) -> Option<Arc<Tunnel>> {
        let (hub, dns) = (&settings.out.hub, &settings.dns);
        if let Some((of_hub, of_dns, tunnel)) = &self.tunnel
            && (of_hub, of_dns) == (hub, dns)
        {
            return tunnel.clone();
        }
        let tunnel = tunnel::new(settings, self.server.clone()).map(Arc::new);
        self.tunnel = Some((hub.clone(), dns.clone(), tunnel.clone()));
        tunnel
    }
}

/// All addresses of ours that the host may know, and only those: on others somebody else may be a DNS server.
fn listens_on(settings: &Settings, host: Option<&Link>, observed: &Observed) -> Vec<SocketAddr> {
    let host = host.filter(|_| settings.dns.mode != DnsMode::Off);
    let its = observed.addresses.iter().filter(|it| {
        host.is_some_and(|host| host.index == it.index) && !it.tentative && !it.deprecated
    });
    let address = |it: &netcfg::Address| match (it.net.addr(), it.scope) {
        (ip, Scope::Global) => Some(SocketAddr::new(ip, dns::PORT)),
        // It means nothing without its interface.
        (IpAddr::V6(ip), Scope::Link) => {
            Some(SocketAddrV6::new(ip, dns::PORT, 0, it.index.0).into())
        }
        _ => None,
    };
    let mut addresses: Vec<_> = its.filter_map(address).collect();
    addresses.sort();
    addresses
}

/// The name servers of an uplink's own network, to be asked from its address.
pub fn servers_of(
    uplink: &Uplink<'_>,
    uplinks: &[Uplink<'_>],
    observed: &Observed,
) -> Vec<Upstream> {
    asked::of_uplink(uplink, uplinks, observed)
}

/// Those of them that an uplink's neighbours could send to, and all that may still become some: what keeps
/// them out must not change with each step of an address's life.
pub fn guarded(settings: &Settings, host: Option<&Link>, observed: &Observed) -> Vec<IpAddr> {
    let host = host.filter(|_| settings.dns.mode != DnsMode::Off);
    let its = observed
        .addresses
        .iter()
        .filter(|it| host.is_some_and(|host| host.index == it.index) && it.scope == Scope::Global);
    let mut addresses: Vec<_> = its.map(|it| it.net.addr()).collect();
    addresses.sort();
    addresses
}

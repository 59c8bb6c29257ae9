//! What the edge says about itself.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use datagrams::TunnelStatus;
use mptcp::{Endpoint, EndpointFlags};
use netcfg::{InterfaceName, MacAddress};
use paths::{Role, State, Use, Verdict};
use relay::{ConnectionStatus, HubStatus, Server};
use serde::Serialize;
use settings::edge::Settings;
use tokio::sync::watch;

use crate::allowance::{Date, next_reset};
use crate::health::verdict_of;
use crate::names::{NamesReader, NamesStatus};
use crate::observed::Observed;
use crate::rules::{RuleStatus, Rules};
use crate::udp::UdpReader;
use crate::uplink::{Uplink, UplinkState, uplinks};

/// The whole status.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Version of the program.
    pub version: &'static str,
    /// The way out.
    #[serde(flatten)]
    pub service: ServiceStatus,
    /// The connections to the hub; `None` in single mode and with a chain of proxies.
    pub hub_connections: Option<HubStatus>,
    /// The network cards.
    #[serde(flatten)]
    pub network: NetworkStatus,
    /// The DNS server for the host.
    pub dns: NamesStatus,
    /// The rules for traffic, in their order.
    pub rules: Vec<RuleStatus>,
    /// How UDP goes through the hub; `None` where it does not.
    pub udp: Option<TunnelStatus>,
    /// The live connections.
    pub connections: Vec<ConnectionStatus>,
}

/// The part of the status that each reading of the settings makes anew.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceStatus {
    /// `single` without a hub, `double` with one.
    pub mode: &'static str,
    /// The hub, or the chain of proxies.
    pub hub: Vec<String>,
    /// Where that comes from.
    pub settings: Reading,
}

/// The settings file and how it was last read.
#[derive(Clone, Debug, Serialize)]
pub struct Reading {
    /// The file.
    pub file: PathBuf,
    /// How often it was read, the start included.
    pub count: u64,
    /// What was wrong with it when it was last read: the edge then stays as it was.
    pub error: Option<String>,
    /// Keys that say something else by now and need a restart.
    pub need_restart: Vec<&'static str>,
}

/// The part of the status that each round of the reconciler makes anew.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NetworkStatus {
    /// In the order of the settings.
    pub uplinks: Vec<UplinkStatus>,
    /// Steps that failed and why, and what keeps the edge from doing its best.
    pub problems: Vec<String>,
}

/// One network card.
#[derive(Clone, Debug, Serialize)]
pub struct UplinkStatus {
    /// Name from the settings, or the interface's.
    pub name: String,
    /// The interface.
    pub interface: InterfaceName,
    /// Its Ethernet address.
    pub mac: Option<MacAddress>,
    /// What the user wants of it.
    pub role: Role,
    /// What it is used for.
    #[serde(rename = "use")]
    pub used: Use,
    /// What it is worth.
    pub state: State,
    /// Since when, in milliseconds since 1970.
    pub since: u64,
    /// Why, in words.
    pub reason: String,
    /// Its link, whether anything answers over it or not.
    pub link: UplinkState,
    /// Each byte costs.
    pub metered: bool,
    /// Its monthly cap, if it has one.
    pub cap: Option<CapStatus>,
    /// Round trip to the hub over it alone, in microseconds, if the hub was asked.
    pub round_trip_us: Option<u64>,
    /// Usable addresses with their gateways and endpoints.
    pub addresses: Vec<AddressStatus>,
}

/// A monthly cap of data.
#[derive(Clone, Debug, Serialize)]
pub struct CapStatus {
    /// Bytes carried in this month, both ways.
    pub used: u64,
    /// Bytes that may be carried in a month.
    pub monthly: u64,
    /// The day (UTC) from which on it is counted anew.
    pub resets: Date,
}

/// One address of an uplink.
#[derive(Clone, Debug, Serialize)]
pub struct AddressStatus {
    /// With the prefix of its network.
    pub address: ipnet::IpNet,
    /// Its way out.
    pub gateway: Option<IpAddr>,
    /// Id of its MPTCP endpoint, if it has one.
    pub endpoint: Option<u8>,
    /// The endpoint's flags.
    pub flags: Option<EndpointFlags>,
}

impl ServiceStatus {
    /// With what the edge goes by.
    pub fn new(settings: &Settings, reading: Reading) -> Self {
        let hub = &settings.out.hub;
        Self {
            mode: if hub.is_none() { "single" } else { "double" },
            hub: hub.destinations().map(ToString::to_string).collect(),
            settings: reading,
        }
    }
}

impl NetworkStatus {
    /// From what was observed.
    pub fn new(
        settings: &Settings,
        observed: &Observed,
        verdicts: &[Verdict],
        problems: Vec<String>,
    ) -> Self {
        let uplinks = uplinks(settings, observed);
        let known = uplinks
            .iter()
            .filter_map(|uplink| Some((uplink, verdict_of(verdicts, uplink)?)));
        let uplinks = known.map(|(uplink, verdict)| UplinkStatus {
            name: uplink.name.clone(),
            interface: uplink.link.name.clone(),
            mac: uplink.link.mac,
            role: verdict.role,
            used: verdict.used,
            state: verdict.state,
            since: unix_ms(verdict.since),
            reason: reason(uplink, verdict, observed),
            metered: uplink.rule.metered,
            cap: cap(uplink),
            link: uplink.state(),
            round_trip_us: verdict.round_trip.map(|it| it.as_micros() as u64),
            addresses: uplink
                .ways
                .iter()
                .map(|way| {
                    let endpoint = endpoint_of(way.address.addr(), &observed.endpoints);
                    AddressStatus {
                        address: way.address,
                        gateway: way.gateway,
                        endpoint: endpoint.map(|endpoint| endpoint.id.0),
                        flags: endpoint.map(|endpoint| endpoint.flags),
                    }
                })
                .collect(),
        });
        Self {
            uplinks: uplinks.collect(),
            problems,
        }
    }
}

impl Reading {
    fn problem(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        Some(format!(
            "the settings were changed and are wrong, so the edge goes by its former ones: {error}"
        ))
    }
}

fn cap(uplink: &Uplink<'_>) -> Option<CapStatus> {
    uplink.rule.cap.as_ref().map(|cap| CapStatus {
        used: uplink.carried,
        monthly: cap.monthly.bytes(),
        resets: next_reset(cap, SystemTime::now()),
    })
}

/// A cap explains more than that the uplink works, and a portal may have said where it wants to be talked to.
fn reason(uplink: &Uplink<'_>, verdict: &Verdict, observed: &Observed) -> String {
    let login = observed.portals.get(&uplink.link.index).cloned().flatten();
    match (&uplink.rule.cap, verdict.state) {
        (Some(cap), State::Up | State::Degraded) if uplink.is_capped() => format!(
            "its cap of {} is used up until {}",
            cap.monthly,
            next_reset(cap, SystemTime::now())
        ),
        (_, State::Portal) if let Some(login) = login => {
            format!("a captive portal stands in the way: open {login} in a browser and log in")
        }
        _ => verdict.reason.to_string(),
    }
}

/// A moment of the monotonic clock, as the wall clock would have it now.
fn unix_ms(at: Instant) -> u64 {
    let then = SystemTime::now() - at.elapsed();
    let since = then.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn endpoint_of(address: IpAddr, endpoints: &[Endpoint]) -> Option<&Endpoint> {
    endpoints
        .iter()
        .find(|endpoint| endpoint.address == address)
}

/// Gives the status as it is.
#[derive(Clone, Debug)]
pub struct Reader {
    service: watch::Receiver<ServiceStatus>,
    network: watch::Receiver<NetworkStatus>,
    names: NamesReader,
    rules: Rules,
    udp: UdpReader,
    server: Server,
}

impl Reader {
    /// From where its parts are kept.
    pub fn new(
        service: watch::Receiver<ServiceStatus>,
        network: watch::Receiver<NetworkStatus>,
        names: NamesReader,
        rules: Rules,
        udp: UdpReader,
        server: Server,
    ) -> Self {
        Self {
            service,
            network,
            names,
            rules,
            udp,
            server,
        }
    }

    /// The status at this moment.
    pub async fn status(&self) -> Status {
        // First: what is said of the hub must not be older.
        let service = self.service.borrow().clone();
        let mut network = self.network.borrow().clone();
        network.problems.extend(service.settings.problem());
        network.problems.extend(self.server.trouble());
        let udp = self.udp.status();
        network.problems.extend(udp_problem(udp.as_ref()));
        Status {
            version: env!("CARGO_PKG_VERSION"),
            service,
            hub_connections: self.server.hub().map(|hub| hub.status()),
            network,
            dns: self.names.status(),
            rules: self.rules.status(),
            udp,
            connections: connections(&self.server).await,
        }
    }

    /// How the settings were read last; wakes at each reading.
    pub fn settings(&self) -> watch::Receiver<ServiceStatus> {
        self.service.clone()
    }
}

fn udp_problem(udp: Option<&TunnelStatus>) -> Option<String> {
    let trouble = udp?.trouble.as_ref()?;
    Some(format!(
        "UDP can't go through the hub and goes straight to its destination: {trouble}"
    ))
}

/// The live connections. Address ids and backup flags are only in the kernel's socket dump, which
/// costs a look at every socket, so it is taken once for all.
async fn connections(server: &Server) -> Vec<ConnectionStatus> {
    let mut connections = server.registry().snapshot();
    let dump = match mptcp::Diag::new() {
        Ok(diag) => diag.connections().await.unwrap_or_default(),
        // A kernel without INET_MPTCP_DIAG: everything else is known all the same.
        Err(_) => Vec::new(),
    };
    for onward in connections.iter_mut().filter_map(|it| it.onward.as_mut()) {
        let known = dump
            .iter()
            .find(|it| it.token.is_some() && it.token == onward.token);
        for subflow in &mut onward.subflows {
            let same =
                |it: &&mptcp::SubflowInfo| it.local == subflow.local && it.remote == subflow.remote;
            if let Some(known) = known.and_then(|it| it.subflows.iter().find(same)) {
                subflow.local_id = known.local_id;
                subflow.remote_id = known.remote_id;
                subflow.backup = known.backup;
            }
        }
    }
    connections
}

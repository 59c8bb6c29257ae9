//! What the edge says about itself, on a Unix socket: one JSON document for each connection.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mptcp::{Endpoint, EndpointFlags};
use netcfg::{InterfaceName, MacAddress};
use paths::{Role, State, Use, Verdict};
use relay::{ConnectionStatus, HubStatus, Server};
use serde::Serialize;
use settings::edge::Settings;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

use crate::allowance::{Date, next_reset};
use crate::observed::Observed;
use crate::uplink::{Uplink, UplinkState, uplinks};

/// How long to wait when the control socket gives no connection.
const BACK_OFF: Duration = Duration::from_millis(100);

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
        let known = uplinks.iter().filter_map(|uplink| {
            let is_its = |verdict: &&Verdict| verdict.id.0 == uplink.link.index.0;
            Some((uplink, verdicts.iter().find(is_its)?))
        });
        let uplinks = known.map(|(uplink, verdict)| UplinkStatus {
            name: uplink.name.clone(),
            interface: uplink.link.name.clone(),
            mac: uplink.link.mac,
            role: verdict.role,
            used: verdict.used,
            state: verdict.state,
            since: unix_ms(verdict.since),
            reason: reason(uplink, verdict),
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

/// A cap explains more than that the uplink works.
fn reason(uplink: &Uplink<'_>, verdict: &Verdict) -> String {
    match (&uplink.rule.cap, verdict.state) {
        (Some(cap), State::Up | State::Degraded) if uplink.is_capped() => format!(
            "its cap of {} is used up until {}",
            cap.monthly,
            next_reset(cap, SystemTime::now())
        ),
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

/// The control socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Somebody answers on it.
    #[error(
        "an edge runs already: it answers on {0}; stop it first, or give this one another control.socket"
    )]
    Running(PathBuf),
    /// The file system refuses.
    #[error("cannot make the control socket {path}; check control.socket and the folder's rights")]
    Socket {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// The control socket. Its file goes with it.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Makes the socket, for its owner alone. A file that a killed edge left is replaced.
    ///
    /// # Errors
    /// When another edge answers there, or the folder can't be written.
    pub async fn bind(path: &Path) -> Result<Self, ControlError> {
        if UnixStream::connect(path).await.is_ok() {
            return Err(ControlError::Running(path.to_owned()));
        }
        let failed = |source| ControlError::Socket {
            path: path.to_owned(),
            source,
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }

    /// Answers until dropped.
    pub async fn serve(
        &self,
        service: watch::Receiver<ServiceStatus>,
        latest: watch::Receiver<NetworkStatus>,
        server: Server,
    ) {
        loop {
            let mut stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Mostly want of open files, which does not pass by asking again at once.
                    tracing::debug!("control socket: {error}");
                    tokio::time::sleep(BACK_OFF).await;
                    continue;
                }
            };
            // First: what is said of the hub must not be older.
            let service = service.borrow().clone();
            let mut network = latest.borrow().clone();
            network.problems.extend(service.settings.problem());
            network.problems.extend(server.trouble());
            let status = Status {
                version: env!("CARGO_PKG_VERSION"),
                service,
                hub_connections: server.hub().map(|hub| hub.status()),
                network,
                connections: connections(&server).await,
            };
            let text = serde_json::to_vec(&status).unwrap_or_else(|error| {
                tracing::warn!("the status can't be written: {error}");
                Vec::new()
            });
            // A reader that went away needs nothing, and a slow one must not stop the others.
            tokio::spawn(async move { drop(stream.write_all(&text).await) });
        }
    }
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

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

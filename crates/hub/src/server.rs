//! Runs the hub: prepares the kernel, listens, serves, drains, puts back.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mptcp::{KernelSupport, ListenOptions, Transport};
use netcfg::{Change, Netlink, Watch};
use relay::Intake;
use settings::hub::Settings;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::filter::Destinations;
use crate::hub::Hub;
use crate::metrics;
use crate::reload::Reload;
use crate::tune::{TuneError, Tuned};
use crate::usage::{UsageFile, UsageKeeper};

/// Why the hub can't run.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// No MPTCP in this kernel.
    #[error("{0}")]
    NoMptcp(KernelSupport),
    /// The kernel could not be asked.
    #[error("cannot find out whether this kernel has MPTCP")]
    Probe(#[source] std::io::Error),
    /// The users' file.
    #[error(transparent)]
    Users(#[from] settings::Errors),
    /// Not there, or not to be read.
    #[error("cannot read the hub's key {}; `manypath hub init` makes one", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// The kernel's reason.
        #[source]
        source: std::io::Error,
    },
    /// No key in the key file.
    #[error("{}: not a hub's key; take a copy of the right one, or let `manypath hub init` make one", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: tls::HubKeyError,
    },
    /// The kernel gives no signals.
    #[error("cannot catch SIGHUP")]
    Signal(#[source] std::io::Error),
    /// Usually taken by another program.
    #[error(
        "cannot listen on {address}; end the program that uses the port (ss -ltnp), or change `listen`"
    )]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The kernel's reason.
        #[source]
        source: std::io::Error,
    },
    /// The same for edges' datagrams.
    #[error(
        "cannot listen on UDP {address}; end the program that uses the port (ss -lunp), or change `listen`"
    )]
    ListenUdp {
        /// Where.
        address: SocketAddr,
        /// The kernel's reason.
        #[source]
        source: std::io::Error,
    },
    /// Addresses and routes.
    #[error(transparent)]
    Network(#[from] netcfg::Error),
    /// The kernel's settings, and announced addresses.
    #[error(transparent)]
    Tune(#[from] TuneError),
}

/// Runs until `stop` is done, then drains for the time that the settings give. `file` is where the
/// settings are read from again on SIGHUP.
///
/// # Errors
/// When it can't start. Kernel settings that this kernel refuses are logged, not fatal.
pub async fn run(
    settings: Settings,
    file: &Path,
    stop: impl Future<Output = ()>,
) -> Result<(), HubError> {
    match mptcp::probe().map_err(HubError::Probe)? {
        KernelSupport::Available | KernelSupport::Disabled => {}
        missing => return Err(HubError::NoMptcp(missing)),
    }
    if let Some(lacks) = mptcp::lacks().map_err(HubError::Probe)? {
        tracing::info!("this kernel lacks {lacks}; what that means is in docs/kernels.md");
    }
    let usage = UsageFile::load(&settings.usage);
    let hub = Hub::new(&settings, usage.table().clone())?;
    let netlink = Netlink::new()?;
    let tuned = Tuned::apply(&settings, &netlink).await?;
    let served = serve(&hub, settings, file, usage, &netlink, stop).await;
    tuned.restore().await;
    served
}

async fn serve(
    hub: &Hub,
    settings: Settings,
    file: &Path,
    usage: UsageFile,
    netlink: &Netlink,
    stop: impl Future<Output = ()>,
) -> Result<(), HubError> {
    // Listen first, read second: what changes in between comes as an event. And know all of them
    // before anyone can ask for one.
    let changes = netlink.watch()?;
    read_own_addresses(netlink, hub.destinations()).await?;
    let listeners = listeners(hub, &settings)?;
    let datagrams = datagrams(hub, &settings)?;
    let metrics = metrics(hub, &settings)?;
    let drain = settings.drain;
    let reload = Reload::new(hub.clone(), settings, file).map_err(HubError::Signal)?;
    let keeper = UsageKeeper::new(hub.clone(), usage).map_err(HubError::Signal)?;
    let keep_up = async {
        tokio::select! {
            result = follow_own_addresses(netlink, changes, hub.destinations()) => result,
            () = reload.run() => Ok(()),
            () = hub.server().resume() => Ok(()),
            () = metrics => Ok(()),
            () = datagrams => Ok(()),
        }
    };
    let serving = keeper.keep(serve_all(hub, listeners, drain, stop));
    let served = tokio::select! {
        () = serving => Ok(()),
        result = keep_up => result,
    };
    if let Some((datagrams, _)) = hub.datagrams() {
        datagrams.close().await;
    }
    served
}

/// Serves all listeners until `stop` is done, and lets connections go on for `drain`.
async fn serve_all(
    hub: &Hub,
    listeners: Vec<(TcpListener, Intake)>,
    drain: Duration,
    stop: impl Future<Output = ()>,
) {
    let (stopping, stopped) = watch::channel(false);
    let serving = listeners.into_iter().map(|(listener, intake)| {
        let (server, mut stopped) = (hub.server().clone(), stopped.clone());
        async move {
            let stop = async move { drop(stopped.wait_for(|stop| *stop).await) };
            server.serve(listener, intake, stop).await
        }
    });
    let serving = futures_util::future::join_all(serving);
    let stop = async {
        stop.await;
        let open = hub.server().registry().len();
        tracing::info!("stopping: {open} connections may end within {drain:?}");
        stopping.send_replace(true);
    };
    for drained in futures_util::future::join(serving, stop).await.0 {
        tracing::info!(
            "{} connections ended, {} were reset",
            drained.finished,
            drained.aborted
        );
    }
}

fn listeners(hub: &Hub, settings: &Settings) -> Result<Vec<(TcpListener, Intake)>, HubError> {
    let socks5 = settings.socks5.iter().flat_map(|socks5| &socks5.listen);
    let socks5 = socks5.map(|address| (*address, Intake::Proxy));
    let edges = hub.intake().into_iter();
    let edges =
        edges.flat_map(|intake| settings.listen.iter().map(move |it| (*it, intake.clone())));
    edges
        .chain(socks5)
        .map(|(address, intake)| Ok((listen(address)?, intake)))
        .collect()
}

/// Carries edges' datagrams, on the UDP ports of the same numbers. Never ends.
fn datagrams(hub: &Hub, settings: &Settings) -> Result<impl Future<Output = ()> + use<>, HubError> {
    let server = hub.datagrams().cloned();
    let listen = |address: &SocketAddr| match &server {
        None => Ok(None),
        Some((_, config)) => {
            datagrams::hub_endpoint(*address, config)
                .map(Some)
                .map_err(|source| HubError::ListenUdp {
                    address: *address,
                    source,
                })
        }
    };
    let endpoints = settings.listen.iter().map(listen);
    let endpoints: Vec<Option<quinn::Endpoint>> = endpoints.collect::<Result<_, _>>()?;
    let endpoints = endpoints.into_iter().flatten().collect();
    Ok(async move {
        match server {
            Some((server, _)) => server.serve(endpoints).await,
            None => std::future::pending().await,
        }
    })
}

/// Answers Prometheus, if it is asked for. Never ends.
fn metrics(hub: &Hub, settings: &Settings) -> Result<impl Future<Output = ()> + use<>, HubError> {
    let listen =
        |address| metrics::listen(address).map_err(|source| HubError::Listen { address, source });
    let listener = settings
        .metrics
        .as_ref()
        .map(|metrics| listen(metrics.listen));
    let listener = listener.transpose()?;
    let hub = hub.clone();
    Ok(async move {
        match listener {
            Some(listener) => metrics::serve(listener, move || hub.snapshot()).await,
            None => std::future::pending().await,
        }
    })
}

fn listen(address: SocketAddr) -> Result<TcpListener, HubError> {
    let failed = |source| HubError::Listen { address, source };
    // `[::]` is for both families: the settings refuse 0.0.0.0 beside it.
    let options = ListenOptions {
        only_v6: false,
        ..ListenOptions::default()
    };
    let listening = mptcp::listen(Transport::Mptcp, address, &options).map_err(failed)?;
    if listening.transport == Transport::Tcp {
        tracing::warn!("{address}: the kernel gives no MPTCP socket; clients get plain TCP");
    }
    TcpListener::from_std(listening.listener).map_err(failed)
}

/// Keeps the list of the server's own addresses right. Never ends but by an error.
async fn follow_own_addresses(
    netlink: &Netlink,
    mut changes: Watch,
    destinations: &Destinations,
) -> Result<(), HubError> {
    loop {
        if let Change::Address(_) | Change::Overrun = changes.next().await? {
            read_own_addresses(netlink, destinations).await?;
        }
    }
}

async fn read_own_addresses(
    netlink: &Netlink,
    destinations: &Destinations,
) -> Result<(), HubError> {
    let addresses = netlink.addresses().await?;
    destinations.set_own(addresses.iter().map(|address| address.net.addr()));
    Ok(())
}

//! Runs the hub: prepares the kernel, listens, serves, drains, puts back.

use std::net::SocketAddr;

use mptcp::{KernelSupport, ListenOptions, Transport};
use netcfg::{Change, Netlink, Watch};
use relay::{
    AddressFilter, Connector, ConnectorOptions, Intake, Protocols, Route, Server, ServerOptions,
    Users,
};
use settings::hub::Settings;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::filter::Destinations;
use crate::tune::{TuneError, Tuned};

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
    /// Addresses and routes.
    #[error(transparent)]
    Network(#[from] netcfg::Error),
    /// The kernel's settings, and announced addresses.
    #[error(transparent)]
    Tune(#[from] TuneError),
}

/// Runs until `stop` is done, then drains for the time that the settings give.
///
/// # Errors
/// When it can't start. Kernel settings that this kernel refuses are logged, not fatal.
pub async fn run(settings: Settings, stop: impl Future<Output = ()>) -> Result<(), HubError> {
    match mptcp::probe().map_err(HubError::Probe)? {
        KernelSupport::Available | KernelSupport::Disabled => {}
        missing => return Err(HubError::NoMptcp(missing)),
    }
    let users = users(&settings)?;
    let netlink = Netlink::new()?;
    let tuned = Tuned::apply(&settings, &netlink).await?;
    let served = serve(&settings, users, &netlink, stop).await;
    tuned.restore().await;
    served
}

fn users(settings: &Settings) -> Result<Users, HubError> {
    let Some(socks5) = &settings.socks5 else {
        return Ok(Users::from_iter([]));
    };
    let users = settings::hub::Users::load(&socks5.users)?;
    Ok(users.iter().map(wire::Credentials::from).collect())
}

async fn serve(
    settings: &Settings,
    users: Users,
    netlink: &Netlink,
    stop: impl Future<Output = ()>,
) -> Result<(), HubError> {
    let destinations = Destinations::new(settings.allow.clone());
    // Listen first, read second: what changes in between comes as an event. And know all of them
    // before anyone can ask for one.
    let changes = netlink.watch()?;
    read_own_addresses(netlink, &destinations).await?;
    let socks5 = settings.socks5.iter().flat_map(|socks5| &socks5.listen);
    let listeners = socks5.map(|&address| listen(address));
    let listeners: Vec<TcpListener> = listeners.collect::<Result<_, _>>()?;
    let server = server(settings, users, Arc::new(destinations.clone()));
    let (stopping, stopped) = watch::channel(false);
    let serving = listeners.into_iter().map(|listener| {
        let (server, mut stopped) = (server.clone(), stopped.clone());
        async move {
            let stop = async move { drop(stopped.wait_for(|stop| *stop).await) };
            server.serve(listener, Intake::Proxy, stop).await
        }
    });
    let mut serving = std::pin::pin!(futures_util::future::join_all(serving));
    tokio::select! {
        _ = &mut serving => return Ok(()),
        result = follow_own_addresses(netlink, changes, &destinations) => return result,
        () = stop => {}
    }
    tracing::info!(
        "stopping: {} connections may end within {:?}",
        server.registry().len(),
        settings.drain
    );
    let _ = stopping.send(true);
    for drained in serving.await {
        tracing::info!(
            "{} connections ended, {} were reset",
            drained.finished,
            drained.aborted
        );
    }
    Ok(())
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

fn server(settings: &Settings, users: Users, filter: Arc<dyn AddressFilter>) -> Server {
    let connector = Connector::new(
        Route::Direct(Transport::Tcp),
        ConnectorOptions {
            timeout: settings.connect_timeout,
            filter: Some(filter),
            ..ConnectorOptions::default()
        },
    );
    Server::new(
        connector,
        ServerOptions {
            protocols: Protocols::SOCKS5,
            users: Some(users),
            idle_timeout: settings.idle_timeout.duration(),
            drain: settings.drain,
            ..ServerOptions::default()
        },
    )
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

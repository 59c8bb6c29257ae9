//! The relay, built from the settings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use mptcp::{ListenOptions, Transport};
use relay::{
    Bypass, BypassRule, Chain, Connector, ConnectorOptions, Hop, HubAddress, HubPool, Intake,
    PoolOptions, Route, Server, ServerOptions, UplinkGate, Users,
};
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use settings::HubLink;
use settings::edge::{Capture, Hub, Intercept, Settings};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::rules::Rules;
use crate::udp::UdpWay;

/// What the kernel may take in from a program that sends, in bytes: plenty for the way to the host, which
/// takes less than a millisecond. With the 16 MiB that the ways to the hub need, an upload would seem to be
/// done seconds before it is, and one that is broken off would go on for seconds. The kernel doubles what
/// it is told.
const CLIENT_BUFFER: usize = 1 << 20;

/// Listeners that are bound, and what serves them.
#[derive(Debug)]
pub struct Proxy {
    server: Server,
    listeners: Vec<(TcpListener, Intake)>,
}

/// A listener could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// Usually taken by another program.
    #[error(
        "cannot listen on TCP port {port}; end the program that uses it (ss -ltnp), or set proxy.port"
    )]
    Port {
        port: u16,
        #[source]
        source: std::io::Error,
    },
    /// The listener for intercepted connections.
    #[error("cannot listen for intercepted connections")]
    Intercept(#[source] std::io::Error),
}

impl Proxy {
    /// Binds the listeners. Nothing is accepted before [`Proxy::serve`].
    ///
    /// # Errors
    /// When a port is taken.
    pub fn bind(
        settings: &Settings,
        up: watch::Receiver<bool>,
        rules: &Rules,
        udp: UdpWay,
    ) -> Result<Self, ProxyError> {
        let port = settings.proxy.port;
        let failed = |source| ProxyError::Port { port, source };
        let mut listeners = vec![(listen(port, false).map_err(failed)?, Intake::Proxy)];
        if let Some(intake) = intake(settings) {
            // Any free port will do: only nftables has to know it.
            let listener = listen(0, intake == Intake::Tproxy).map_err(ProxyError::Intercept)?;
            listeners.push((listener, intake));
        }
        Ok(Self {
            server: Server::new(connector(settings, up, rules), options(settings, udp)),
            listeners,
        })
    }

    /// Where intercepted connections have to arrive.
    pub fn intercept_port(&self) -> Option<u16> {
        let (listener, _) = self
            .listeners
            .iter()
            .find(|(_, intake)| *intake != Intake::Proxy)?;
        Some(listener.local_addr().ok()?.port())
    }

    /// The server, for its list of connections.
    pub fn server(&self) -> Server {
        self.server.clone()
    }

    /// Serves until `stop` says so, then drains and takes leave of the hub.
    pub async fn serve(self, stop: watch::Receiver<bool>) {
        let serving = self.listeners.into_iter().map(|(listener, intake)| {
            let (server, mut stop) = (self.server.clone(), stop.clone());
            async move {
                // A sender that is gone means stop, too.
                let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
                server.serve(listener, intake, stopped).await
            }
        });
        futures_util::future::join_all(serving).await;
        if let Some(hub) = self.server.hub() {
            hub.close().await;
        }
    }
}

fn intake(settings: &Settings) -> Option<Intake> {
    let host = settings.host.as_ref()?;
    match (host.capture, host.intercept) {
        (Capture::Proxy, _) => None,
        (Capture::All, Intercept::Redirect) => Some(Intake::Redirect),
        (Capture::All, Intercept::Tproxy) => Some(Intake::Tproxy),
    }
}

/// On all addresses of both families: the nftables table keeps the uplinks out, also while addresses
/// come and go.
fn listen(port: u16, transparent: bool) -> std::io::Result<TcpListener> {
    let options = ListenOptions {
        transparent,
        only_v6: false,
        ..ListenOptions::default()
    };
    let on = |all: IpAddr| mptcp::listen(Transport::Tcp, SocketAddr::from((all, port)), &options);
    let listening = match on(Ipv6Addr::UNSPECIFIED.into()) {
        // A kernel booted with ipv6.disable=1.
        Err(error) if error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error()) => {
            on(Ipv4Addr::UNSPECIFIED.into())
        }
        listening => listening,
    };
    let listener = listening?.listener;
    // Connections inherit it. Refused: it works with more, too.
    if let Err(error) = set_socket_recv_buffer_size_force(&listener, CLIENT_BUFFER / 2) {
        tracing::debug!("the listeners' receive buffer can't be set: {error}");
    }
    TcpListener::from_std(listener)
}

/// Has new connections of a running server go by `new`. Those that are open or being opened go on as
/// they began, over the former hub if that is another one.
pub fn change(
    server: &Server,
    former: &Settings,
    new: &Settings,
    up: watch::Receiver<bool>,
    rules: &Rules,
) {
    rules.set(&new.traffic);
    server.set_users(users(new));
    if new.out == former.out && new.bypass == former.bypass {
        return;
    }
    let connector = server.connector();
    let way = |settings: &Settings| {
        let out = &settings.out;
        (out.hub.clone(), out.connect_timeout, out.wait_for_uplink)
    };
    let same_way = way(new) == way(former);
    let route = match same_way {
        true => connector.route().clone(),
        false => route(new, &up),
    };
    server.set_connector(Connector::new(route, connector_options(new, up, rules)));
    if !same_way && let Some(hub) = connector.hub() {
        hub.retire();
    }
}

fn connector(settings: &Settings, up: watch::Receiver<bool>, rules: &Rules) -> Connector {
    let route = route(settings, &up);
    Connector::new(route, connector_options(settings, up, rules))
}

fn connector_options(
    settings: &Settings,
    up: watch::Receiver<bool>,
    rules: &Rules,
) -> ConnectorOptions {
    ConnectorOptions {
        timeout: settings.out.connect_timeout,
        bypass: bypass(settings),
        policy: Some(rules.policy()),
        uplink: Some(gate(settings, &up)),
        ..ConnectorOptions::default()
    }
}

fn route(settings: &Settings, up: &watch::Receiver<bool>) -> Route {
    let hubs = match &settings.out.hub {
        Hub::None => return Route::Direct(Transport::Mptcp),
        Hub::Manypath(link) => return Route::Hub(pool(settings, link, up)),
        Hub::Socks5(chain) => chain,
    };
    let mut hops = hubs.iter().map(|hub| Hop {
        proxy: hub.destination.clone(),
        credentials: hub.credentials.as_ref().map(Into::into),
    });
    match hops.next() {
        None => Route::Direct(Transport::Mptcp),
        Some(first) => Route::Chain(Chain::new(first, hops.collect())),
    }
}

fn pool(settings: &Settings, link: &HubLink, up: &watch::Receiver<bool>) -> HubPool {
    let options = PoolOptions {
        connect_timeout: settings.out.connect_timeout,
        uplink: Some(gate(settings, up)),
        ..PoolOptions::default()
    };
    HubPool::new(hub_address(link), options)
}

/// The hub that a link is for.
pub(crate) fn hub_address(link: &HubLink) -> HubAddress {
    HubAddress {
        destination: link.destination.clone(),
        also: link.also,
        config: tls::EdgeConfig::new(&link.pin, &link.secret),
    }
}

fn gate(settings: &Settings, up: &watch::Receiver<bool>) -> UplinkGate {
    UplinkGate {
        up: up.clone(),
        wait: settings.out.wait_for_uplink,
    }
}

fn bypass(settings: &Settings) -> Bypass {
    let networks = settings.bypass.networks.iter().map(|net| BypassRule {
        net: Some(*net),
        ports: 0..=u16::MAX,
    });
    let ports = settings.bypass.ports.iter().map(|ports| BypassRule {
        net: None,
        ports: ports.first()..=ports.last(),
    });
    networks.chain(ports).collect()
}

fn options(settings: &Settings, udp: UdpWay) -> ServerOptions {
    ServerOptions {
        users: users(settings),
        idle_timeout: settings.out.idle_timeout.duration(),
        datagrams: Some(Arc::new(udp)),
        ..ServerOptions::default()
    }
}

/// `None`: everyone who can reach the proxy.
fn users(settings: &Settings) -> Option<Users> {
    let users: Vec<wire::Credentials> = settings.proxy.users.iter().map(Into::into).collect();
    (!users.is_empty()).then(|| Users::from_iter(users))
}

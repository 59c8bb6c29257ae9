//! Opening the onward connection.

mod bypass;
mod chain;
mod direct;
mod error;
mod lookups;
mod policy;
mod trouble;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mptcp::Transport;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use wire::hub::is_resolver;
use wire::{Destination, DomainName, Host};

use crate::copy::Leg;
use crate::stream::LegStream;
use crate::warm::{First, HubPool, Lease};

pub use bypass::{Bypass, BypassRule};
pub use chain::{Chain, Hop};
pub(crate) use direct::Direct;
pub use error::{ConnectError, with_causes};
pub(crate) use lookups::Lookups;
use policy::by_uplink;
pub use policy::{Policy, Way};
pub(crate) use trouble::Trouble;

/// Opens connections to destinations, along one [`Route`].
#[derive(Debug)]
pub struct Connector {
    route: Route,
    options: ConnectorOptions,
    lookups: Lookups,
    trouble: Trouble,
}

/// The way to a destination.
#[derive(Clone, Debug)]
pub enum Route {
    /// Straight to it. A name is resolved here; of several addresses the first to answer is taken.
    Direct(Transport),
    /// Through SOCKS5 proxies. A name is passed on as it is.
    Chain(Chain),
    /// Through a hub. A name is passed on as it is.
    Hub(HubPool),
}

/// What a [`Connector`] heeds besides its route.
#[derive(Debug)]
pub struct ConnectorOptions {
    /// How long a connection may take to open, name resolution and proxies' handshakes included, the
    /// wait for an uplink not. A [`HubPool`] has its own.
    pub timeout: Duration,
    /// Destinations that go out directly over plain TCP.
    pub bypass: Bypass,
    /// Says of each connection that is not bypassed which way it goes; all go along the route, without.
    pub policy: Option<Arc<dyn Policy>>,
    /// Asked about every address before it is connected to, bypassed ones too; not about the proxies
    /// of a chain or the hub.
    pub filter: Option<Arc<dyn AddressFilter>>,
    /// Gives the name servers that [`wire::hub::resolver`] stands for. They may be connected to for that
    /// whatever the filter says. Without, it is a name like any other.
    pub name_servers: Option<fn() -> Vec<IpAddr>>,
    /// Makes connections wait while no uplink is up, but for bypassed ones.
    pub uplink: Option<UplinkGate>,
    /// How many names of destinations are looked up at once. A slow name takes a thread of the
    /// process' for as long as the name servers are silent.
    pub lookups: usize,
}

/// Decides which addresses may be connected to.
pub trait AddressFilter: std::fmt::Debug + Send + Sync {
    /// Whether a connection to `ip` may be made. It is the very address that will be connected to,
    /// after name resolution, and never an IPv4-mapped IPv6 address.
    fn allows(&self, ip: IpAddr, port: u16) -> bool;
}

/// Whether there is a way out at all.
#[derive(Clone, Debug)]
pub struct UplinkGate {
    /// True while at least one uplink is up.
    pub up: watch::Receiver<bool>,
    /// How long a connection waits for one.
    pub wait: Duration,
}

/// An open onward connection.
#[derive(Debug)]
pub struct Onward {
    /// The connection, and what the peer has sent already.
    pub leg: Leg,
    /// The address the destination sees, as far as it is known: our own end, or what the last proxy
    /// of a chain, or the hub, says.
    pub bound: SocketAddr,
    /// How many bytes of the client's have been read and passed on already.
    pub sent: usize,
    /// Brings a connection to the hub back to where it came from.
    pub(crate) lease: Option<Lease>,
}

impl Default for ConnectorOptions {
    fn default() -> Self {
        Self {
            timeout: DEFAULT_TIMEOUT,
            bypass: Bypass::default(),
            policy: None,
            filter: None,
            name_servers: None,
            uplink: None,
            // Half of tokio's threads for blocking work.
            lookups: 256,
        }
    }
}

impl Connector {
    /// A connector along `route`.
    pub fn new(route: Route, options: ConnectorOptions) -> Self {
        Self {
            route,
            lookups: Lookups::new(options.lookups),
            options,
            trouble: Trouble::default(),
        }
    }

    /// Connects to `destination`.
    ///
    /// # Errors
    /// Each with the destination or the proxy that failed.
    pub async fn connect(&self, destination: &Destination) -> Result<Onward, ConnectError> {
        self.connect_by(destination, None, First::default()).await
    }

    /// Connects to `destination` for somebody who will say `bytes` first. They are passed on ahead where
    /// that saves a round trip; [`Onward::sent`] says how many were, and the others are left to the caller. It
    /// is our own connection, of which no policy is asked.
    ///
    /// # Errors
    /// As [`Self::connect`]. Nobody knows then whether the destination has heard them.
    pub async fn connect_saying(
        &self,
        destination: &Destination,
        bytes: &[u8],
    ) -> Result<Onward, ConnectError> {
        let first = First::said(bytes);
        self.connect_along(&self.route, destination, first).await
    }

    /// Connects to `destination` for a client that does not wait for it: what it sends meanwhile may be
    /// read from it and passed on ahead. `said` it has sent already, and calls the destination by `name`, if
    /// that is known. [`Onward::sent`] says how much was passed on; what is left of `said` is left to the caller.
    ///
    /// # Errors
    /// As [`Self::connect`]. What was read is lost then.
    pub async fn connect_ahead(
        &self,
        destination: &Destination,
        name: Option<&DomainName>,
        said: &[u8],
        client: &TcpStream,
    ) -> Result<Onward, ConnectError> {
        let first = First::of(client, said);
        self.connect_by(destination, name, first).await
    }

    /// Whether it matters what a client calls `address`.
    pub fn wants_name(&self, address: SocketAddr) -> bool {
        let policy = self.options.policy.as_deref();
        policy.is_some_and(|policy| policy.wants_name(address))
            && !self.options.bypass.matches(&address.into())
    }

    async fn connect_by(
        &self,
        destination: &Destination,
        name: Option<&DomainName>,
        first: First<'_>,
    ) -> Result<Onward, ConnectError> {
        let is_bypassed = self.options.bypass.matches(destination);
        let policy = self.options.policy.as_deref().filter(|_| !is_bypassed);
        let way = policy.map_or(Way::Usual, |policy| policy.decide(destination, name));
        match way {
            Way::Usual => self.connect_along(&self.route, destination, first).await,
            Way::ByName(name) => {
                let named = Destination {
                    host: Host::Name(name),
                    port: destination.port,
                };
                self.connect_along(&self.route, &named, first).await
            }
            Way::Straight => {
                let straight = Route::Direct(Transport::Mptcp);
                self.connect_along(&straight, destination, first).await
            }
            Way::Uplink { name, from } => {
                let direct = Direct {
                    from: by_uplink(destination, name, from)?,
                    ..self.direct(Transport::Tcp)
                };
                self.in_time(destination, direct.connect(destination)).await
            }
            Way::Refused { rule } => Err(ConnectError::Blocked {
                destination: destination.clone(),
                rule,
            }),
        }
    }

    fn direct(&self, transport: Transport) -> Direct<'_> {
        Direct {
            transport,
            filter: self.options.filter.as_deref(),
            from: vec![mptcp::ConnectOptions::default()],
            lookups: self.lookups.clone(),
        }
    }

    async fn connect_along(
        &self,
        route: &Route,
        destination: &Destination,
        first: First<'_>,
    ) -> Result<Onward, ConnectError> {
        if self.options.bypass.matches(destination) {
            return self
                .in_time(
                    destination,
                    self.direct(Transport::Tcp).connect(destination),
                )
                .await;
        }
        self.wait_for_uplink(destination).await?;
        if let Some(name_servers) = self.options.name_servers
            && is_resolver(destination)
        {
            let plain = self.direct(Transport::Tcp);
            let connecting = plain.connect_to(destination, name_servers());
            return self.in_time(destination, connecting).await;
        }
        match route {
            Route::Direct(transport) => {
                self.in_time(destination, self.direct(*transport).connect(destination))
                    .await
            }
            Route::Chain(chain) => {
                let result = self.in_time(destination, chain.connect(destination)).await;
                self.trouble.heed(&result);
                result
            }
            Route::Hub(pool) => pool.open_with(destination, first).await,
        }
    }

    /// The addresses that `destination` stands for and that may be connected to, at least one.
    ///
    /// # Errors
    /// When the name has none, or none that is allowed.
    pub async fn addresses(
        &self,
        destination: &Destination,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        let direct = self.direct(Transport::Tcp);
        self.in_time(destination, direct.addresses(destination))
            .await
    }

    /// Whether the filter lets connections to this address be made.
    pub fn allows(&self, address: SocketAddr) -> bool {
        let filter = self.options.filter.as_deref();
        filter.is_none_or(|it| it.allows(address.ip().to_canonical(), address.port()))
    }

    /// The way to destinations.
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// Why the hub or the proxies of the chain can't be used, if the last connection failed for that.
    pub fn trouble(&self) -> Option<String> {
        match &self.route {
            Route::Hub(pool) => pool.trouble(),
            _ => self.trouble.get(),
        }
    }

    /// The connections to the hub, if that is the way.
    pub fn hub(&self) -> Option<&HubPool> {
        match &self.route {
            Route::Hub(pool) => Some(pool),
            _ => None,
        }
    }

    async fn in_time<T>(
        &self,
        destination: &Destination,
        connect: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        let after = self.options.timeout;
        tokio::time::timeout(after, connect)
            .await
            .unwrap_or_else(|_| {
                Err(ConnectError::Timeout {
                    destination: destination.clone(),
                    after,
                })
            })
    }

    async fn wait_for_uplink(&self, destination: &Destination) -> Result<(), ConnectError> {
        let Some(gate) = &self.options.uplink else {
            return Ok(());
        };
        let mut up = gate.up.clone();
        let opened = tokio::time::timeout(gate.wait, up.wait_for(|up| *up)).await;
        match opened {
            Ok(Ok(_)) => Ok(()),
            // Nobody is left who could open the gate.
            Ok(Err(_)) | Err(_) => Err(ConnectError::NoUplink {
                destination: destination.clone(),
                waited: gate.wait,
            }),
        }
    }
}

impl Onward {
    /// The connection as a stream. One to a hub goes back to its pool when it is dropped.
    pub fn into_stream(self) -> impl AsyncRead + AsyncWrite + Send + Unpin {
        LegStream::onward(self, Arc::default())
    }

    fn new(stream: TcpStream, early: Bytes, bound: SocketAddr) -> Self {
        Self {
            leg: Leg::Plain {
                stream: Arc::new(stream),
                early,
            },
            bound,
            sent: 0,
            lease: None,
        }
    }
}

/// Windows' own connect gives up after 21 s, and a program there should hear why from us first.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

//! Taking connections in.

mod accept;
mod associate;
mod http;
mod hub;
mod intercept;
mod opening;
mod proxy;
mod session;
mod socks4;
mod socks5;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub use hub::{HubConnections, HubIntake, HubOptions};

use crate::resume::Resume;
use crate::{BufferPool, Connector, DatagramWay, HubPool, Refusals, Registry, Users};

/// Takes connections in from any number of listeners and relays them. Clones are the same server.
#[derive(Clone, Debug)]
pub struct Server(Arc<Shared>);

/// How a [`Server`] behaves.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// What is spoken on [`Intake::Proxy`] listeners.
    pub protocols: Protocols,
    /// Who may use them; anyone, without. SOCKS4 has no passwords, so it is refused with users set.
    /// See [`Server::set_users`].
    pub users: Option<Users>,
    /// How long a client may take from its connection to its complete request; with HTTP, from the
    /// first byte on once more. A kept-alive HTTP connection may be idle between two requests for as
    /// long.
    pub handshake_timeout: Duration,
    /// Ends connections on which nothing moved for so long; never, without.
    pub idle_timeout: Option<Duration>,
    /// How many connections are taken at once. The others wait in the kernel's accept queue.
    pub max_connections: Option<usize>,
    /// Whether the log may say where connections go; see [`Server::set_log_destinations`].
    pub log_destinations: bool,
    /// How long [`Server::serve`] lets running connections go on after its shutdown.
    pub drain: Duration,
    /// How datagrams of SOCKS5 clients leave; without, none do.
    pub datagrams: Option<Arc<dyn DatagramWay>>,
}

/// Proxy protocols that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocols {
    /// SOCKS 4 and 4a.
    pub socks4: bool,
    /// SOCKS 5.
    pub socks5: bool,
    /// HTTP: CONNECT and plain requests.
    pub http: bool,
}

/// How the connections of a listener are to be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intake {
    /// The client speaks a proxy protocol: see [`ServerOptions::protocols`].
    Proxy,
    /// The client knows nothing of us: nftables redirected the connection, and the kernel's
    /// connection tracking knows where it was to go.
    Redirect,
    /// The client knows nothing of us: TPROXY handed the connection over, and its local address is
    /// where it was to go. The listener must have been opened as transparent.
    Tproxy,
    /// The client is an edge, which speaks the hub protocol.
    Hub(HubIntake),
}

/// How connections ended after a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Came to their own end in time.
    pub finished: usize,
    /// Were reset when the time was over.
    pub aborted: usize,
}

#[derive(Debug)]
struct Shared {
    /// May be replaced: see [`Shared::connector`].
    connector: RwLock<Arc<Connector>>,
    /// Likewise: see [`Shared::users`].
    users: RwLock<Option<Arc<Users>>>,
    options: ServerOptions,
    registry: Registry,
    resume: Resume,
    pool: BufferPool,
    refusals: Refusals,
    log_destinations: AtomicBool,
    /// One permit for each connection that may be taken; without, there is no limit.
    slots: Option<Arc<Semaphore>>,
}

impl Server {
    /// A server that connects through `connector`.
    pub fn new(connector: Connector, mut options: ServerOptions) -> Self {
        Self(Arc::new(Shared {
            connector: RwLock::new(Arc::new(connector)),
            users: RwLock::new(options.users.take().map(Arc::new)),
            registry: Registry::default(),
            resume: Resume::default(),
            pool: BufferPool::default(),
            refusals: Refusals::default(),
            log_destinations: options.log_destinations.into(),
            slots: options
                .max_connections
                .map(|most| Arc::new(Semaphore::new(most))),
            options,
        }))
    }

    /// Has connections go on that have a subflow again after they had none. Works for as long as it is
    /// polled; needs CAP_NET_ADMIN.
    pub async fn resume(&self) {
        self.0.resume.run().await;
    }

    /// The live connections of all listeners.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Why the hub or the proxies that it connects through can't be used, see [`Connector::trouble`].
    pub fn trouble(&self) -> Option<String> {
        self.0.connector().trouble()
    }

    /// What new connections go by.
    pub fn connector(&self) -> Arc<Connector> {
        self.0.connector()
    }

    /// Has new connections go by another connector. Those that are open or being opened stay with the
    /// one that they have.
    pub fn set_connector(&self, connector: Connector) {
        *write(&self.0.connector) = Arc::new(connector);
    }

    /// Replaces who may use [`Intake::Proxy`] listeners. Who is connected stays so; to end what a user
    /// has, see [`Account::remove`](crate::Account::remove).
    pub fn set_users(&self, users: Option<Users>) {
        *write(&self.0.users) = users.map(Arc::new);
    }

    /// What was refused so far.
    pub fn refusals(&self) -> &Refusals {
        &self.0.refusals
    }

    /// Says from now on whether the log may say where connections go. If so, it has a line for each
    /// connection (level info).
    pub fn set_log_destinations(&self, log: bool) {
        self.0.log_destinations.store(log, Ordering::Relaxed);
    }

    /// The connections to the hub, if it connects through one.
    pub fn hub(&self) -> Option<HubPool> {
        self.0.connector().hub().cloned()
    }

    /// The relay's buffers.
    pub fn pool(&self) -> &BufferPool {
        &self.0.pool
    }

    /// Serves `listener` until `shutdown` is done: then closes it at once, lets the connections go on
    /// for [`ServerOptions::drain`], and resets those that are left. Dropping the future resets them
    /// at once.
    pub async fn serve(
        &self,
        listener: TcpListener,
        intake: Intake,
        shutdown: impl Future<Output = ()>,
    ) -> Drained {
        accept::serve(&self.0, listener, intake, shutdown).await
    }
}

impl Shared {
    /// For one connection, which stays with it.
    fn connector(&self) -> Arc<Connector> {
        let connector = self.connector.read();
        Arc::clone(&connector.unwrap_or_else(PoisonError::into_inner))
    }

    /// Who may use the proxy at this moment.
    fn users(&self) -> Option<Arc<Users>> {
        let users = self.users.read();
        users.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn logs_destinations(&self) -> bool {
        self.log_destinations.load(Ordering::Relaxed)
    }
}

/// A panic elsewhere leaves what is only ever replaced as a whole.
fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            protocols: Protocols::ALL,
            users: None,
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: None,
            max_connections: None,
            log_destinations: true,
            drain: Duration::from_secs(5),
            datagrams: None,
        }
    }
}

impl Protocols {
    /// Everything, as the edge does.
    pub const ALL: Self = Self {
        socks4: true,
        socks5: true,
        http: true,
    };
    /// SOCKS5 alone, as the hub does.
    pub const SOCKS5: Self = Self {
        socks4: false,
        socks5: true,
        http: false,
    };
}

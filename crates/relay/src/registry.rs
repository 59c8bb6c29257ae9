//! The connections that live at this moment.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::net::TcpStream;
use wire::Destination;

use crate::{Account, ClientAddr};

/// The list of live connections. Clones share it.
#[derive(Clone, Default)]
pub struct Registry(Arc<List>);

/// Number of a connection, unique while the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ConnectionId(u64);

/// How a connection came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// SOCKS 4 or 4a.
    Socks4,
    /// SOCKS 5.
    Socks5,
    /// HTTP CONNECT, or a plain request to a proxy.
    Http,
    /// Redirected to us by nftables.
    Redirect,
    /// Handed to us by TPROXY.
    Tproxy,
    /// By an edge, with the hub protocol.
    Hub,
}

/// What is known about a live connection.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionStatus {
    /// Its number.
    pub id: ConnectionId,
    /// How it came in.
    pub kind: Kind,
    /// Whose it is; `None` where nobody has to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Where it comes from.
    pub client: ClientAddr,
    /// Where it goes, as `host:port`.
    pub destination: String,
    /// When the onward connection was open, in milliseconds since 1970.
    pub since_unix_ms: u64,
    /// Bytes from the client to the destination.
    pub up: u64,
    /// Bytes from the destination to the client.
    pub down: u64,
    /// The onward socket as the kernel sees it; `None` when it has just been closed.
    pub onward: Option<mptcp::ConnectionInfo>,
}

/// Byte counters of one connection: written by the one that moves the bytes, read by anyone.
#[derive(Debug, Default)]
pub struct Traffic {
    up: AtomicU64,
    down: AtomicU64,
    /// Who is charged with it.
    account: Option<Arc<Account>>,
}

/// A connection's place in the list, until dropped.
#[derive(Debug)]
pub(crate) struct Entry {
    list: Weak<List>,
    id: ConnectionId,
    traffic: Arc<Traffic>,
}

#[derive(Default)]
struct List {
    last_id: AtomicU64,
    live: Mutex<BTreeMap<ConnectionId, Live>>,
}

#[derive(Clone)]
struct Live {
    kind: Kind,
    client: ClientAddr,
    destination: Destination,
    since: SystemTime,
    traffic: Arc<Traffic>,
    onward: Weak<TcpStream>,
    /// What [`Registry::busy`] saw last.
    seen: u64,
}

impl Registry {
    /// Everything about every live connection, oldest first. Costs a few system calls for each.
    pub fn snapshot(&self) -> Vec<ConnectionStatus> {
        // Copied, so that connections need not wait for the system calls.
        let live: Vec<_> = self
            .0
            .live()
            .iter()
            .map(|(id, live)| (*id, live.clone()))
            .collect();
        live.into_iter().map(|(id, live)| live.status(id)).collect()
    }

    /// The onward sockets of connections that have moved bytes since the last call, at most so many.
    /// Meant for one caller: what it was told it is not told again.
    pub fn busy(&self, most: usize) -> Vec<Weak<TcpStream>> {
        let mut busy = Vec::new();
        for live in self.0.live().values_mut() {
            let moved = live.traffic.up() + live.traffic.down();
            if std::mem::replace(&mut live.seen, moved) != moved && busy.len() < most {
                busy.push(Weak::clone(&live.onward));
            }
        }
        busy
    }

    /// How many connections live.
    pub fn len(&self) -> usize {
        self.0.live().len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A number that no other connection has.
    pub(crate) fn next_id(&self) -> ConnectionId {
        ConnectionId(self.0.last_id.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(crate) fn add(
        &self,
        kind: Kind,
        client: ClientAddr,
        destination: &Destination,
        onward: &Arc<TcpStream>,
    ) -> Entry {
        self.add_for(None, kind, client, destination, onward)
    }

    /// The same for a connection that `account` is charged with.
    pub(crate) fn add_for(
        &self,
        account: Option<Arc<Account>>,
        kind: Kind,
        client: ClientAddr,
        destination: &Destination,
        onward: &Arc<TcpStream>,
    ) -> Entry {
        let id = self.next_id();
        if let Some(account) = &account {
            account.count_connection();
        }
        let traffic = Arc::new(Traffic {
            account,
            ..Traffic::default()
        });
        let live = Live {
            kind,
            client,
            destination: destination.clone(),
            since: SystemTime::now(),
            traffic: Arc::clone(&traffic),
            onward: Arc::downgrade(onward),
            seen: 0,
        };
        self.0.live().insert(id, live);
        Entry {
            list: Arc::downgrade(&self.0),
            id,
            traffic,
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({} connections)", self.len())
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl List {
    /// A panic elsewhere leaves the map whole: it is only inserted to and removed from.
    fn live(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn status(self, id: ConnectionId) -> ConnectionStatus {
        let since = self.since.duration_since(UNIX_EPOCH).unwrap_or_default();
        let onward = self.onward.upgrade();
        let user = self.traffic.account.as_ref();
        ConnectionStatus {
            id,
            kind: self.kind,
            user: user.map(|account| account.name().to_string()),
            client: self.client,
            destination: self.destination.to_string(),
            since_unix_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            up: self.traffic.up(),
            down: self.traffic.down(),
            onward: onward.and_then(|stream| mptcp::connection_info(&*stream).ok()),
        }
    }
}

impl Traffic {
    /// Bytes from the client to the destination so far.
    pub fn up(&self) -> u64 {
        self.up.load(Ordering::Relaxed)
    }

    /// Bytes from the destination to the client so far.
    pub fn down(&self) -> u64 {
        self.down.load(Ordering::Relaxed)
    }

    pub(crate) fn add_up(&self, bytes: usize) {
        self.up.fetch_add(bytes as u64, Ordering::Relaxed);
        if let Some(account) = &self.account {
            account.add_up(bytes as u64);
        }
    }

    pub(crate) fn add_down(&self, bytes: usize) {
        self.down.fetch_add(bytes as u64, Ordering::Relaxed);
        if let Some(account) = &self.account {
            account.add_down(bytes as u64);
        }
    }
}

impl Entry {
    pub(crate) fn id(&self) -> ConnectionId {
        self.id
    }

    pub(crate) fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(list) = self.list.upgrade() {
            list.live().remove(&self.id);
        }
    }
}

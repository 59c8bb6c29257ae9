//! Connections of edges, by the hub protocol.
//!
//! A connection first waits in the [`Room`] until it is known whose it is. Then it carries one user
//! connection after the other, and waits for the next one in between. Most connections wait most of
//! the time, so what the other phases need is allocated for as long as they last.

mod admission;
mod connection;
mod open;
mod refusal;
mod room;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Shared;
use crate::{Accounts, ClientAddr, ConnectionId, SecureStream, socket};
use admission::{Admitted, NotAdmitted};
use connection::Connection;
pub(super) use refusal::cause_of;
use room::Room;

/// Takes connections of edges in. Clones are the same intake.
#[derive(Clone)]
pub struct HubIntake(Arc<Hub>);

/// How long those who are about to say who they are may go on with that when the hub stops: a
/// handshake takes three round trips, and who has come so far is told why it gets no further.
const LAST_HANDSHAKES: Duration = Duration::from_secs(3);

/// How long it may take to tell an edge why it is refused.
const FAREWELL: Duration = Duration::from_secs(2);

/// How a [`HubIntake`] behaves.
#[derive(Clone, Debug)]
pub struct HubOptions {
    /// What edges are told of this program: its name and version, at most 64 bytes.
    pub software: String,
    /// How long an edge may take to say who it is, from its connection on.
    pub handshake_timeout: Duration,
    /// How long an edge's connection may wait for a user connection without a sign of life.
    pub idle_timeout: Duration,
    /// How many connections there may be of which nobody knows whose they are. Beyond that the
    /// oldest has to go for a new one.
    pub max_handshakes: usize,
}

/// How many connections of edges there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HubConnections {
    /// Nobody knows yet whose they are.
    pub handshaking: usize,
    /// Ready for a user connection.
    pub idle: usize,
    /// Carrying, or opening, a user connection.
    pub open: usize,
}

struct Hub {
    config: tls::HubConfig,
    accounts: Arc<dyn Accounts>,
    options: HubOptions,
    room: Arc<Room>,
    admitted: AtomicUsize,
    open: AtomicUsize,
}

/// An edge's connection as the log and the others know it.
#[derive(Clone)]
struct Peer {
    id: ConnectionId,
    client: ClientAddr,
}

impl HubIntake {
    /// For a hub with this key, whose users are `accounts`.
    pub fn new(config: tls::HubConfig, accounts: Arc<dyn Accounts>, options: HubOptions) -> Self {
        Self(Arc::new(Hub {
            config,
            accounts,
            room: Arc::new(Room::new(options.max_handshakes)),
            options,
            admitted: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
        }))
    }

    /// How many connections there are now.
    pub fn connections(&self) -> HubConnections {
        let open = self.0.open.load(Ordering::Relaxed);
        HubConnections {
            handshaking: self.0.room.len(),
            idle: self.0.admitted.load(Ordering::Relaxed).saturating_sub(open),
            open,
        }
    }
}

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            software: concat!("manypath ", env!("CARGO_PKG_VERSION")).to_owned(),
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(600),
            max_handshakes: 4096,
        }
    }
}

impl PartialEq for HubIntake {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for HubIntake {}

impl fmt::Debug for HubIntake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HubIntake({:?})", self.connections())
    }
}

/// Serves an edge's connection to its end.
pub(super) async fn serve(
    shared: Arc<Shared>,
    HubIntake(hub): HubIntake,
    stream: TcpStream,
    draining: watch::Receiver<bool>,
) {
    socket::prepare(&stream);
    let Ok(client) = stream.peer_addr() else {
        // It is gone already.
        return;
    };
    let peer = Peer {
        id: shared.registry.next_id(),
        client: client.into(),
    };
    if let Some((stream, admitted)) = admit(&shared, &hub, &peer, stream, draining.clone()).await {
        let _resumed = shared.resume.follow(stream.tcp());
        let connection = Connection::new(shared, hub, peer, admitted, draining);
        connection.run(stream).await;
    }
}

/// Finds out whose the connection is. Whoever is none of the hub's users is counted, then told.
async fn admit(
    shared: &Shared,
    hub: &Arc<Hub>,
    peer: &Peer,
    stream: TcpStream,
    draining: watch::Receiver<bool>,
) -> Option<(Box<SecureStream>, Admitted)> {
    let mut seat = hub.room.enter(peer.client.socket_addr().ip());
    let time = hub.options.handshake_timeout;
    // On the heap, so that it takes no memory afterwards.
    let admission = Box::pin(timeout(time, admission::admit(hub, stream, &draining)));
    let turned_down = tokio::select! {
        result = admission => match result {
            Ok(Ok(admitted)) => return Some(admitted),
            Ok(Err(turned_down)) => turned_down,
            Err(_elapsed) => NotAdmitted::Late.into(),
        },
        () = seat.turned_out() => NotAdmitted::Crowded.into(),
        () = long_draining(draining.clone()) => NotAdmitted::Stopping.into(),
    };
    turned_down.reason.report(&shared.refusals, peer);
    if let Some(farewell) = turned_down.farewell() {
        // It still takes its place in the room.
        tokio::select! {
            _said_or_not = timeout(FAREWELL, farewell) => {}
            () = seat.turned_out() => {}
        }
    }
    None
}

async fn long_draining(mut draining: watch::Receiver<bool>) {
    // A sender that is gone means stop, too.
    drop(draining.wait_for(|draining| *draining).await);
    tokio::time::sleep(LAST_HANDSHAKES).await;
}

/// Counts something for as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(counter: &'a AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;

//! The edge's end: flows, and the connections that they go by.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn::Connection;
use relay::HubAddress;
use serde::Serialize;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use wire::Destination;
use wire::hub::datagram::{Content, DatagramError, FlowId, Order, SessionId};

use crate::choice::Standing;
use crate::incoming::{self, Receiver};
use crate::link;
use crate::links::{LinkStatus, Links};
use crate::outgoing::Outgoing;
use crate::parts::Parts;
use crate::quic::Close;
use crate::seen::Seen;
use crate::session::lock;

/// How many datagrams may wait for a program; the others are dropped.
const QUEUE: usize = 256;

/// How often connections are looked at while datagrams move, and while none do.
const WHILE_BUSY: Duration = Duration::from_millis(10);
const WHILE_QUIET: Duration = Duration::from_millis(500);

/// Datagrams to the hub, over the uplinks. Clones are the same; the last one ends it.
#[derive(Clone, Debug)]
pub struct Tunnel {
    shared: Arc<Shared>,
    _driver: Arc<Running>,
}

/// Where the hub is, and how it is used.
#[derive(Clone, Debug)]
pub struct Hub {
    /// Its address, for UDP as for TCP.
    pub address: HubAddress,
    /// Small, steady flows go over two uplinks at once.
    pub duplicate: bool,
}

/// A way to the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    /// Tells it from others.
    pub id: u32,
    /// What the status calls it.
    pub name: String,
    /// Its own addresses.
    pub addresses: Vec<IpAddr>,
    /// What it is worth now.
    pub standing: Standing,
}

/// What the status says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TunnelStatus {
    /// Whether datagrams go through the hub.
    pub up: bool,
    /// How many flows there are.
    pub flows: usize,
    /// The connections to the hub.
    pub links: Vec<LinkStatus>,
    /// Why it is not up.
    pub trouble: Option<String>,
}

/// What comes from the hub for a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A datagram: who has sent it, and what.
    Datagram(SocketAddr, Bytes),
    /// Nobody listens at this address, which the flow has sent to (ICMP port unreachable).
    Refused(SocketAddr),
}

/// One program's port at the hub, until it is dropped.
#[derive(Debug)]
pub struct Flow {
    shared: Arc<Shared>,
    id: FlowId,
    out: Outgoing,
}

#[derive(Debug)]
pub(crate) struct Shared {
    session: SessionId,
    hub: Hub,
    links: Mutex<Links>,
    flows: Mutex<HashMap<FlowId, Incoming>>,
    parts: Mutex<Parts>,
    next_flow: AtomicU32,
    up: watch::Sender<bool>,
    moves: Notify,
}

#[derive(Debug)]
struct Incoming {
    seen: Seen,
    queue: mpsc::Sender<Received>,
}

/// A task that ends with this.
#[derive(Debug)]
pub(crate) struct Running(pub JoinHandle<()>);

impl Tunnel {
    /// A tunnel without uplinks yet.
    pub fn new(hub: Hub) -> Self {
        let mut session = [0; 16];
        session.fill_with(|| fastrand::u8(..));
        let shared = Arc::new(Shared {
            session: SessionId(session),
            hub,
            links: Mutex::default(),
            flows: Mutex::default(),
            parts: Mutex::default(),
            next_flow: AtomicU32::new(0),
            up: watch::Sender::new(false),
            moves: Notify::new(),
        });
        let driver = Running(tokio::spawn(drive(Arc::downgrade(&shared))));
        Self {
            shared,
            _driver: Arc::new(driver),
        }
    }

    /// Goes by these uplinks from now on.
    pub fn follow(&self, uplinks: Vec<Uplink>) {
        let shared = &self.shared;
        let connect = |uplink: &Uplink| {
            let (tunnel, from) = (Arc::downgrade(shared), uplink.addresses.clone());
            let hub = shared.hub.address.clone();
            Running(tokio::spawn(link::run(
                tunnel,
                uplink.id,
                from,
                hub,
                shared.session,
            )))
        };
        let mut links = lock(&shared.links);
        links.follow(uplinks, connect);
        links.choose(shared.hub.duplicate);
    }

    /// A new flow, and what comes for it.
    pub fn open(&self) -> (Flow, mpsc::Receiver<Received>) {
        let id = FlowId(self.shared.next_flow.fetch_add(1, Ordering::Relaxed));
        let (queue, received) = mpsc::channel(QUEUE);
        let seen = Seen::default();
        lock(&self.shared.flows).insert(id, Incoming { seen, queue });
        let flow = Flow {
            shared: Arc::clone(&self.shared),
            id,
            out: Outgoing::new(id),
        };
        (flow, received)
    }

    /// Whether the hub can be reached. While it can't, flows lose what they send.
    pub fn up(&self) -> watch::Receiver<bool> {
        self.shared.up.subscribe()
    }

    /// At this moment.
    pub fn status(&self) -> TunnelStatus {
        let links = lock(&self.shared.links);
        let up = *self.shared.up.borrow();
        TunnelStatus {
            up,
            flows: lock(&self.shared.flows).len(),
            links: links.status(),
            trouble: links.trouble().filter(|_| !up),
        }
    }
}

impl Flow {
    /// Sends a datagram, or drops it.
    pub fn send(&self, to: &Destination, payload: &[u8]) {
        let content = Content {
            peer: to.clone(),
            payload,
        };
        let ways = lock(&self.shared.links).ways_to_send(Instant::now());
        self.shared.moves.notify_one();
        if let Some(ways) = ways {
            self.out.send(&content.encode(), &ways);
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        lock(&self.shared.flows).remove(&self.id);
    }
}

impl Shared {
    /// Takes what came by one of the connections.
    pub(crate) fn take(&self, packet: &[u8]) -> Result<(), DatagramError> {
        incoming::take(packet, &self.parts, self)
    }

    /// The hub has agreed to a connection.
    pub(crate) fn connected(
        &self,
        id: u32,
        connection: Connection,
        orders: mpsc::UnboundedSender<Order>,
    ) {
        let mut links = lock(&self.links);
        links.connected(id, connection, orders);
        links.choose(self.hub.duplicate);
        self.say(&mut links);
    }

    /// There is none, or none any more.
    pub(crate) fn failed(&self, id: u32, why: String) {
        let mut links = lock(&self.links);
        links.failed(id, why);
        links.choose(self.hub.duplicate);
        self.say(&mut links);
    }

    fn say(&self, links: &mut Links) {
        if let Some(up) = links.turned(Instant::now()) {
            match links.trouble().filter(|_| !up) {
                Some(why) => tracing::warn!(
                    "UDP can't go through the hub and goes straight to its destination: {why}"
                ),
                None => tracing::info!("UDP goes through the hub"),
            }
            self.up.send_replace(up);
        }
    }
}

impl Receiver for Shared {
    fn is_new(&self, flow: FlowId, number: u32) -> bool {
        let mut flows = lock(&self.flows);
        let flow = flows.get_mut(&flow);
        flow.is_some_and(|flow| flow.seen.is_new(number))
    }

    fn pass_on(&self, flow: FlowId, content: &[u8]) -> Result<(), DatagramError> {
        let content = Content::parse(content)?;
        self.moves.notify_one();
        // Who does not read loses the newest; who is gone, all.
        if let (Some(from), Some(flow)) = (content.address(), lock(&self.flows).get(&flow)) {
            let payload = Bytes::copy_from_slice(content.payload);
            let _taken_or_lost = flow.queue.try_send(Received::Datagram(from, payload));
        }
        Ok(())
    }

    fn refuse(&self, flow: FlowId, peer: SocketAddr) -> Result<(), DatagramError> {
        if let Some(flow) = lock(&self.flows).get(&flow) {
            let _taken_or_lost = flow.queue.try_send(Received::Refused(peer));
        }
        Ok(())
    }
}

/// Looks at the connections for as long as the tunnel is there.
async fn drive(tunnel: Weak<Shared>) {
    loop {
        let Some(shared) = tunnel.upgrade() else {
            return;
        };
        let is_busy = {
            let mut links = lock(&shared.links);
            let is_busy = links.look(Instant::now());
            links.choose(shared.hub.duplicate);
            shared.say(&mut links);
            is_busy
        };
        if is_busy {
            drop(shared);
            tokio::time::sleep(WHILE_BUSY).await;
        } else {
            // Whoever drops the tunnel ends this task.
            let _moved = tokio::time::timeout(WHILE_QUIET, shared.moves.notified()).await;
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let links = lock(&self.links);
        for connection in links.connections() {
            connection.close(Close::Done.into(), b"");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

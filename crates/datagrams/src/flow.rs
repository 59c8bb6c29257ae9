//! A flow at the hub: its sockets, and what goes through them.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use relay::{Account, Place};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;
use wire::hub::datagram::{Content, DatagramError, FlowId};
use wire::{Destination, Host};

use crate::IDLE;
use crate::moved::Moved;
use crate::outgoing::Outgoing;
use crate::seen::Seen;
use crate::session::{Links, lock};

/// The same for a flow that has only asked name servers.
const IDLE_DNS: Duration = Duration::from_secs(20);
const DNS: u16 = 53;

/// How many names one flow may use.
const MOST_NAMES: usize = 16;

/// How many datagrams are read in a row before others have their turn.
const IN_A_ROW: usize = 32;

thread_local! {
    static BUFFER: std::cell::RefCell<Vec<u8>> = std::cell::RefCell::new(vec![0; 1 << 16]);
}

/// One flow. Anybody may send to its ports (endpoint-independent filtering, RFC 4787 section 5): calls and games
/// need it.
#[derive(Debug)]
pub struct HubFlow {
    account: Arc<Account>,
    links: Arc<Links>,
    out: Outgoing,
    pub seen: Mutex<Seen>,
    v4: OnceLock<Arc<UdpSocket>>,
    v6: OnceLock<Arc<UdpSocket>>,
    names: Mutex<HashMap<Destination, Option<SocketAddr>>>,
    /// `None` once the flow is closed.
    tasks: Mutex<Option<Vec<AbortHandle>>>,
    moved: Moved,
    only_dns: AtomicBool,
    _place: Place,
}

/// A flow that is open until this is dropped.
#[derive(Debug)]
pub struct Open(pub Arc<HubFlow>);

impl HubFlow {
    pub fn new(id: FlowId, account: Arc<Account>, links: Arc<Links>, place: Place) -> Self {
        account.count_connection();
        Self {
            account,
            links,
            out: Outgoing::new(id),
            seen: Mutex::default(),
            v4: OnceLock::new(),
            v6: OnceLock::new(),
            names: Mutex::default(),
            tasks: Mutex::new(Some(Vec::new())),
            moved: Moved::default(),
            only_dns: AtomicBool::new(true),
            _place: place,
        }
    }

    /// Whether nothing has moved for so long that the port is to be given up.
    pub fn is_idle(&self) -> bool {
        let limit = match self.only_dns.load(Ordering::Relaxed) {
            true => IDLE_DNS,
            false => IDLE,
        };
        self.moved.rest() > limit
    }

    /// Sends a datagram of the user's on.
    ///
    /// # Errors
    /// If it is none.
    pub fn outward(self: &Arc<Self>, content: &[u8]) -> Result<(), DatagramError> {
        let content = Content::parse(content)?;
        match content.address() {
            Some(address) => self.send(address, content.payload),
            None => self.send_to_name(content.peer, content.payload),
        }
        Ok(())
    }

    fn send(self: &Arc<Self>, to: SocketAddr, payload: &[u8]) {
        let terms = self.account.terms();
        if to.port() == 0 || !terms.connector.allows(to) {
            self.account.count_refused();
            return;
        }
        if let Some(rate) = &terms.rates.up
            && !rate.try_take(payload.len())
        {
            return;
        }
        if to.port() != DNS {
            self.only_dns.store(false, Ordering::Relaxed);
        }
        self.moved.now();
        let sent = self.socket(to).and_then(|socket| {
            // Not by tokio, which would first wait to hear that it may.
            let send = || SockRef::from(&*socket).send_to(payload, &to.into());
            // What has come back about an earlier one fails the next one, whomever that is for.
            send().or_else(|_told_of_another| send())
        });
        match sent {
            Ok(bytes) => self.account.add_up(bytes as u64),
            Err(error) => tracing::debug!("a user's datagram can't be sent: {error}"),
        }
    }

    /// The name is looked up once; what comes meanwhile is dropped, as on a network that is slow to start.
    fn send_to_name(self: &Arc<Self>, to: Destination, payload: &[u8]) {
        let mut names = lock(&self.names);
        match names.get(&to) {
            Some(Some(address)) => {
                let address = *address;
                drop(names);
                self.send(address, payload);
            }
            Some(None) => {}
            None if names.len() >= MOST_NAMES => {}
            None => {
                names.insert(to.clone(), None);
                drop(names);
                let (flow, payload) = (Arc::clone(self), payload.to_vec());
                self.keep(tokio::spawn(
                    async move { flow.look_up(to, &payload).await },
                ));
            }
        }
    }

    async fn look_up(self: Arc<Self>, name: Destination, payload: &[u8]) {
        let terms = self.account.terms();
        let found = terms.connector.addresses(&name).await;
        match found.ok().and_then(|found| found.first().copied()) {
            Some(address) => {
                lock(&self.names).insert(name, Some(address));
                self.send(address, payload);
            }
            // It may be there the next time.
            None => {
                self.account.count_refused();
                lock(&self.names).remove(&name);
            }
        }
    }

    /// What somebody has sent to the flow's port goes to the edge.
    fn inward(&self, from: SocketAddr, payload: &[u8]) {
        let rates = &self.account.terms().rates;
        if let Some(rate) = &rates.down
            && !rate.try_take(payload.len())
        {
            return;
        }
        self.moved.now();
        let content = Content {
            peer: Destination {
                host: Host::Ip(from.ip()),
                port: from.port(),
            },
            payload,
        };
        if let Some(ways) = self.links.ways() {
            self.account.add_down(payload.len() as u64);
            self.out.send(&content.encode(), &ways);
        }
    }

    fn socket(self: &Arc<Self>, to: SocketAddr) -> io::Result<Arc<UdpSocket>> {
        let (slot, any): (_, IpAddr) = match to {
            SocketAddr::V4(_) => (&self.v4, Ipv4Addr::UNSPECIFIED.into()),
            SocketAddr::V6(_) => (&self.v6, Ipv6Addr::UNSPECIFIED.into()),
        };
        if let Some(socket) = slot.get() {
            return Ok(Arc::clone(socket));
        }
        let socket = Arc::new(bind(any)?);
        if slot.set(Arc::clone(&socket)).is_ok() {
            let receiving = Arc::clone(self).receive(Arc::clone(&socket));
            self.keep(tokio::spawn(receiving));
            let hearing = Arc::clone(self).hear_refusals(Arc::clone(&socket));
            self.keep(tokio::spawn(hearing));
        }
        Ok(slot.get().cloned().unwrap_or(socket))
    }

    async fn receive(self: Arc<Self>, socket: Arc<UdpSocket>) {
        while socket.readable().await.is_ok() {
            BUFFER.with_borrow_mut(|buffer| {
                for _ in 0..IN_A_ROW {
                    match socket.try_recv_from(buffer) {
                        Ok((length, from)) => self.inward(from, &buffer[..length]),
                        // Or an ICMP error about one of many peers: it says nothing of the others.
                        Err(_) => break,
                    }
                }
            });
            tokio::task::yield_now().await;
        }
    }

    /// Tells the edge of everybody who does not listen.
    async fn hear_refusals(self: Arc<Self>, socket: Arc<UdpSocket>) {
        while let Ok(peer) = tproxy::refused(&socket).await {
            if let Some(ways) = self.links.ways() {
                self.out.refuse(peer, &ways);
            }
        }
    }

    fn keep(&self, task: tokio::task::JoinHandle<()>) {
        match &mut *lock(&self.tasks) {
            Some(tasks) => {
                tasks.retain(|task| !task.is_finished());
                tasks.push(task.abort_handle());
            }
            None => task.abort(),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let tasks = lock(&self.0.tasks).take();
        tasks.into_iter().flatten().for_each(|task| task.abort());
    }
}

fn bind(any: IpAddr) -> io::Result<UdpSocket> {
    let any = SocketAddr::new(any, 0);
    let socket = Socket::new(Domain::for_address(any), Type::DGRAM, Some(Protocol::UDP))?;
    if any.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    tproxy::hear_refusals(socket.as_fd(), Domain::for_address(any))?;
    socket.bind(&any.into())?;
    UdpSocket::from_std(socket.into())
}

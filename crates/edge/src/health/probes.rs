//! Asks the hub over each uplink whether it is there.
//!
//! A question is a PING on a TCP connection of its own that keeps to the uplink; where there is none, or
//! it has a question open, it is an attempt to connect, whose SYN is answered by any host that lives.
//! Where the hub is a chain of SOCKS5 proxies, attempts to connect are all there is.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use mptcp::{ConnectOptions, Transport};
use paths::{PathId, Probed};
use relay::{HubAddress, ProbeLine};
use settings::edge::{Hub, Settings};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use wire::Destination;

use crate::proxy::hub_address;
use crate::uplink::Uplink;

/// An attempt to connect that takes longer is of no use. Before the kernel's second SYN (1 s).
const CONNECT_LIMIT: Duration = Duration::from_millis(900);

/// How long the hub may take to prove who it is.
const SECURE_LIMIT: Duration = Duration::from_secs(5);

/// NATs forget connections on which nothing moves: what has rested for longer may be gone by no fault of
/// the path's.
const STALE: Duration = Duration::from_secs(20);

/// Attempts to connect at one time.
const MOST_ATTEMPTS: usize = 8;

/// How often a name that could not be looked up is tried again, and one that could is looked up anew.
const LOOK_UP_AGAIN: Duration = Duration::from_secs(2);
const LOOK_UP_ANEW: Duration = Duration::from_secs(600);

/// Whom to ask.
#[derive(Debug)]
struct Target {
    destination: Destination,
    /// With what to speak the hub's own protocol, if it does.
    hub: Option<HubAddress>,
}

/// Everyone who asks.
#[derive(Debug)]
pub(super) struct Probes {
    target: Option<Arc<Target>>,
    addresses: watch::Receiver<Vec<SocketAddr>>,
    lookups: Option<Running>,
    /// The addresses of each uplink.
    own: Vec<(PathId, Vec<IpAddr>)>,
    askers: BTreeMap<PathId, Asker>,
    answers: mpsc::UnboundedReceiver<(PathId, Probed)>,
    answer: mpsc::UnboundedSender<(PathId, Probed)>,
}

/// A task that ends with this.
#[derive(Debug)]
pub(super) struct Running(JoinHandle<()>);

/// Who asks over one uplink.
#[derive(Debug)]
struct Asker {
    from: IpAddr,
    to: SocketAddr,
    orders: mpsc::Sender<()>,
    _task: Running,
}

impl Probes {
    pub(super) fn new(settings: &Settings) -> Self {
        let (answer, answers) = mpsc::unbounded_channel();
        let (_, addresses) = watch::channel(Vec::new());
        let mut probes = Self {
            target: None,
            addresses,
            lookups: None,
            own: Vec::new(),
            askers: BTreeMap::new(),
            answers,
            answer,
        };
        probes.set_target(settings);
        probes
    }

    /// Asks the hub of these settings from now on.
    pub(super) fn set_target(&mut self, settings: &Settings) {
        self.askers.clear();
        self.target = target(&settings.out.hub).map(Arc::new);
        let (found, addresses) = watch::channel(Vec::new());
        self.addresses = addresses;
        self.lookups = self.target.as_ref().map(|target| {
            let target = Arc::clone(target);
            Running::spawn(look_up(target, found))
        });
    }

    /// Whether there is anyone to ask.
    pub(super) fn can_ask(&self) -> bool {
        self.target.is_some()
    }

    /// Asks by the addresses that the uplinks have now.
    pub(super) fn follow(&mut self, uplinks: &[Uplink<'_>]) {
        let addresses =
            |uplink: &Uplink<'_>| uplink.ways.iter().map(|way| way.address.addr()).collect();
        self.own = uplinks
            .iter()
            .map(|it| (super::id(it), addresses(it)))
            .collect();
        self.restart();
    }

    /// Starts and ends askers, so that there is one for each uplink that the hub can be reached by.
    fn restart(&mut self) {
        let addresses = self.addresses.borrow_and_update().clone();
        let mut before = std::mem::take(&mut self.askers);
        for (id, own) in &self.own {
            if let Some((from, to)) = ends(own, &addresses) {
                let known = before
                    .remove(id)
                    .filter(|it| (it.from, it.to) == (from, to));
                let asker = known.or_else(|| self.start(*id, from, to));
                self.askers.extend(asker.map(|asker| (*id, asker)));
            }
        }
    }

    fn start(&self, id: PathId, from: IpAddr, to: SocketAddr) -> Option<Asker> {
        let (orders, receiver) = mpsc::channel(MOST_ATTEMPTS);
        let asking = Asking {
            id,
            from,
            to,
            target: Arc::clone(self.target.as_ref()?),
            answer: self.answer.clone(),
        };
        let _task = Running::spawn(asking.run(receiver));
        Some(Asker {
            from,
            to,
            orders,
            _task,
        })
    }

    /// Sends a question. The end of it comes by [`Self::next`], if it comes in time.
    pub(super) fn ask(&mut self, path: PathId) {
        match self.askers.get(&path) {
            // Full: enough of them are under way.
            Some(asker) => drop(asker.orders.try_send(())),
            None => drop(self.answer.send((path, Probed::Unasked))),
        }
    }

    /// The next question that came to its end. May be cancelled at any time.
    pub(super) async fn next(&mut self) -> (PathId, Probed) {
        loop {
            tokio::select! {
                Some(answer) = self.answers.recv() => return answer,
                Ok(()) = self.addresses.changed() => self.restart(),
                // There is a sender in `self`.
                else => std::future::pending().await,
            }
        }
    }
}

fn target(hub: &Hub) -> Option<Target> {
    let destination = hub.destinations().next()?.clone();
    let hub = match hub {
        Hub::Manypath(link) => Some(hub_address(link)),
        Hub::None | Hub::Socks5(_) => None,
    };
    Some(Target { destination, hub })
}

/// An address of ours and one of the hub's that fit each other.
fn ends(own: &[IpAddr], addresses: &[SocketAddr]) -> Option<(IpAddr, SocketAddr)> {
    addresses.iter().find_map(|to| {
        let from = own.iter().find(|own| own.is_ipv4() == to.is_ipv4())?;
        Some((*from, *to))
    })
}

async fn look_up(target: Arc<Target>, found: watch::Sender<Vec<SocketAddr>>) {
    let also = target.hub.as_ref().and_then(|hub| hub.also);
    if let Some(known) = target.destination.addresses(also) {
        found.send_replace(known);
        return;
    }
    let name = target.destination.to_string();
    loop {
        let pause = match tokio::net::lookup_host(&name).await {
            Ok(addresses) => {
                found.send_replace(addresses.collect());
                LOOK_UP_ANEW
            }
            Err(_) => LOOK_UP_AGAIN,
        };
        tokio::time::sleep(pause).await;
    }
}

/// The task that asks over one uplink.
struct Asking {
    id: PathId,
    from: IpAddr,
    to: SocketAddr,
    target: Arc<Target>,
    answer: mpsc::UnboundedSender<(PathId, Probed)>,
}

struct OpenLine {
    line: ProbeLine,
    asked: Option<Instant>,
    used: Instant,
}

impl Asking {
    async fn run(self, mut orders: mpsc::Receiver<()>) {
        let mut line: Option<OpenLine> = None;
        let mut attempts = FuturesUnordered::new();
        let mut securing = FuturesUnordered::new();
        loop {
            tokio::select! {
                order = orders.recv() => {
                    if order.is_none() {
                        return;
                    }
                    if !ask(&mut line).await {
                        attempts.push(self.reach());
                    }
                }
                answered = answered(&mut line) => match answered {
                    Some(after) => self.tell(Probed::Answered(after)),
                    None => line = None,
                },
                Some((reached, after)) = attempts.next() => match reached {
                    Ok(tcp) => {
                        self.tell(Probed::Answered(after));
                        let is_needed = line.as_ref().is_none_or(|open| open.asked.is_some());
                        if is_needed && securing.is_empty() {
                            securing.push(self.secure(tcp));
                        }
                    }
                    // The hub's host is there, whatever it has against us.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                        self.tell(Probed::Answered(after));
                    }
                    // No answer is no answer.
                    Err(_) => {}
                },
                Some(secured) = securing.next() => line = secured.or(line),
            }
        }
    }

    fn tell(&self, probed: Probed) {
        // Nobody listens while the edge stops.
        let _ = self.answer.send((self.id, probed));
    }

    async fn reach(&self) -> (io::Result<TcpStream>, Duration) {
        let began = Instant::now();
        let from = ConnectOptions {
            local: Some(self.from),
            ..ConnectOptions::default()
        };
        let connecting = mptcp::connect(Transport::Tcp, self.to, &from);
        let connected = tokio::time::timeout(CONNECT_LIMIT, connecting).await;
        let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        (connected, began.elapsed())
    }

    async fn secure(&self, tcp: TcpStream) -> Option<OpenLine> {
        let hub = self.target.hub.as_ref()?;
        let securing = tokio::time::timeout(SECURE_LIMIT, ProbeLine::secure(tcp, hub)).await;
        Some(OpenLine {
            line: securing.ok()?.ok()?,
            asked: None,
            used: Instant::now(),
        })
    }
}

/// Asks on the line, if there is one that has no question open.
async fn ask(line: &mut Option<OpenLine>) -> bool {
    let Some(open) = line.as_mut().filter(|open| open.asked.is_none()) else {
        return false;
    };
    open.asked = Some(Instant::now());
    open.used = Instant::now();
    open.line.ask().await.is_ok()
}

/// Waits for the answer on the line. `None`: it is over, or has rested for too long.
async fn answered(line: &mut Option<OpenLine>) -> Option<Duration> {
    let Some(open) = line else {
        return std::future::pending().await;
    };
    let rested = (open.used + STALE).into();
    let answer = tokio::time::timeout_at(rested, open.line.answer()).await;
    answer.ok()?.ok()?;
    Some(open.asked.take()?.elapsed())
}

impl Running {
    pub(super) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(task))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

//! Takes the host's UDP in, and answers it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use datagrams::{Flow, IDLE, Moved, Received, Tunnel};
use socket2::Domain;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tproxy::{Intercepted, Listener, Refusals, Replies};
use wire::{Destination, Host};

use super::Way;
use crate::numbers::ANSWER_MARK;

/// How many programs' ports are served at once, each family for itself.
const MOST_CLIENTS: usize = 4096;

/// How many addresses are answered for at once, each family for itself.
const MOST_PEERS: NonZeroUsize = NonZeroUsize::new(1024).expect("it is not 0");

/// How often ports that rest are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// How often two families are asked for one port that both have free.
const ATTEMPTS: usize = 20;

/// Listeners of both families on one port, and what serves them, until it is dropped.
#[derive(Debug)]
pub struct Taking {
    port: u16,
    _tasks: JoinSet<()>,
}

/// One family.
struct Taker {
    listener: Listener,
    way: watch::Receiver<Way>,
    clients: HashMap<SocketAddr, Client>,
    answers: Answers,
}

/// How programs are answered. Clones are the same.
#[derive(Clone)]
struct Answers {
    replies: Arc<Mutex<Replies>>,
    /// Absent where raw sockets are refused.
    refusals: Option<Arc<Refusals>>,
}

/// A port of a program on the host's side.
struct Client {
    flow: Flow,
    moved: Arc<Moved>,
}

impl Taking {
    /// Begins. Where this machine has no IPv6, IPv4 is all.
    ///
    /// # Errors
    /// When no listener can be had.
    pub fn begin(way: watch::Receiver<Way>) -> io::Result<Self> {
        let (v4, v6) = listeners()?;
        let port = v4.port()?;
        let refusals = Refusals::open()
            .inspect_err(|error| tracing::debug!(%error, "no refusals of UDP can be told"))
            .ok()
            .map(Arc::new);
        let mut tasks = JoinSet::new();
        for listener in [Some(v4), v6].into_iter().flatten() {
            let taker = Taker {
                listener,
                way: way.clone(),
                clients: HashMap::new(),
                answers: Answers {
                    replies: Arc::new(Mutex::new(Replies::new(MOST_PEERS, ANSWER_MARK))),
                    refusals: refusals.clone(),
                },
            };
            tasks.spawn(taker.run());
        }
        Ok(Self {
            port,
            _tasks: tasks,
        })
    }

    /// Where nftables has to hand UDP over.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// On one port, because a rule of nftables has one for both.
fn listeners() -> io::Result<(Listener, Option<Listener>)> {
    for _ in 0..ATTEMPTS {
        let v4 = Listener::bind(Domain::IPV4, 0)?;
        match Listener::bind(Domain::IPV6, v4.port()?) {
            Ok(v6) => return Ok((v4, Some(v6))),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => {
                tracing::debug!(%error, "UDP over IPv6 can't be taken in");
                return Ok((v4, None));
            }
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

impl Taker {
    async fn run(mut self) {
        let mut buffer = vec![0; 1 << 16];
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                taken = self.listener.receive(&mut buffer) => match taken {
                    Ok(taken) => self.take(&taken, &buffer[..taken.length]),
                    // Of one datagram; a socket that failed for good would go on with it.
                    Err(error) => {
                        tracing::debug!(%error, "a datagram of the host's could not be read");
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                },
                changed = self.way.changed() => match changed {
                    // What was opened in the former tunnel ends with it.
                    Ok(()) => self.clients.clear(),
                    Err(_gone) => return,
                },
                _ = sweep.tick() => self.clients.retain(|_, it| it.moved.rest() <= IDLE),
            }
        }
    }

    fn take(&mut self, taken: &Intercepted, payload: &[u8]) {
        let to = Destination {
            host: Host::Ip(taken.to.ip()),
            port: taken.to.port(),
        };
        if let Some(client) = self.clients.get(&taken.from) {
            client.moved.now();
            return client.flow.send(&to, payload);
        }
        let Way::Hub(tunnel) = self.way.borrow().clone() else {
            return;
        };
        if self.clients.len() >= MOST_CLIENTS {
            tracing::debug!(client = %taken.from, "too many ports use UDP at once");
            return;
        }
        let client = Client::new(&tunnel, taken.from, &self.answers);
        client.flow.send(&to, payload);
        self.clients.insert(taken.from, client);
    }
}

impl Client {
    fn new(tunnel: &Tunnel, from: SocketAddr, answers: &Answers) -> Self {
        let (flow, received) = tunnel.open();
        let moved = Arc::new(Moved::default());
        // It ends with the flow.
        tokio::spawn(answer(from, received, answers.clone(), Arc::clone(&moved)));
        Self { flow, moved }
    }
}

/// Hands what comes for a program to it, in the name of whoever sent it.
async fn answer(
    client: SocketAddr,
    mut received: mpsc::Receiver<Received>,
    answers: Answers,
    moved: Arc<Moved>,
) {
    while let Some(received) = received.recv().await {
        moved.now();
        if let Err(error) = answers.give(client, received) {
            tracing::debug!("the host's {client} can't be answered: {error}");
        }
    }
}

impl Answers {
    fn give(&self, client: SocketAddr, received: Received) -> io::Result<()> {
        match (received, &self.refusals) {
            (Received::Datagram(from, payload), _) => {
                let mut replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
                replies.send(from, client, &payload)
            }
            (Received::Refused(peer), Some(refusals)) => refusals.tell(client, peer),
            (Received::Refused(_), None) => Ok(()),
        }
    }
}

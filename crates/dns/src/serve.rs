//! The listeners: a UDP and a TCP port on one address.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::framed;
use crate::resolver::{Intake, Resolver};

/// How many queries of one client may be under way. Who has more is no browser.
const MOST_QUERIES: usize = 256;

/// How many connections one client may have.
const MOST_CONNECTIONS: usize = 16;

/// How many there may be in all, of each.
const ALL_QUERIES: usize = 4096;
const ALL_CONNECTIONS: usize = 256;

/// How many queries of one connection may be under way; more are read later.
const MOST_PIPELINED: usize = 64;

/// A connection on which nothing is asked for so long is closed (RFC 7766 section 6.2.3).
const IDLE: Duration = Duration::from_secs(10);

/// The longest query that is read: with all options they have some hundred bytes.
const LONGEST: usize = 4096;

/// How long to wait when a socket gives an error, which mostly is want of memory or open files.
const BACK_OFF: Duration = Duration::from_millis(100);

/// How many connections wait in the kernel.
const BACKLOG: u32 = 128;

/// What carries DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// Connections.
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}

/// Sockets on one address that are served until dropped.
#[derive(Debug)]
pub struct Listener {
    _serving: JoinSet<()>,
}

/// What all listeners of a resolver share.
#[derive(Clone, Debug)]
pub struct Limits {
    queries: Places,
    connections: Places,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queries: Places::new(MOST_QUERIES, ALL_QUERIES),
            connections: Places::new(MOST_CONNECTIONS, ALL_CONNECTIONS),
        }
    }
}

impl Listener {
    /// Answers on `address`, by UDP and TCP, within `limits`.
    ///
    /// # Errors
    /// Which of the two can't be bound, and the kernel's reason.
    pub fn bind(
        address: SocketAddr,
        resolver: &Resolver,
        limits: &Limits,
    ) -> Result<Self, (Transport, io::Error)> {
        let udp = bind_udp(address).map_err(|error| (Transport::Udp, error))?;
        let tcp = bind_tcp(address).map_err(|error| (Transport::Tcp, error))?;
        let mut serving = JoinSet::new();
        serving.spawn(serve_udp(udp, resolver.clone(), limits.queries.clone()));
        serving.spawn(serve_tcp(tcp, resolver.clone(), limits.connections.clone()));
        Ok(Self { _serving: serving })
    }
}

fn bind_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Connections of an earlier run may still be there.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn serve_udp(socket: UdpSocket, resolver: Resolver, places: Places) {
    let socket = Arc::new(socket);
    let mut buffer = [0; LONGEST];
    let mut answering = JoinSet::new();
    loop {
        // What has ended is let go.
        while answering.try_join_next().is_some() {}
        let (length, client) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                tracing::debug!(%error, "no query could be received");
                sleep(BACK_OFF).await;
                continue;
            }
        };
        let Some(place) = places.take(client.ip()) else {
            // The client asks again, and by then there may be room.
            resolver.counters().over_limit.add();
            continue;
        };
        let (socket, resolver) = (Arc::clone(&socket), resolver.clone());
        let query = buffer[..length].to_vec();
        answering.spawn(async move {
            let _place = place;
            if let Some(answer) = resolver.answer(&query, Intake::Datagram).await
                && let Err(error) = socket.send_to(&answer, client).await
            {
                tracing::debug!(%client, %error, "an answer could not be sent");
            }
        });
    }
}

async fn serve_tcp(listener: TcpListener, resolver: Resolver, places: Places) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let (stream, client) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "no connection could be accepted");
                sleep(BACK_OFF).await;
                continue;
            }
        };
        let Some(place) = places.take(client.ip()) else {
            resolver.counters().over_limit.add();
            continue;
        };
        let resolver = resolver.clone();
        connections.spawn(async move {
            let _place = place;
            if let Err(error) = serve_connection(stream, &resolver).await {
                tracing::debug!(%client, %error, "a connection for queries ended");
            }
        });
    }
}

/// Answers in the order in which answers come (RFC 7766 section 6.2.1.1).
async fn serve_connection(stream: TcpStream, resolver: &Resolver) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut input, mut output) = stream.into_split();
    let (answered, mut answers) = mpsc::channel::<Vec<u8>>(MOST_PIPELINED);
    let reading = async move {
        let room = Arc::new(Semaphore::new(MOST_PIPELINED));
        let mut answering = JoinSet::new();
        loop {
            while answering.try_join_next().is_some() {}
            let place = Arc::clone(&room).acquire_owned().await;
            let place = place.map_err(io::Error::other)?;
            let Ok(query) = timeout(IDLE, framed::read(&mut input)).await else {
                break;
            };
            let Some(query) = query?.filter(|query| query.len() <= LONGEST) else {
                break;
            };
            let (resolver, answered) = (resolver.clone(), answered.clone());
            answering.spawn(async move {
                let _place = place;
                if let Some(answer) = resolver.answer(&query, Intake::Stream).await {
                    // Nobody reads it if the connection has ended.
                    let _ = answered.send(answer).await;
                }
            });
        }
        // Who has said all that it wants to know still waits for it.
        drop(answered);
        while answering.join_next().await.is_some() {}
        io::Result::Ok(())
    };
    let writing = async move {
        while let Some(answer) = answers.recv().await {
            // A client that reads nothing holds no memory for longer than this.
            timeout(IDLE, framed::write(&mut output, &answer)).await??;
        }
        io::Result::Ok(())
    };
    tokio::try_join!(reading, writing).map(drop)
}

/// So many places for each client, and so many in all.
#[derive(Clone, Debug)]
struct Places {
    most: usize,
    all: Arc<Semaphore>,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One of them, until dropped.
#[derive(Debug)]
struct Place {
    _one_of_all: tokio::sync::OwnedSemaphorePermit,
    client: IpAddr,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Places {
    fn new(most: usize, all: usize) -> Self {
        Self {
            most,
            all: Arc::new(Semaphore::new(all)),
            taken: Arc::default(),
        }
    }

    fn take(&self, client: IpAddr) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.get(&client).is_some_and(|count| *count >= self.most) {
            return None;
        }
        let one_of_all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        *taken.entry(client).or_default() += 1;
        Some(Place {
            _one_of_all: one_of_all,
            client,
            taken: Arc::clone(&self.taken),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.client);
            }
        }
    }
}

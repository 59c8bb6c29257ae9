//! Looks at the sockets of busy connections: does anything come on each uplink?

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use mptcp::{ConnectionInfo, SubflowInfo, TcpState};
use paths::{Look, PathId, RoundTrip};
use relay::Server;
use rustix::net::Shutdown;
use tokio::net::TcpStream;

/// So many connections tell enough about the uplinks.
const MOST: usize = 16;

/// How often to find out which connections are busy. Costs a moment for each open connection.
const SCAN_EVERY: Duration = Duration::from_millis(200);

/// A connection that was busy is looked at for so long afterwards, and longer while data waits or it has no
/// subflow.
const INTEREST: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Looks {
    server: Server,
    scanned: Option<Instant>,
    watched: Vec<Watched>,
    /// What each subflow had counted at the last look.
    subflows: HashMap<Ends, SubflowInfo>,
    /// What had come through on each connection.
    through: HashMap<Ends, u64>,
}

/// A connection's, or a subflow's: ours and the peer's.
pub(super) type Ends = (SocketAddr, SocketAddr);

/// What a look has shown.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// User data has moved since the last scan.
    pub(super) traffic: bool,
    /// Bytes of users that came through since the last look.
    pub(super) through: u64,
    /// What the subflows of each path show.
    pub(super) paths: HashMap<PathId, Look>,
    /// Paths on which a connection had a subflow and has none any more.
    pub(super) lost: BTreeSet<PathId>,
    /// Connections without any subflow.
    pub(super) stranded: HashSet<Ends>,
}

/// Held weakly: the last one who holds a socket closes it.
#[derive(Debug)]
struct Watched {
    socket: Weak<TcpStream>,
    until: Instant,
    /// The paths on which it had subflows.
    had: BTreeSet<PathId>,
}

impl Looks {
    /// At this server's connections.
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            scanned: None,
            watched: Vec::new(),
            subflows: HashMap::new(),
            through: HashMap::new(),
        }
    }

    /// Looks at the watched connections.
    pub(super) fn look(&mut self, owners: &HashMap<IpAddr, PathId>, now: Instant) -> Seen {
        let mut seen = Seen {
            traffic: self.scan(now),
            ..Seen::default()
        };
        let (mut subflows, mut through) = (HashMap::new(), HashMap::new());
        for watched in &mut self.watched {
            let Some(info) = watched.info() else {
                watched.until = now;
                continue;
            };
            let (ends, bytes) = ((info.local, info.remote), came_through(&info));
            let before = self.through.get(&ends).copied();
            seen.through += bytes.saturating_sub(before.unwrap_or(bytes));
            through.insert(ends, bytes);
            seen.lost.extend(watched.lost(&info.subflows, owners));
            if !info.subflows.iter().any(is_alive) {
                watched.until = now + INTEREST;
                seen.stranded.insert(ends);
            }
            for subflow in info.subflows {
                let ends = (subflow.local, subflow.remote);
                if subflow.unacked > 0 {
                    watched.until = watched.until.max(now + SCAN_EVERY);
                }
                if let Some(path) = owners.get(&subflow.local.ip()) {
                    let before = self.subflows.get(&ends);
                    add(seen.paths.entry(*path).or_default(), &subflow, before);
                }
                subflows.insert(ends, subflow);
            }
        }
        (self.subflows, self.through) = (subflows, through);
        self.watched.retain(|watched| watched.until > now);
        seen
    }

    /// Ends a connection, so that its program hears of it.
    pub(super) fn end(&self, ends: Ends) {
        let sockets = self.watched.iter().filter_map(|it| it.socket.upgrade());
        for socket in sockets {
            let own = (socket.local_addr(), socket.peer_addr());
            let is_it = matches!(own, (Ok(local), Ok(peer)) if (plain(local), plain(peer)) == ends);
            if is_it {
                // One that has ended meanwhile needs nothing.
                let _ = rustix::net::shutdown(&*socket, Shutdown::Both);
            }
        }
    }

    fn scan(&mut self, now: Instant) -> bool {
        let is_due = self
            .scanned
            .is_none_or(|last| now.duration_since(last) >= SCAN_EVERY);
        if !is_due {
            return false;
        }
        self.scanned = Some(now);
        let busy = self.server.registry().busy(MOST);
        let traffic = !busy.is_empty();
        let until = now + INTEREST;
        for socket in busy {
            let mut known = self.watched.iter_mut();
            match known.find(|it| Weak::ptr_eq(&it.socket, &socket)) {
                Some(known) => known.until = until,
                None => self.watched.push(Watched {
                    socket,
                    until,
                    had: BTreeSet::new(),
                }),
            }
        }
        self.watched.truncate(MOST);
        traffic
    }
}

impl Watched {
    fn info(&self) -> Option<ConnectionInfo> {
        let socket: Arc<TcpStream> = self.socket.upgrade()?;
        mptcp::connection_info(&*socket).ok()
    }

    /// The paths on which it has no subflow any more.
    fn lost(
        &mut self,
        subflows: &[SubflowInfo],
        owners: &HashMap<IpAddr, PathId>,
    ) -> BTreeSet<PathId> {
        let alive = subflows.iter().filter(|subflow| is_alive(subflow));
        let has: BTreeSet<PathId> = alive
            .filter_map(|subflow| owners.get(&subflow.local.ip()).copied())
            .collect();
        self.had.extend(&has);
        &self.had - &has
    }
}

/// As [`ConnectionInfo`] gives it.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn is_alive(subflow: &SubflowInfo) -> bool {
    subflow.state != TcpState::Closed
}

/// Bytes that came in order or were acknowledged, each counted once.
fn came_through(info: &ConnectionInfo) -> u64 {
    info.bytes_received.unwrap_or_default() + info.bytes_acked.unwrap_or_default()
}

/// Adds a subflow to what its path shows. `before`: what it was like at the last look.
fn add(look: &mut Look, subflow: &SubflowInfo, before: Option<&SubflowInfo>) {
    let life = before.is_some_and(|before| before.segments_in != subflow.segments_in);
    look.life |= life;
    look.waiting |= subflow.unacked > 0;
    look.stuck |= subflow.retransmits > 0;
    if let Some(before) = before {
        let since = |count: fn(&SubflowInfo) -> u64| count(subflow).saturating_sub(count(before));
        look.carried += since(|it| it.bytes_received) + since(|it| it.bytes_acked);
        look.sent.0 += since(|it| it.bytes_sent);
        look.sent.1 += since(|it| it.bytes_retrans);
    }
    if life || subflow.unacked > 0 {
        let this = RoundTrip {
            smoothed: subflow.rtt,
            deviation: subflow.rttvar,
        };
        let slowest = look
            .round_trip
            .filter(|other| other.smoothed > this.smoothed);
        look.round_trip = Some(slowest.unwrap_or(this));
    }
}

//! Looks after one idle connection: what the hub says on it, and whether it still answers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use wire::hub::Frame;

use super::pool::{Pool, bid_farewell};
use super::shelf::{Idle, Ping};
use crate::secure::{Message, SecureStream};

/// The least time for an answer: a path that is lost delays it by a retransmission on another.
pub(super) const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// How long the end of a user connection waits for the next one's beginning, to go along with it: programs ask for one
/// thing after the other. The hub and the origin keep their ends for as much longer.
const HOLD: Duration = Duration::from_millis(50);

/// How many round trips an answer may take.
const ROUND_TRIPS: u32 = 3;

/// A connection and the task that watches it.
#[derive(Debug)]
pub(super) struct Watched {
    stream: Box<SecureStream>,
    watcher: JoinHandle<()>,
}

impl Watched {
    pub(super) fn new(pool: &Arc<Pool>, id: u64, stream: Box<SecureStream>) -> Self {
        let watcher = tokio::spawn(watch(Arc::clone(pool), id, Arc::clone(stream.tcp())));
        Self { stream, watcher }
    }

    pub(super) fn into_inner(self) -> Box<SecureStream> {
        self.watcher.abort();
        self.stream
    }

    /// Whether the hub has said nothing that its watcher has not seen. Asks the kernel, because the
    /// watcher may not have been told yet.
    pub(super) fn is_silent(&self) -> bool {
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let peeked = rustix::net::recv(self.stream.tcp(), &mut [0; 1], flags);
        matches!(peeked, Err(Errno::AGAIN))
    }
}

/// Runs until the connection is taken or dead.
async fn watch(pool: Arc<Pool>, id: u64, tcp: Arc<TcpStream>) {
    let mut generation = pool.generation.subscribe();
    while let Some(next) = pool.look_after(id) {
        tokio::select! {
            // An error comes again where it is looked at.
            _ = tcp.readable() => {}
            () = sleep_until(next) => {}
            _ = generation.changed() => {}
        }
    }
}

/// Why an idle connection is of no use any more.
enum Useless {
    /// The hub takes no more requests on it.
    Leaving,
    Dead,
}

impl Pool {
    /// Hears what there is to hear on an idle connection and does what is due. Gives when the next
    /// thing is due, unless the connection is idle no more.
    fn look_after(self: &Arc<Self>, id: u64) -> Option<Instant> {
        let now = Instant::now();
        let mut state = self.state();
        let idle = state.shelf.get_mut(id)?;
        let next = self.listen(idle, now).and_then(|()| self.speak(idle, now));
        let (is_certain, facts) = (idle.is_certain(), idle.facts);
        let (stream, error) = match next {
            Ok(next) => {
                // It was not taken while it had something to say.
                let waiter = is_certain.then(|| state.next_waiter(&facts)).flatten();
                let Some(waiter) = waiter else {
                    return Some(next);
                };
                let stream = state.shelf.remove(id)?.stream.into_inner();
                let warm = self.lend(&mut state, facts, stream, true);
                drop(state);
                waiter.serve(warm);
                return None;
            }
            Err(error) => (state.shelf.remove(id)?.stream.into_inner(), error),
        };
        drop(state);
        match error {
            Useless::Leaving => bid_farewell(*stream),
            Useless::Dead => stream.abort(),
        }
        self.work.notify_one();
        None
    }

    fn listen(&self, idle: &mut Idle<Watched>, now: Instant) -> Result<(), Useless> {
        while let Some(heard) = idle.stream.stream.receive().now_or_never() {
            match (heard, idle.ping) {
                (Ok(Message::Pong(bytes)), Ping::Sent { opaque, .. }) if bytes == opaque => {
                    idle.ping = Ping::Due(self.next_ping(now));
                }
                // An answer to one before the last user connection.
                (Ok(Message::Pong(_)), _) => {}
                (Ok(Message::GoAway), _) => return Err(Useless::Leaving),
                (Err(error), _) if error.is_closed() => return Err(Useless::Leaving),
                _ => return Err(Useless::Dead),
            }
        }
        Ok(())
    }

    /// Says what is due. Gives when the next thing is.
    fn speak(&self, idle: &mut Idle<Watched>, now: Instant) -> Result<Instant, Useless> {
        let flush = Self::flush(idle, now)?;
        let ask = self.ask(idle, now)?;
        Ok(flush.map_or(ask, |flush| flush.min(ask)))
    }

    /// Sends what was held if it is time for that. Gives when it is.
    fn flush(idle: &mut Idle<Watched>, now: Instant) -> Result<Option<Instant>, Useless> {
        let at = idle.since + HOLD;
        let stream = &mut idle.stream.stream;
        match stream.is_holding() {
            true if at > now => Ok(Some(at)),
            // Nothing else is being sent, so so few bytes fit into the socket's buffer.
            true => match stream.flush().now_or_never() {
                Some(Ok(())) => Ok(None),
                _ => Err(Useless::Dead),
            },
            false => Ok(None),
        }
    }

    /// Sends a ping if one is due, and gives up what did not answer.
    fn ask(&self, idle: &mut Idle<Watched>, now: Instant) -> Result<Instant, Useless> {
        if !self.is_up() {
            // Silence would mean nothing now.
            let later = now + self.options.ping_every;
            if let Ping::Sent { until, .. } = &mut idle.ping {
                *until = later;
            }
            return Ok(later);
        }
        match idle.ping {
            Ping::Due(at) if at > now => return Ok(at),
            Ping::Sent { until, .. } if until > now => return Ok(until),
            Ping::Sent { .. } => return Err(Useless::Dead),
            Ping::Due(_) | Ping::Doubted => {}
        }
        let opaque = fastrand::u64(..).to_be_bytes();
        let stream = &mut idle.stream.stream;
        let until = now + patience(stream.tcp());
        match stream.send(&[Frame::Ping(opaque)]).now_or_never() {
            Some(Ok(())) => {
                idle.ping = Ping::Sent { opaque, until };
                Ok(until)
            }
            _ => Err(Useless::Dead),
        }
    }
}

/// How long the hub may take for an answer on this connection.
pub(super) fn patience(tcp: &TcpStream) -> Duration {
    let info = mptcp::connection_info(tcp).ok();
    let subflows = info.iter().flat_map(|info| &info.subflows);
    let longest = subflows
        .map(|subflow| subflow.rtt)
        .max()
        .unwrap_or_default();
    LEAST_PATIENCE.max(longest * ROUND_TRIPS)
}

//! Says when it is worth waiting a moment for what follows closely on something small.
//!
//! MPTCP's scheduler gives all of a write to one path (up to 64 KiB), but what is written behind it to
//! the path that has less under way, however long its round trip is (`mptcp_subflow_get_send`, Linux 5.15 to
//! 6.18). Servers often write an answer in pieces that come microseconds apart: a head and a body. Over
//! 35 Mbit/s, 15 ms and 40 Mbit/s, 40 ms the slowest tenth of answers of 20 kB then took 37 ms, where those in one piece
//! took 22.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use crate::bursts::is_at_rest;
use crate::info::{ConnectionInfo, TcpState, connection_info};
use crate::socket::{Transport, negotiated};

/// Paths that are alike are looked at again after so long.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Paths are unlike when their round trips differ by so much: several times what there is to wait.
const UNLIKE: Duration = Duration::from_millis(8);

/// The quickest path is free while data waits there for less than this part of what the other is slower.
const FREE: u32 = 4;

/// Watches the paths of one connection. It belongs to the connection for as long as that lives.
#[derive(Debug)]
pub struct Scatter {
    /// Plain TCP has one path.
    speaks_mptcp: bool,
    /// When its paths were seen to be alike.
    alike_at: Option<Instant>,
}

impl Scatter {
    /// For a connected socket.
    pub fn of(socket: impl AsFd) -> Self {
        Self {
            speaks_mptcp: negotiated(&socket).is_ok_and(|it| it == Transport::Mptcp),
            alike_at: None,
        }
    }

    /// Whether a second write, closely behind the next one, may go by a path that is slower: nothing is under
    /// way now, round trips differ, and the quickest path is not busy with other connections (or the other
    /// path may be as quick). Costs one short system call where paths are unlike, and a longer one too if nothing is under way.
    pub fn is_likely(&mut self, socket: impl AsFd) -> bool {
        let socket = socket.as_fd();
        self.speaks_mptcp && self.is_worth_a_look() && is_at_rest(socket) && self.look(socket)
    }

    /// Paths that were alike are not looked at each time.
    fn is_worth_a_look(&self) -> bool {
        self.alike_at.is_none_or(|at| at.elapsed() >= LOOK_EVERY)
    }

    fn look(&mut self, socket: BorrowedFd<'_>) -> bool {
        let paths = connection_info(socket)
            .ok()
            .and_then(|info| Unlike::of(&info));
        self.alike_at = paths.is_none().then(Instant::now);
        paths.is_some_and(|it| it.quickest_is_free())
    }
}

/// Paths of which one is slower.
#[derive(Clone, Copy, Debug)]
struct Unlike {
    /// By how much.
    slower: Duration,
    /// How long data has waited for its turn on the quickest.
    queue: Duration,
}

impl Unlike {
    fn of(info: &ConnectionInfo) -> Option<Self> {
        let subflows = info.subflows.iter();
        let measured =
            subflows.filter(|it| it.state == TcpState::Established && !it.min_rtt.is_zero());
        let quickest = measured.clone().min_by_key(|it| it.min_rtt)?;
        let slower = measured.map(|it| it.min_rtt).max()? - quickest.min_rtt;
        let queue = quickest.rtt.saturating_sub(quickest.min_rtt);
        (slower >= UNLIKE).then_some(Self { slower, queue })
    }

    fn quickest_is_free(self) -> bool {
        self.queue < self.slower / FREE
    }
}

#[cfg(test)]
#[path = "scatter_tests.rs"]
mod tests;

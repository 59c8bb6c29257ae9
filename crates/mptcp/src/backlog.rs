//! Keeps short what waits on the subflows of a connection.
//!
//! MPTCP's scheduler hands data to subflows long before they can send it, up to the size of their send
//! buffers, which grow to six times what is on the way (BBR: three times its window, which is twice the
//! path's product of bandwidth and delay; `tcp_sndbuf_expand`, Linux 4.9 to 6.18). When a path fails,
//! what was on it is sent again by the others, behind all that waits there: a download over 35 Mbit/s,
//! 15 ms and 40 Mbit/s, 40 ms stood still for 280 ms then, of which 230 ms were such data. No setting
//! bounds it: MPTCP takes `tcp_notsent_lowat` for the connection, and exempts its subflows.
//!
//! The remedy is a send buffer of what the paths carry together within the longest span that data takes on
//! one of them. It is set anew while a lot is written, because rates change.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_send_buffer_size_force;

use crate::info::{ConnectionInfo, SubflowInfo, TcpState, connection_info};
use crate::socket::{Transport, negotiated};

/// Look again after so many bytes, and not before so much time has passed.
const LOOK_BYTES: usize = 64 * 1024;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Data of so many round trips may be on the way and wait: BBR has one on the way, and now and then a quarter more.
const ROUND_TRIPS: f64 = 1.5;
/// Twice as many where segments get lost: until one is sent again all that came after it waits, too.
const WITH_LOSSES: f64 = 3.0;
/// Losses are common when more than one byte in so many was sent again.
const RARE: u64 = 1000;

/// The scheduler gives a subflow so many bytes at once (`MPTCP_SEND_BURST_SIZE`), however slow it is.
const BURST: u64 = 64 * 1024;

/// A rate that was reached is forgotten by half in so long. While the connection waits for what was lost on
/// one path, BBR on the others takes the want of data for want of bandwidth; with their rates the buffer
/// would shrink, and keep them there.
const FORGET_HALF: Duration = Duration::from_secs(10);

/// Time for the program to write more.
const MARGIN: Duration = Duration::from_millis(10);

/// Slower paths may have this much waiting all the same.
const LEAST: u64 = 128 * 1024;

/// Changes of less than an eighth are not worth a system call.
const WORTH: u64 = 8;

/// Bounds the send buffer of one connection. It belongs to the connection for as long as that lives.
#[derive(Debug)]
pub struct Backlog {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Plain TCP, or a process that may not set buffers (CAP_NET_ADMIN).
    Unneeded,
    Bounded {
        /// Bytes written since the last look.
        written: usize,
        looked: Instant,
        /// What the send buffer was last set to; 0: nothing yet.
        size: u64,
        /// Bytes per second that the paths have reached together.
        rate: f64,
        /// What a send buffer may have at most (the third figure of `tcp_wmem`), once it was read.
        most: Option<u64>,
    },
}

impl Backlog {
    /// For a connected socket.
    pub fn of(socket: impl AsFd) -> Self {
        let speaks_mptcp = negotiated(&socket).is_ok_and(|it| it == Transport::Mptcp);
        let state = match speaks_mptcp {
            true => State::Bounded {
                written: 0,
                looked: Instant::now(),
                size: 0,
                rate: 0.0,
                most: None,
            },
            false => State::Unneeded,
        };
        Self { state }
    }

    /// To be called before so many bytes are written to the socket. Costs nothing but for two system
    /// calls every 50 ms while a lot is written.
    pub fn before_write(&mut self, socket: impl AsFd, bytes: usize) {
        let State::Bounded {
            written, looked, ..
        } = &mut self.state
        else {
            return;
        };
        *written += bytes;
        if *written >= LOOK_BYTES && looked.elapsed() >= LOOK_EVERY {
            self.look(socket);
        }
    }

    /// To be called when the socket has taken nothing for a while: the scheduler may have given data to a
    /// path that is new to the connection, and far slower, for which the buffer is too small. Then it is enlarged,
    /// and takes more at once.
    pub fn while_full(&mut self, socket: impl AsFd) {
        self.look(socket);
    }

    fn look(&mut self, socket: impl AsFd) {
        let State::Bounded {
            written,
            looked,
            size,
            rate,
            most,
        } = &mut self.state
        else {
            return;
        };
        let passed = looked.elapsed();
        (*written, *looked) = (0, Instant::now());
        let Ok(info) = connection_info(&socket) else {
            return;
        };
        *rate = (*rate * remembered(passed)).max(total_rate(&info));
        let most = *most.get_or_insert_with(largest_buffer);
        let wanted = wanted(&info, *rate).clamp(LEAST.min(most), most);
        if wanted.abs_diff(*size) * WORTH < *size {
            return;
        }
        match set(socket.as_fd(), wanted) {
            Ok(()) => *size = wanted,
            Err(_) => self.state = State::Unneeded,
        }
    }
}

fn set(socket: BorrowedFd<'_>, bytes: u64) -> std::io::Result<()> {
    // The kernel doubles what it is told, for its own bookkeeping.
    let half = usize::try_from(bytes / 2).unwrap_or(usize::MAX);
    Ok(set_socket_send_buffer_size_force(socket, half)?)
}

/// What is left of a rate after a time.
fn remembered(passed: Duration) -> f64 {
    0.5_f64.powf(passed.as_secs_f64() / FORGET_HALF.as_secs_f64())
}

/// Subflows that carry data, or did, and are not silent: the pace of one that has timed out says nothing. What the
/// first data on one takes is known by the round trip of its handshake.
fn working(info: &ConnectionInfo) -> impl Iterator<Item = &SubflowInfo> {
    let works = |it: &&SubflowInfo| {
        it.min_rtt > Duration::ZERO
            && it.pacing_rate > 0
            && (it.delivery_rate > 0 || it.unacked > 0)
            && it.state == TcpState::Established
            && it.retransmits == 0
    };
    info.subflows.iter().filter(works)
}

/// Bytes per second that they may send together.
fn total_rate(info: &ConnectionInfo) -> f64 {
    working(info).map(|it| rate(it) as f64).sum()
}

/// Bytes per second that it may send, and did. BBR's pace alone is almost three times the bandwidth at the start,
/// and five quarters of it now and then.
fn rate(subflow: &SubflowInfo) -> u64 {
    subflow.pacing_rate.min(subflow.delivery_rate)
}

/// What the paths carry at this rate within the longest span that data takes on one of them, in bytes.
fn wanted(info: &ConnectionInfo, rate: f64) -> u64 {
    let longest = working(info).map(span).max().unwrap_or_default() + MARGIN;
    (rate * longest.as_secs_f64()) as u64
}

/// What the kernel would let a send buffer grow to by itself, in bytes.
fn largest_buffer() -> u64 {
    let figures = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_wmem").unwrap_or_default();
    let most = figures.split_whitespace().nth(2);
    most.and_then(|most| most.parse().ok()).unwrap_or(LEAST)
}

/// From giving data to a subflow until it is acknowledged.
fn span(subflow: &SubflowInfo) -> Duration {
    let is_lossy = subflow.bytes_retrans * RARE > subflow.bytes_sent;
    let round_trips = if is_lossy { WITH_LOSSES } else { ROUND_TRIPS };
    let burst = Duration::from_secs_f64(BURST as f64 / subflow.pacing_rate as f64);
    subflow.min_rtt.mul_f64(round_trips) + burst
}

#[cfg(test)]
#[path = "backlog_tests.rs"]
mod tests;

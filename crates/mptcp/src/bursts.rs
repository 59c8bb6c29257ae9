//! Keeps BBR fast on a connection that carries one answer after another.
//!
//! BBR measures what a path carries, and must know when it was not the path that held the rate down
//! but a program with little to send. TCP tells it (`tcp_rate_check_app_limited`), MPTCP does not:
//! its subflows are filled by `mptcp_sendmsg_frag`, which never calls that (Linux 5.16 to 6.18). So
//!
//! * ten or so short answers in a row make BBR believe that the path is slow, and
//! * after ten seconds without data it sends four packets a round trip for 200 ms to measure the
//!   path's delay (PROBE_RTT), in the middle of the next answer.
//!
//! 1 MB on a used connection over 35 Mbit/s, 15 ms and 40 Mbit/s, 40 ms takes 330 to 380 ms then, where
//! its window alone would allow 150 ms and plain TCP on the first link takes 258 ms.
//!
//! The remedy is to let BBR see long bursts only. Whenever nothing is under way the connection rests
//! with Reno, which leaves the congestion window as it is as long as nothing is lost. When a burst has
//! become long, BBR begins anew: with that window and without a past. 1 MB then takes 140 to 175 ms,
//! with losses of 1 % about 200 ms, where Reno or Cubic alone would take 250 to 850 ms.
//!
//! A path that is far slower than another one must not begin anew. BBR's first pace is 2.9 times the window in
//! a round trip (`bbr_init_pacing_rate_from_rtt`), and the window is twice what the path holds: six times what it
//! carries, for three round trips. Over 15 ms nobody notices. Over 300 ms it fills the path's queue, and as
//! MPTCP's scheduler deals data out by pace, so much of it waits there that the quick path runs dry: the second
//! upload over 35 Mbit/s, 15 ms and 5 Mbit/s, 300 ms began with two to four seconds of 5 Mbit/s. BBR remembers
//! what a path carries for ten round trips with data, however long it rests. So where such a path is in use, BBR
//! goes on.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use socket2::SockRef;

use crate::abi;
use crate::info::{ConnectionInfo, TcpState, connection_info};
use crate::socket::{Transport, negotiated};

/// From how many bytes on a burst is long: shorter ones are mostly sent within the first window.
const LONG: usize = 64 * 1024;

/// A path is far slower when its round trip is so many times the quickest one's and so much longer.
const TIMES_SLOWER: u32 = 4;
const SLOWER: Duration = Duration::from_millis(100);

/// Every kernel has it, and lets every program choose it.
const AT_REST: &[u8] = b"reno";

/// Chooses the congestion control of one connection from one moment to the next. It belongs to the
/// connection for as long as that lives.
#[derive(Debug)]
pub struct Bursts(State);

#[derive(Debug)]
enum State {
    /// Plain TCP, or a congestion control without this trouble.
    Unneeded,
    /// Nothing, or a short burst is under way.
    Short { control: Vec<u8>, written: usize },
    /// A long burst is under way.
    Long { control: Vec<u8> },
}

impl Bursts {
    /// For a connected socket, while it has the congestion control that it is to have in long bursts.
    /// Does nothing if that is not BBR, or if the socket speaks plain TCP.
    pub fn of(socket: impl AsFd) -> Self {
        let speaks_mptcp = negotiated(&socket).is_ok_and(|transport| transport == Transport::Mptcp);
        match control(&socket) {
            Ok(control) if speaks_mptcp && control.starts_with(b"bbr") => Self::with(control),
            _ => Self(State::Unneeded),
        }
    }

    fn with(control: Vec<u8>) -> Self {
        Self(State::Long { control })
    }

    /// To be called before so many bytes are written to the socket. Costs one short system call, and
    /// a few more at the beginning and at the end of a long burst.
    pub fn before_write(&mut self, socket: impl AsFd, bytes: usize) {
        self.before(socket.as_fd(), bytes, has_far_path);
    }

    fn before(
        &mut self,
        socket: BorrowedFd<'_>,
        bytes: usize,
        has_far_path: impl FnOnce(BorrowedFd<'_>) -> bool,
    ) {
        self.0 = match std::mem::replace(&mut self.0, State::Unneeded) {
            State::Unneeded => return,
            State::Long { control } if is_at_rest(socket) && !has_far_path(socket) => {
                match set(socket, AT_REST) {
                    Ok(()) => go_on(socket, control, bytes),
                    Err(_) => State::Unneeded,
                }
            }
            State::Short { control, .. } if is_at_rest(socket) => go_on(socket, control, bytes),
            State::Short { control, written } => go_on(socket, control, written + bytes),
            long @ State::Long { .. } => long,
        };
    }
}

/// Who may no longer choose what the connection had before stays with what it has.
fn go_on(socket: impl AsFd, control: Vec<u8>, written: usize) -> State {
    if written < LONG {
        return State::Short { control, written };
    }
    match set(socket, &control) {
        Ok(()) => State::Long { control },
        Err(_) => State::Unneeded,
    }
}

/// Whether the peer has acknowledged all that was written.
pub(crate) fn is_at_rest(socket: impl AsFd) -> bool {
    abi::unacknowledged(socket.as_fd()).is_ok_and(|bytes| bytes == 0)
}

fn has_far_path(socket: BorrowedFd<'_>) -> bool {
    connection_info(socket).is_ok_and(|info| is_one_far(&info))
}

/// Whether a path that has carried data is far slower than another one that has.
fn is_one_far(info: &ConnectionInfo) -> bool {
    let subflows = info.subflows.iter();
    let used = subflows.filter(|it| it.state == TcpState::Established && it.delivery_rate > 0);
    let round_trips = || used.clone().map(|it| it.min_rtt);
    let (quickest, slowest) = (round_trips().min(), round_trips().max());
    quickest.zip(slowest).is_some_and(|(quickest, slowest)| {
        slowest >= (quickest * TIMES_SLOWER).max(quickest + SLOWER)
    })
}

fn control(socket: impl AsFd) -> io::Result<Vec<u8>> {
    let name = SockRef::from(&socket).tcp_congestion()?;
    Ok(name.into_iter().take_while(|&byte| byte != 0).collect())
}

/// Of all subflows, also of later ones. Setting another one and back begins anew: setting the present
/// one changes nothing (`tcp_set_congestion_control`).
fn set(socket: impl AsFd, control: &[u8]) -> io::Result<()> {
    SockRef::from(&socket).set_tcp_congestion(control)
}

#[cfg(test)]
#[path = "bursts_tests.rs"]
mod tests;

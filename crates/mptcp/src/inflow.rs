//! Makes room for what a connection receives in bulk.
//!
//! MPTCP lets a receive buffer grow once in a round trip, and takes a round trip to be as long as the
//! connection was idle before its first bulk data (`mptcp_rcv_space_adjust`, Linux 6.18, from the echo of
//! an old timestamp). On a connection that waited for 6 s, an upload over 35 Mbit/s, 15 ms and 50 Mbit/s,
//! 15 ms had half of what the first link carries alone, for as many seconds. So a connection on which bulk
//! data comes is given at once what its paths may need to begin with; the kernel goes on from there.

use std::os::fd::AsFd;

use crate::abi;
use crate::socket::{Transport, negotiated};

/// From so many bytes on data comes in bulk. Less than the window that a connection begins with (64 KiB): beside
/// a slow path, what comes by the quick ones fills that window, and they wait for the slow one.
const BULK: usize = 16 * 1024;

/// Room for 100 Mbit/s for 600 ms, and half of the largest buffer by default. It is not taken before data waits in it.
const ROOM: i32 = 8 << 20;

/// Watches what comes in on one connection. It belongs to the connection for as long as that lives.
#[derive(Debug)]
pub struct Inflow {
    /// Bytes until room is made; `None`: it was made, or is not needed.
    left: Option<usize>,
}

impl Inflow {
    /// For a connected socket.
    pub fn of(socket: impl AsFd) -> Self {
        let speaks_mptcp = negotiated(&socket).is_ok_and(|it| it == Transport::Mptcp);
        Self {
            left: speaks_mptcp.then_some(BULK),
        }
    }

    /// To be called when so many bytes were read from the socket. Costs two system calls once in a
    /// connection's life.
    pub fn after_read(&mut self, socket: impl AsFd, bytes: usize) {
        let Some(left) = self.left else {
            return;
        };
        self.left = left.checked_sub(bytes);
        if self.left.is_none() {
            // A refusal leaves the connection as slow as it was.
            let _ = make_room(socket);
        }
    }
}

/// Asking to be woken only when that much has come makes the kernel enlarge the buffer and the windows of
/// all subflows, and leaves them to its own tuning, which SO_RCVBUF would not (`mptcp_set_rcvlowat`,
/// Linux 6.10). Then everything wakes again.
fn make_room(socket: impl AsFd) -> std::io::Result<()> {
    let socket = socket.as_fd();
    abi::set_receive_low_water(socket, ROOM)?;
    abi::set_receive_low_water(socket, 1)
}

//! How a relay ends.

use std::io;

use super::line::Line;
use crate::secure::SecureStream;

/// One of a connection's two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The program that connected to us, or the edge that did it for one.
    Client,
    /// The next hop, or the origin itself.
    Onward,
}

/// Why a relay ended.
#[derive(Debug)]
pub enum End {
    /// Both directions came to their orderly end.
    Finished,
    /// This side reset the connection, and the other has been sent a reset.
    Reset(Side),
    /// Nothing moved for the idle time; both sides have been sent a reset.
    Idle,
    /// This side's connection failed in another way, such as a timeout of TCP, or bytes that are not
    /// what was sent; both have been reset.
    Error(Side, io::Error),
}

/// A side's connection is gone.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) side: Side,
    pub(super) error: io::Error,
}

/// Resets both sides unless the relay finished: also when the task is cancelled.
pub(super) struct Pair {
    client: Line,
    onward: Line,
    finished: bool,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Client => Self::Onward,
            Self::Onward => Self::Client,
        }
    }
}

impl Pair {
    pub(super) fn new(client: Line, onward: Line) -> Self {
        Self {
            client,
            onward,
            finished: false,
        }
    }

    pub(super) fn line(&self, side: Side) -> &Line {
        match side {
            Side::Client => &self.client,
            Side::Onward => &self.onward,
        }
    }

    /// The relay has finished: what is left may be used again.
    pub(super) fn finish(&mut self) -> (Option<SecureStream>, Option<SecureStream>) {
        self.finished = true;
        (self.client.take_idle(), self.onward.take_idle())
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        if !self.finished {
            self.client.abort();
            self.onward.abort();
        }
    }
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        match fault.error.kind() {
            // EPIPE instead of ECONNRESET: the reset came after the side's FIN.
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Reset(fault.side),
            _ => Self::Error(fault.side, fault.error),
        }
    }
}

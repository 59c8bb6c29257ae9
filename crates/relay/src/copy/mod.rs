//! The byte relay: everything that a connection carries goes through here.
//!
//! A connection that moves nothing holds no buffer: each direction waits for its source to become
//! readable with empty hands, borrows a buffer, and gives it back when all that came has been passed
//! on. While the other side takes no more, nothing is read, so the kernel's window holds the sender
//! back.
//!
//! Ends are passed on as they are: an orderly end (FIN) of one direction ends that direction alone; a
//! reset of one side resets the other, after what arrived before it: an origin that answers without
//! having read all of a request ends with a reset, and its answer must not be lost. On a connection
//! between edge and hub these are frames, FIN and ABORT, and TCP's own end of it is a reset.

mod direction;
mod end;
mod line;
mod pieces;
mod plain;
mod read;
mod secure;
mod splice;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;

use crate::Rates;
use crate::pool::BufferPool;
use crate::registry::Traffic;
use crate::secure::SecureStream;
use direction::{Broken, Direction, both};
use end::Pair;
use line::Line;

pub use end::{End, Side};

/// One side's connection.
#[derive(Debug)]
pub enum Leg {
    /// A plain stream of bytes.
    Plain {
        /// The socket. It may speak MPTCP.
        stream: Arc<TcpStream>,
        /// What has been read from it already and belongs to the relayed bytes.
        early: Bytes,
    },
    /// A connection between edge and hub on which a user connection is open.
    Secure(Box<SecureStream>),
}

impl Leg {
    /// The socket below.
    pub fn tcp(&self) -> &Arc<TcpStream> {
        match self {
            Self::Plain { stream, .. } => stream,
            Self::Secure(stream) => stream.tcp(),
        }
    }
}

/// What a relay has to heed and may use.
#[derive(Debug)]
pub struct Terms<'a> {
    /// Where it borrows its buffers.
    pub pool: &'a BufferPool,
    /// Ends it when no byte moved for that long (up to a quarter more); never, without.
    pub idle: Option<Duration>,
    /// The limits of the user whose connection it is.
    pub rates: Rates,
}

/// How a relay ended, and what is left of its legs.
#[derive(Debug)]
pub struct Ended {
    /// What was moved, and why it ended.
    pub transferred: Transferred,
    /// The client's secure leg, if it may carry another user connection.
    pub client: Option<SecureStream>,
    /// The onward secure leg, likewise. It may hold its FIN back ([`SecureStream::flush`]).
    pub onward: Option<SecureStream>,
}

/// What a finished relay has done.
#[derive(Debug)]
pub struct Transferred {
    /// Bytes from the client onwards.
    pub up: u64,
    /// Bytes to the client.
    pub down: u64,
    /// Why it ended.
    pub end: End,
}

/// Moves bytes both ways until both directions have ended, and counts them in `traffic`.
///
/// Dropping the future resets both sides.
pub async fn relay(client: Leg, onward: Leg, traffic: &Traffic, terms: &Terms<'_>) -> Ended {
    let mut pair = Pair::new(Line::new(client), Line::new(onward));
    let end = tokio::select! {
        result = run(&pair, traffic, terms) => match result {
            Ok(()) => End::Finished,
            Err(fault) => {
                pair.line(fault.side.other()).end_early().await;
                fault.into()
            }
        },
        () = idle_for(traffic, terms.idle) => End::Idle,
    };
    let (client, onward) = match end {
        End::Finished => pair.finish(),
        _ => (None, None),
    };
    Ended {
        transferred: Transferred {
            up: traffic.up(),
            down: traffic.down(),
            end,
        },
        client,
        onward,
    }
}

async fn run(pair: &Pair, traffic: &Traffic, terms: &Terms<'_>) -> Result<(), end::Fault> {
    let broken = Broken::default();
    let up = Direction {
        from: (Side::Client, pair.line(Side::Client)),
        to: (Side::Onward, pair.line(Side::Onward)),
        pool: terms.pool,
        rate: terms.rates.up.as_deref(),
        count: &|bytes| traffic.add_up(bytes),
        broken: &broken,
    };
    let down = Direction {
        from: (Side::Onward, pair.line(Side::Onward)),
        to: (Side::Client, pair.line(Side::Client)),
        pool: terms.pool,
        rate: terms.rates.down.as_deref(),
        count: &|bytes| traffic.add_down(bytes),
        broken: &broken,
    };
    both(&up, &down).await
}

/// Ends when nothing moved for `after`; never, without.
pub(crate) async fn idle_for(traffic: &Traffic, after: Option<Duration>) {
    const CHECKS: u32 = 4;
    let Some(after) = after else {
        return std::future::pending().await;
    };
    let (mut seen, mut quiet) = (None, 0);
    while quiet < CHECKS {
        let now = Some((traffic.up(), traffic.down()));
        quiet = if now == seen { quiet + 1 } else { 0 };
        seen = now;
        if quiet < CHECKS {
            tokio::time::sleep(after / CHECKS).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What every idle connection of a hub has.
    #[test]
    fn a_relay_that_waits_is_a_small_task() {
        fn size<F>(
            _: impl FnOnce(Leg, Leg, &'static Traffic, &'static Terms<'static>) -> F,
        ) -> usize {
            size_of::<F>()
        }
        let size = size(|client, onward, traffic, terms| relay(client, onward, traffic, terms));
        assert!(size <= 2560, "{size} bytes");
    }
}

//! A connection in use, and its way back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use wire::hub::Frame;

use super::pool::Pool;
use super::shelf::Facts;
use crate::secure::{Message, SecureError, SecureStream};

/// A place among the pool's connections that are in use, until dropped.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    facts: Facts,
}

impl Lease {
    pub(super) fn new(pool: Arc<Pool>, facts: Facts) -> Self {
        Self { pool, facts }
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Gives back the connection, on which a user connection has come to its orderly end.
    pub(crate) fn give_back(self, stream: Box<SecureStream>) {
        let (pool, mut facts) = (Arc::clone(&self.pool), self.facts);
        facts.used = Some(Instant::now());
        drop(self);
        pool.offer(facts, stream);
    }

    /// Takes back a connection with a user connection of which nobody wants more. It may be about to
    /// end in an orderly way; if not, it is reset.
    pub(crate) fn settle(self, mut stream: Box<SecureStream>) {
        if stream.is_idle() {
            return self.give_back(stream);
        }
        tokio::spawn(async move {
            match timeout(LAST_WORDS, run_empty(&mut stream)).await {
                Ok(Ok(())) if stream.is_idle() => self.give_back(stream),
                _ => stream.abort(),
            }
        });
    }
}

/// How long the hub may take to end a user connection of which nobody wants more.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Reads the other direction to its end; for one that has much to say a new connection is cheaper.
async fn run_empty(stream: &mut SecureStream) -> Result<(), SecureError> {
    const MOST: usize = 64 * 1024;
    // If it has been sent before, this changes nothing.
    let _ended = stream.send(&[Frame::Fin]).await;
    let mut thrown_away = 0;
    while !stream.is_idle() && thrown_away < MOST {
        if let Message::Data(bytes) = stream.receive().await? {
            thrown_away += bytes.len();
        }
    }
    Ok(())
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(&self.facts).finish()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.in_use -= 1;
        state.note();
    }
}

/// A connection that was taken for a request. Dropped before it was used, it goes back; dropped in
/// the middle, it is reset.
#[derive(Debug)]
pub(super) struct Warm {
    held: Option<(Box<SecureStream>, Lease)>,
    /// Nothing hints at its being dead.
    pub(super) is_certain: bool,
}

impl Warm {
    pub(super) fn new(stream: Box<SecureStream>, is_certain: bool, lease: Lease) -> Self {
        Self {
            held: Some((stream, lease)),
            is_certain,
        }
    }

    pub(super) fn stream(&mut self) -> &mut SecureStream {
        &mut self.held.as_mut().expect(HELD).0
    }

    pub(super) fn facts(&self) -> &Facts {
        self.held.as_ref().expect(HELD).1.facts()
    }

    pub(super) fn into_parts(mut self) -> (Box<SecureStream>, Lease) {
        self.held.take().expect(HELD)
    }
}

const HELD: &str = "it is taken out at the end only";

impl Drop for Warm {
    fn drop(&mut self) {
        match self.held.take() {
            Some((stream, lease)) if stream.is_idle() => {
                let (pool, facts) = (Arc::clone(&lease.pool), lease.facts);
                drop(lease);
                pool.offer(facts, stream);
            }
            Some((stream, _lease)) => stream.abort(),
            None => {}
        }
    }
}

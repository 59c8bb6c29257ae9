//! The edge's connections to its hub, opened before anyone asks.
//!
//! A [`HubPool`] keeps some connections idle: TCP, TLS, greeting and the joining of subflows are done.
//! A request takes one and sends OPEN at once with the client's first bytes behind it, so it costs no
//! round trip to the hub. When the user connection has come to its end, the connection goes back and
//! is used again, with its congestion window open.
//!
//! * `shelf`, `demand`, `backoff` decide: pure, with the clock passed in.
//! * `pool` holds the state, which everyone works on for a moment at a time.
//! * `keep` is the background task: dials, retires.
//! * `watch` looks after one idle connection: pings, and what the hub says on it.
//! * `open` is one request: OPEN, first bytes, retries.
//! * `lease` is a connection in use, which finds its way back.
//! * `line` is a connection of another kind, which asks the hub over one path whether it is there.

mod backoff;
mod demand;
mod dial;
mod error;
mod first;
mod keep;
mod lease;
mod line;
mod open;
mod pool;
mod shelf;
mod status;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

pub use dial::{HubAddress, Passed, ProbeError, Stage, probe};
pub use error::HubError;
pub(crate) use error::in_brackets;
pub(crate) use first::First;
pub(crate) use lease::Lease;
pub use line::ProbeLine;
use pool::Pool;
pub use status::{HubState, HubStatus};

use crate::UplinkGate;

/// The edge's connections to its hub. Clones are the same pool; it ends with the last one, or orderly
/// by [`HubPool::close`].
#[derive(Clone, Debug)]
pub struct HubPool(Arc<Handle>);

/// How a [`HubPool`] behaves.
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// How long a request may take until the hub has connected to its destination, and how long an
    /// attempt to connect to the hub may take.
    pub connect_timeout: Duration,
    /// Nothing is dialled and nothing is pinged while no uplink is up, and what finds no route waits for one.
    /// Without, there always is a way out.
    pub uplink: Option<UplinkGate>,
    /// An idle connection is asked so often whether it still works.
    pub ping_every: Duration,
    /// How many requests came at once is forgotten by half in so long.
    pub forget_half: Duration,
    /// An idle connection that nobody needs is closed after so long.
    pub retire_after: Duration,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(20),
            uplink: None,
            // NATs forget connections on which nothing moves; the most forgetful ones after a minute.
            ping_every: Duration::from_secs(30),
            // A page load's 40 are 5 after a minute.
            forget_half: Duration::from_secs(20),
            // Two page loads that are a minute apart are one visit.
            retire_after: Duration::from_secs(90),
        }
    }
}

#[derive(Debug)]
struct Handle {
    pool: Arc<Pool>,
    keeper: JoinHandle<()>,
}

impl HubPool {
    /// A pool of connections to `hub`. The first ones are dialled at once, in the background.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn new(hub: HubAddress, options: PoolOptions) -> Self {
        let pool = Arc::new(Pool::new(hub, options));
        let keeper = tokio::spawn(keep::keep(Arc::clone(&pool)));
        Self(Arc::new(Handle { pool, keeper }))
    }

    /// To be called when the set of usable uplinks or their addresses have changed. Every idle
    /// connection is asked at once whether it still works, and all are replaced by new ones, which
    /// begin with the new uplinks. So do attempts to connect that are under way: they begin anew.
    pub fn uplinks_changed(&self) {
        self.0.pool.uplinks_changed();
    }

    /// The hub and the connections to it, as of now.
    pub fn status(&self) -> HubStatus {
        self.0.pool.status()
    }

    /// Why the hub can't be used, if the last attempt to connect to it failed.
    pub fn trouble(&self) -> Option<String> {
        self.0.pool.trouble.get()
    }

    /// Keeps no connection idle from here on: each is ended in an orderly way when the request that it
    /// carries is over. Requests that are under way are still served. For a pool in whose place
    /// another one came.
    pub fn retire(&self) {
        self.0.pool.retire();
    }

    /// Ends all idle connections in an orderly way, and takes none back from here on. Waits for as
    /// long as a hub may take that is there.
    pub async fn close(&self) {
        self.0.keeper.abort();
        self.0.pool.close().await;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.keeper.abort();
        // Those who watch the connections hold the pool, and the pool holds them.
        drop(self.pool.shut());
    }
}

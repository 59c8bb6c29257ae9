//! What has been done so far.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counters that everyone adds to.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) queries: Counter,
    pub(crate) from_cache: Counter,
    pub(crate) joined: Counter,
    pub(crate) by_tunnel: Counter,
    pub(crate) by_servers: Counter,
    pub(crate) by_zones: Counter,
    pub(crate) fallbacks: Counter,
    pub(crate) failed: Counter,
    pub(crate) over_limit: Counter,
}

/// One of them.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a [`Resolver`](crate::Resolver) has done since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Queries that came in, wrong ones included.
    pub queries: u64,
    /// Answered by what was known.
    pub from_cache: u64,
    /// Answered together with the same question of somebody else.
    pub joined: u64,
    /// Questions that were answered through the tunnel.
    pub by_tunnel: u64,
    /// Questions that were answered by a server without the tunnel.
    pub by_servers: u64,
    /// Questions about a network's own names, answered by its server.
    pub by_zones: u64,
    /// Those of `by_servers` for which the tunnel was there and did not do.
    pub fallbacks: u64,
    /// Questions that nobody answered.
    pub failed: u64,
    /// Queries that were left unanswered because their client, or all together, had too many under way.
    pub over_limit: u64,
    /// Answers that are kept.
    pub kept: usize,
}

impl Counters {
    pub(crate) fn counts(&self, kept: usize) -> Counts {
        Counts {
            queries: self.queries.get(),
            from_cache: self.from_cache.get(),
            joined: self.joined.get(),
            by_tunnel: self.by_tunnel.get(),
            by_servers: self.by_servers.get(),
            by_zones: self.by_zones.get(),
            fallbacks: self.fallbacks.get(),
            failed: self.failed.get(),
            over_limit: self.over_limit.get(),
            kept,
        }
    }
}

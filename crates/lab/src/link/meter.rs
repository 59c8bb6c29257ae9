//! What a link carries over time.

use std::time::Instant;

use super::LinkHandle;
use crate::traffic::Series;

/// Reads one link's counters, in bytes on the wire.
#[derive(Debug, Clone)]
pub(crate) struct LinkMeter {
    /// Down and up, when they were read last.
    seen: (u64, u64),
    pub(crate) down: Series,
    pub(crate) up: Series,
}

impl LinkMeter {
    /// From `start` on, with what the link has carried until now.
    pub(crate) fn new(link: &LinkHandle, start: Instant) -> Self {
        Self {
            seen: carried(link),
            down: Series::new(start),
            up: Series::new(start),
        }
    }

    /// Takes note of what it has carried since.
    pub(crate) fn read(&mut self, link: &LinkHandle, now: Instant) {
        let (down, up) = carried(link);
        self.down.add(now, down - self.seen.0);
        self.up.add(now, up - self.seen.1);
        self.seen = (down, up);
    }
}

fn carried(link: &LinkHandle) -> (u64, u64) {
    let counters = link.counters();
    (counters.down.wire_bits() / 8, counters.up.wire_bits() / 8)
}

//! When something moved last.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Taken note of with every datagram, so without a lock.
#[derive(Debug)]
pub struct Moved {
    began: Instant,
    /// Milliseconds since then.
    at: AtomicU64,
}

impl Default for Moved {
    /// It moves now.
    fn default() -> Self {
        Self {
            began: Instant::now(),
            at: AtomicU64::new(0),
        }
    }
}

impl Moved {
    /// Something moves.
    pub fn now(&self) {
        let passed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.at.store(passed, Ordering::Relaxed);
    }

    /// For how long nothing has moved.
    pub fn rest(&self) -> Duration {
        let at = Duration::from_millis(self.at.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(at)
    }
}

//! When to dial again after a failure.

use std::time::Duration;

use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);

/// Waits longer after each failure: a hub that is down must not be met by all its edges at once when
/// it is up again.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    last: Option<Instant>,
    until: Option<Instant>,
}

impl Backoff {
    /// An attempt that began then has failed. Of several at once the first to fail counts.
    /// `jitter` is from 0 to 1.
    pub(super) fn failed(&mut self, began: Instant, now: Instant, jitter: f64) {
        if self.last.is_some_and(|last| began < last) {
            return;
        }
        let doubled = FIRST.saturating_mul(1 << self.failures.min(16));
        self.failures += 1;
        self.last = Some(now);
        // A half to the whole of it.
        self.until = Some(now + doubled.min(LONGEST).mul_f64(0.5 + jitter / 2.0));
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// The last attempt failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// When the next attempt may be made, if that is not now.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_half_a_minute_and_start_anew() {
        let mut now = Instant::now();
        let mut backoff = Backoff::default();
        assert_eq!(backoff.until(now), None);
        let mut waits = Vec::new();
        for _ in 0..9 {
            backoff.failed(now, now, 1.0);
            let until = backoff.until(now).unwrap();
            waits.push((until - now).as_millis());
            now = until;
            assert_eq!(backoff.until(now), None);
        }
        assert_eq!(
            waits,
            [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
        );
        assert!(backoff.is_failing());
        backoff.succeeded();
        assert!(!backoff.is_failing());
        backoff.failed(now, now, 0.0);
        assert_eq!(backoff.until(now), Some(now + FIRST / 2));
    }

    #[test]
    fn attempts_that_ran_side_by_side_count_once() {
        let began = Instant::now();
        let mut backoff = Backoff::default();
        for i in 1..=8 {
            backoff.failed(began, began + Duration::from_millis(i), 1.0);
        }
        let until = backoff.until(began).unwrap();
        assert_eq!(until, began + Duration::from_millis(1) + FIRST);
    }
}

//! How many idle connections are worth keeping.

use std::time::Duration;

use tokio::time::Instant;

/// Enough for a program that opens a few connections out of the blue.
const LEAST: usize = 4;

/// More than a browser opens at once for a page (6 for each of about 10 hosts). The rest of a larger
/// burst waits for a handshake, or for a connection that is handed back.
pub(super) const MOST: usize = 64;

/// What is in use for longer than this (up to twice as long) is no part of a burst: a hundred open
/// chats are no reason to keep a hundred idle connections.
const WINDOW: Duration = Duration::from_secs(2);

/// Follows how many connections are asked for at once.
#[derive(Debug)]
pub(super) struct Demand {
    /// A peak counts for half after so long.
    half_life: Duration,
    /// The largest burst, as of `peak_at`.
    peak: usize,
    peak_at: Instant,
    /// How many were busy when last noted.
    last: usize,
    /// The least that were busy in this window, and in the one before.
    lows: [usize; 2],
    window_began: Instant,
}

impl Demand {
    pub(super) fn new(half_life: Duration, now: Instant) -> Self {
        Self {
            half_life,
            peak: 0,
            peak_at: now,
            last: 0,
            lows: [0, 0],
            window_began: now,
        }
    }

    /// Takes note that `busy` connections are in use or waited for from `now` on. To be called with
    /// each change.
    pub(super) fn note(&mut self, busy: usize, now: Instant) {
        self.roll(now);
        self.last = busy;
        self.lows[0] = self.lows[0].min(busy);
        // Of what is not kept for, nothing is to be forgotten either.
        let burst = self.burst().min(MOST);
        if burst >= self.peak(now) {
            (self.peak, self.peak_at) = (burst, now);
        }
    }

    /// How many idle connections there should be. A burst that is under way comes back by itself.
    pub(super) fn idle_wanted(&mut self, now: Instant) -> usize {
        self.roll(now);
        self.peak(now)
            .saturating_sub(self.burst())
            .clamp(LEAST, MOST)
    }

    fn burst(&self) -> usize {
        self.last - self.lows[0].min(self.lows[1])
    }

    fn peak(&self, now: Instant) -> usize {
        let age = now.saturating_duration_since(self.peak_at);
        let halved = 0.5_f64.powf(age.as_secs_f64() / self.half_life.as_secs_f64());
        (self.peak as f64 * halved).round() as usize
    }

    fn roll(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.window_began);
        if age < WINDOW {
            return;
        }
        let before = if age < 2 * WINDOW {
            self.lows[0]
        } else {
            self.last
        };
        self.lows = [self.last, before];
        self.window_began = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF_LIFE: Duration = Duration::from_secs(20);

    fn after(began: Instant, millis: u64) -> Instant {
        began + Duration::from_millis(millis)
    }

    #[test]
    fn a_burst_is_kept_for_and_forgotten_slowly() {
        let began = Instant::now();
        let mut demand = Demand::new(HALF_LIFE, began);
        assert_eq!(demand.idle_wanted(began), LEAST);
        (1..=40).for_each(|busy| demand.note(busy, began));
        assert_eq!(demand.idle_wanted(began), LEAST, "the burst comes back");
        (0..40)
            .rev()
            .for_each(|busy| demand.note(busy, after(began, 300)));
        assert_eq!(demand.idle_wanted(after(began, 300)), 40);
        assert_eq!(demand.idle_wanted(after(began, 20_000)), 20);
        assert_eq!(demand.idle_wanted(after(began, 60_000)), 5);
        assert_eq!(demand.idle_wanted(after(began, 200_000)), LEAST);
    }

    #[test]
    fn one_after_the_other_is_no_burst() {
        let began = Instant::now();
        let mut demand = Demand::new(HALF_LIFE, began);
        for i in 0..10_000 {
            demand.note(1, after(began, i));
            demand.note(0, after(began, i));
        }
        assert_eq!(demand.idle_wanted(after(began, 10_000)), LEAST);
    }

    #[test]
    fn what_stays_in_use_is_no_burst() {
        let began = Instant::now();
        let mut demand = Demand::new(HALF_LIFE, began);
        for i in 1..=100 {
            demand.note(i, after(began, 10_000 * i as u64));
        }
        assert_eq!(demand.idle_wanted(after(began, 1_010_000)), LEAST);
        (101..=120).for_each(|busy| demand.note(busy, after(began, 1_020_000)));
        (100..120)
            .rev()
            .for_each(|busy| demand.note(busy, after(began, 1_020_100)));
        assert_eq!(demand.idle_wanted(after(began, 1_020_100)), 20);
    }

    #[test]
    fn there_is_a_most() {
        let began = Instant::now();
        let mut demand = Demand::new(HALF_LIFE, began);
        demand.note(2000, began);
        demand.note(0, began);
        assert_eq!(demand.idle_wanted(began), MOST);
        assert_eq!(demand.idle_wanted(after(began, 20_000)), MOST / 2);
    }
}

//! Bytes by time, and what can be read from that.

use std::time::{Duration, Instant};

/// Bytes that came in each interval of [`Series::EVERY`] since a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    start: Instant,
    bytes: Vec<u64>,
}

impl Series {
    /// Length of an interval. The times to reach are of 60 ms and more.
    pub const EVERY: Duration = Duration::from_millis(10);

    /// Over how much time throughput is averaged before it is compared with a limit: 50 ms, centred.
    /// A receiver gets its bytes in bursts, so single intervals say little; a stall that matters
    /// (60 ms and more) is longer than the window.
    pub const WINDOW: usize = 5;

    /// Nothing yet.
    #[must_use]
    pub fn new(start: Instant) -> Self {
        Self {
            start,
            bytes: Vec::new(),
        }
    }

    /// When the first interval begins.
    #[must_use]
    pub fn start(&self) -> Instant {
        self.start
    }

    /// Notes bytes that came at `now`; what came before the start counts for the first interval.
    pub fn add(&mut self, now: Instant, bytes: u64) {
        let interval = self.interval(now);
        if interval >= self.bytes.len() {
            self.bytes.resize(interval + 1, 0);
        }
        self.bytes[interval] += bytes;
    }

    /// Bytes of each interval.
    #[must_use]
    pub fn bytes(&self) -> &[u64] {
        &self.bytes
    }

    /// Bits per second at the end of the series: the last `intervals` ones.
    #[must_use]
    pub fn latest(&self, intervals: usize) -> f64 {
        let from = self.bytes.len().saturating_sub(intervals);
        rate(&self.bytes[from..], intervals)
    }

    /// Bits per second from `from` after the start on, for `length`. Both are whole intervals.
    #[must_use]
    pub fn mean(&self, from: Duration, length: Duration) -> f64 {
        let intervals = |time: Duration| (time.as_nanos() / Self::EVERY.as_nanos()) as usize;
        let span = self.bytes.iter().skip(intervals(from));
        let bytes: u64 = span.take(intervals(length)).sum();
        bytes as f64 * 8.0 / length.as_secs_f64()
    }

    /// Bits per second, averaged over a centred window of so many intervals (an odd number), one
    /// value for each interval. Outside the series there is nothing: zero.
    #[must_use]
    pub fn smoothed(&self, window: usize) -> Vec<f64> {
        let side = window / 2;
        let around = |at: usize| {
            let until = (at + side + 1).min(self.bytes.len());
            rate(&self.bytes[at.saturating_sub(side)..until], 2 * side + 1)
        };
        (0..self.bytes.len()).map(around).collect()
    }

    /// For how long altogether, from `from` until `until`, the throughput (averaged over
    /// [`Series::WINDOW`]) was below `limit` bits per second. Time after the end of the series
    /// counts as below.
    #[must_use]
    pub fn time_below(&self, limit: f64, from: Instant, until: Instant) -> Duration {
        let rates = self.smoothed(Self::WINDOW);
        let intervals = self.interval(from)..self.interval(until);
        let below = intervals
            .filter(|&at| rates.get(at).is_none_or(|rate| *rate < limit))
            .count();
        Self::EVERY * u32::try_from(below).unwrap_or(u32::MAX)
    }

    /// How long after `from` the throughput (averaged over [`Series::WINDOW`]) was first at least
    /// `limit` bits per second.
    #[must_use]
    pub fn reaches(&self, limit: f64, from: Instant) -> Option<Duration> {
        let rates = self.smoothed(Self::WINDOW);
        let first = self.interval(from);
        let after = rates.get(first..)?.iter().position(|rate| *rate >= limit)?;
        Some(Self::EVERY * u32::try_from(after).ok()?)
    }

    fn interval(&self, at: Instant) -> usize {
        let since = at.saturating_duration_since(self.start);
        (since.as_nanos() / Self::EVERY.as_nanos()) as usize
    }
}

fn rate(bytes: &[u64], intervals: usize) -> f64 {
    let bits = bytes.iter().sum::<u64>() as f64 * 8.0;
    bits / (Series::EVERY.as_secs_f64() * intervals as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10 ms at 1 Mb/s.
    const MEGABIT: u64 = 1_250;

    fn at(series: &Series, milliseconds: u64) -> Instant {
        series.start() + Duration::from_millis(milliseconds)
    }

    /// Mb/s from the time in ms until the next piece's.
    fn series(pieces: &[(u64, u64)], end: u64) -> Series {
        let mut series = Series::new(Instant::now());
        for time in (0..end).step_by(10) {
            let piece = pieces.iter().rfind(|piece| piece.0 <= time).unwrap();
            series.add(at(&series, time + 3), piece.1 * MEGABIT);
        }
        series
    }

    fn below(series: &Series, limit: f64, from: u64, until: u64) -> u128 {
        series
            .time_below(limit, at(series, from), at(series, until))
            .as_millis()
    }

    #[test]
    fn a_stall_is_as_long_as_it_is_but_for_the_window() {
        for stall in [100, 200, 1_000] {
            let pulled = series(&[(0, 70), (1_000, 0), (1_000 + stall, 37)], 4_000);
            let measured = below(&pulled, 20e6, 1_000, 3_000);
            assert!(
                measured.abs_diff(stall.into()) <= 10,
                "{measured} for {stall}"
            );
        }
    }

    #[test]
    fn two_stalls_add_up_and_time_outside_does_not_count() {
        let twice = series(
            &[
                (0, 0),
                (500, 70),
                (1_000, 0),
                (1_100, 37),
                (1_500, 5),
                (1_700, 37),
            ],
            3_000,
        );
        let measured = below(&twice, 20e6, 1_000, 3_000);
        assert!(measured.abs_diff(300) <= 20, "{measured}");
    }

    #[test]
    fn bursts_within_the_window_are_no_stall() {
        let mut series = Series::new(Instant::now());
        for time in (0..2_000).step_by(40) {
            series.add(at(&series, time), 4 * 37 * MEGABIT);
        }
        assert_eq!(below(&series, 20e6, 500, 1_500), 0);
    }

    #[test]
    fn a_connection_that_has_ended_stalls_for_ever() {
        let ended = series(&[(0, 70)], 1_000);
        assert_eq!(below(&ended, 20e6, 2_000, 3_000), 1_000);
    }

    #[test]
    fn the_return_is_when_the_limit_is_reached() {
        let back = series(&[(0, 35), (1_000, 0), (1_500, 35)], 2_000);
        let after = back.reaches(3.5e6, at(&back, 1_100)).unwrap().as_millis();
        assert!(after.abs_diff(400) <= 20, "{after}");
        assert_eq!(back.reaches(50e6, at(&back, 1_100)), None);
        assert_eq!(back.reaches(1.0, at(&back, 10_000)), None);
    }

    #[test]
    fn a_mean_counts_only_its_own_span() {
        let mut series = Series::new(Instant::now());
        for (interval, bytes) in [0, 0, 1000, 3000, 500].into_iter().enumerate() {
            series.add(series.start() + Series::EVERY * interval as u32, bytes);
        }
        let milliseconds = Duration::from_millis;
        let mean = series.mean(milliseconds(20), milliseconds(20));
        assert_eq!(mean, 4000.0 * 8.0 / 0.02);
        assert_eq!(series.mean(milliseconds(100), milliseconds(20)), 0.0);
    }

    #[test]
    fn the_latest_rate_is_that_of_the_last_intervals() {
        let series = series(&[(0, 70), (900, 10)], 1_000);
        assert!((series.latest(10) - 10e6).abs() < 1.0);
        assert!((series.latest(20) - 40e6).abs() < 1.0);
    }
}

//! How long a path may be silent before it counts as dead.
//!
//! Silence is counted from the last sign of life, so queues matter little: while a queue that our own data
//! has filled drains, something keeps coming, and the answer to a question behind it comes right after.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::asking::AT_FIRST;

/// A round trip time as TCP measures it (RFC 6298): smoothed, and its mean deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrip {
    /// Smoothed round trip time.
    pub smoothed: Duration,
    /// Mean deviation.
    pub deviation: Duration,
}

/// What is always allowed for: timers, schedulers and radio frames are not exact.
const LEAST_SLACK: Duration = Duration::from_millis(12);

/// Before anything was measured: a path around the world by radio.
const UNKNOWN: Duration = Duration::from_millis(400);

/// The second question, and those after it, follow each other so closely.
pub(crate) const AGAIN_AFTER: Duration = Duration::from_millis(10);

/// Longer silence is no path that one can work with.
const MOST: Duration = Duration::from_secs(2);

/// So many answers are remembered.
const ANSWERS: usize = 8;

/// Who answers so soon after having been given up was slow, not away.
const LATE: Duration = Duration::from_millis(500);

/// A false alarm is forgotten by half in so long.
const FORGET_HALF: Duration = Duration::from_secs(120);

/// How long the other end may take to answer on one path. Learns from answers, and from those that
/// came after all when the path had been given up.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    /// How long the last answers took.
    answers: VecDeque<Duration>,
    /// The quickest of all.
    least: Option<Duration>,
    /// What the path's subflows have, for as long as nobody has answered.
    subflows: Option<RoundTrip>,
    /// What false alarms have taught, and when.
    lesson: Duration,
    learned: Instant,
}

impl Patience {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            answers: VecDeque::with_capacity(ANSWERS),
            least: None,
            subflows: None,
            lesson: Duration::ZERO,
            learned: now,
        }
    }

    /// A probe was answered.
    pub(crate) fn answered(&mut self, after: Duration) {
        if self.answers.len() == ANSWERS {
            self.answers.pop_front();
        }
        self.answers.push_back(after);
        self.least = Some(self.least.map_or(after, |least| least.min(after)));
    }

    /// A subflow of the path has this round trip.
    pub(crate) fn seen(&mut self, round_trip: RoundTrip) {
        self.subflows = Some(round_trip);
    }

    /// A path that was asked at `asked` and given up at `given_up` lives after all. If it does so early,
    /// it was a slow answer rather than an outage.
    pub(crate) fn was_too_short_if_late(
        &mut self,
        asked: Instant,
        given_up: Instant,
        now: Instant,
    ) {
        if now.saturating_duration_since(given_up) <= LATE {
            let late = now.saturating_duration_since(asked).min(MOST);
            self.lesson = self.lesson(now).max(late);
            self.learned = now;
        }
    }

    /// An answer that takes longer is late, and one asks again.
    pub(crate) fn overdue(&self) -> Duration {
        match (self.usual(), self.answers.iter().min(), self.subflows) {
            (Some(usual), Some(best), _) => usual + LEAST_SLACK.max(usual - *best),
            (_, _, Some(subflows)) => subflows.smoothed + LEAST_SLACK.max(subflows.deviation * 2),
            _ => UNKNOWN,
        }
    }

    /// How long to wait for a sign of life after the first question: until the third one is overdue, of
    /// which the second goes when the first is overdue.
    pub(crate) fn limit(&self, now: Instant) -> Duration {
        let usual = self.overdue() * 2 + AGAIN_AFTER;
        usual.max(self.lesson(now) * 5 / 4).min(MOST)
    }

    /// The median of the last answers: an odd one changes nothing.
    pub(crate) fn usual(&self) -> Option<Duration> {
        let mut sorted: Vec<Duration> = self.answers.iter().copied().collect();
        sorted.sort();
        sorted.get(sorted.len() / 2).copied()
    }

    /// How long the quickest of all answers took, if there are enough of them to know: any one may be late.
    pub(crate) fn least(&self) -> Option<Duration> {
        let enough = self.answers.len() >= AT_FIRST as usize;
        self.least.filter(|_| enough)
    }

    fn lesson(&self, now: Instant) -> Duration {
        let age = now.saturating_duration_since(self.learned);
        self.lesson
            .mul_f64(0.5_f64.powf(age.as_secs_f64() / FORGET_HALF.as_secs_f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn answered(answers: impl IntoIterator<Item = u64>) -> (Patience, Instant) {
        let now = Instant::now();
        let mut patience = Patience::new(now);
        answers.into_iter().for_each(|it| patience.answered(ms(it)));
        (patience, now)
    }

    #[test]
    fn a_steady_path_gets_its_round_trip_and_a_little() {
        let (patience, now) = answered([15; 5]);
        assert_eq!(patience.overdue(), ms(15) + LEAST_SLACK);
        assert_eq!(patience.limit(now), ms(15 + 12 + 10 + 15 + 12));
        assert_eq!(patience.usual(), Some(ms(15)));
    }

    #[test]
    fn one_odd_answer_changes_nothing_and_jitter_does() {
        let (odd, _) = answered([15, 15, 400, 15]);
        assert_eq!(odd.overdue(), ms(27));
        let (jittery, _) = answered([40, 140, 60, 120, 90, 130, 50, 100]);
        assert_eq!(jittery.overdue(), ms(160));
        let (slower, _) = answered((0..8).map(|_| 15).chain([200; 8]));
        assert_eq!(slower.overdue(), ms(212));
    }

    #[test]
    fn late_answers_and_queues_do_not_make_a_path_far() {
        let (few, _) = answered([400, 15]);
        assert_eq!(few.least(), None);
        let (enough, _) = answered([400, 15, 30]);
        assert_eq!(enough.least(), Some(ms(15)));
        let (queues, _) = answered([15; 3].into_iter().chain([300; 20]));
        assert_eq!(queues.least(), Some(ms(15)));
    }

    #[test]
    fn before_the_first_answer_subflows_tell() {
        let (mut patience, now) = answered([]);
        assert_eq!(patience.overdue(), UNKNOWN);
        patience.seen(RoundTrip {
            smoothed: ms(60),
            deviation: ms(20),
        });
        assert_eq!(patience.overdue(), ms(100));
        assert_eq!(patience.limit(now), ms(210));
        patience.answered(ms(40));
        assert_eq!(patience.overdue(), ms(52));
    }

    #[test]
    fn a_false_alarm_is_remembered_and_forgotten() {
        let (mut patience, now) = answered([15]);
        patience.was_too_short_if_late(now, now + ms(60), now + ms(200));
        assert_eq!(patience.limit(now + ms(200)), ms(250));
        assert_eq!(patience.limit(now + ms(200) + FORGET_HALF), ms(125));
    }

    #[test]
    fn an_outage_teaches_no_patience() {
        let (mut patience, now) = answered([15]);
        let before = patience.limit(now);
        patience.was_too_short_if_late(now, now + ms(60), now + ms(3000));
        assert_eq!(patience.limit(now + ms(3000)), before);
    }
}

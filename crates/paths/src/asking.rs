//! When to ask the other end over a path whether it is there.
//!
//! Data that flows tells by itself that the path works. A question is sent when it stops flowing (it may
//! have come to its end, or the path is dead), now and then on a path that carries nothing while others
//! do, and again and again on one that is not trusted. A budget bounds what all of that costs.

use std::time::{Duration, Instant};

use crate::patience::AGAIN_AFTER;

/// A flow that pauses for less is not asked about: schedulers and radio frames are not exact.
const LEAST_QUIET: Duration = Duration::from_millis(30);
/// A flow pauses unusually long from so many of its usual gaps on.
const UNUSUAL_GAPS: u32 = 2;
/// A pause of so many times that is asked about even if nothing is left to be spent.
const LONG_PAUSE: u32 = 4;
/// Pauses longer than this belong to no flow.
const LONGEST_GAP: Duration = Duration::from_secs(1);

/// Every path is asked so often while any carries: one that carries nothing may have died, and under
/// load the round trip grows.
const EVERY: Duration = Duration::from_secs(1);

/// A new path is asked so often in a row: its first answer may be late (a radio wakes up), and how far it is
/// matters before it carries anything.
pub(crate) const AT_FIRST: u32 = 3;

/// A path that has stopped answering is asked so often at first, then so often, and so often while
/// nothing moves anywhere or each question costs.
const DOUBTED_EVERY: Duration = Duration::from_millis(100);
const DOUBTED_FIRST: Duration = Duration::from_secs(1);
const DEAD_EVERY: Duration = Duration::from_millis(125);
const UNNEEDED_EVERY: Duration = Duration::from_secs(5);

/// A question and its answer are some 270 bytes on the wire; so many a second are to be afforded on a
/// path that works, and so many at once.
const BUDGET_PER_SECOND: f64 = 2.0;
const BUDGET_AT_ONCE: f64 = 4.0;

#[derive(Clone, Debug)]
pub(crate) struct Asking {
    last: Option<Instant>,
    /// Of the questions to a new path, so many are left.
    first: u32,
    /// Data has come since the last question.
    flows: bool,
    /// When data came last, and the usual pause between two looks that saw some.
    data: Instant,
    gap: Duration,
    budget: f64,
    filled: Instant,
}

/// How things stand with a path, for deciding whether to ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) up: bool,
    /// Questions that have had no answer.
    pub(crate) unanswered: u32,
    /// An answer that takes longer is late.
    pub(crate) overdue: Duration,
    /// Since when it is in this state.
    pub(crate) since: Instant,
    /// When something last came from the other end.
    pub(crate) life: Instant,
    /// User data moves on some path.
    pub(crate) traffic: bool,
    /// Nothing may be spent on it while it carries nothing.
    pub(crate) spare: bool,
}

impl Asking {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            last: None,
            first: AT_FIRST,
            flows: false,
            data: now,
            gap: Duration::ZERO,
            budget: BUDGET_AT_ONCE,
            filled: now,
        }
    }

    /// The sockets were looked at.
    pub(crate) fn look(&mut self, life: bool, waiting: bool, now: Instant) {
        if life {
            let gap = now.saturating_duration_since(self.data);
            if gap < LONGEST_GAP {
                self.gap = self.gap * 7 / 8 + gap / 8;
            }
            self.data = now;
        }
        self.flows |= life || waiting;
    }

    /// Whether a question is to be sent now; it then counts as sent.
    pub(crate) fn is_due(&mut self, standing: Standing, now: Instant) -> bool {
        let due = match (standing.up, standing.unanswered) {
            (true, 0) => {
                self.is_new(standing) || self.pauses(standing, now) || self.rests(standing, now)
            }
            (true, 1) => self.is_long_ago(standing.overdue, now),
            (true, 2) => self.is_long_ago(AGAIN_AFTER, now),
            (true, _) => self.is_long_ago(standing.overdue, now),
            (false, _) => self.is_doubted(standing, now),
        };
        if due {
            self.last = Some(now);
            self.flows = false;
        }
        due
    }

    fn is_new(&mut self, standing: Standing) -> bool {
        let is_new = self.first > 0 && !standing.spare;
        self.first -= u32::from(is_new);
        is_new
    }

    /// What flowed has stopped, or was sent and not acknowledged.
    fn pauses(&mut self, standing: Standing, now: Instant) -> bool {
        let quiet = LEAST_QUIET.max(self.gap * UNUSUAL_GAPS);
        let since = self
            .last
            .map_or(standing.life, |last| last.max(standing.life));
        let pause = now.saturating_duration_since(since);
        self.flows && pause >= quiet && (self.afford(now) || pause >= quiet * LONG_PAUSE)
    }

    fn rests(&mut self, standing: Standing, now: Instant) -> bool {
        standing.traffic && !standing.spare && self.is_long_ago(EVERY, now) && self.afford(now)
    }

    fn is_doubted(&self, standing: Standing, now: Instant) -> bool {
        let every = match now.saturating_duration_since(standing.since) {
            age if age < DOUBTED_FIRST => DOUBTED_EVERY,
            _ if standing.traffic && !standing.spare => DEAD_EVERY,
            _ => UNNEEDED_EVERY,
        };
        let since = self.last.filter(|last| *last >= standing.since);
        since.is_none_or(|last| now.saturating_duration_since(last) >= every)
    }

    /// Whether the last question is at least so long ago.
    fn is_long_ago(&self, span: Duration, now: Instant) -> bool {
        self.last
            .is_none_or(|last| now.saturating_duration_since(last) >= span)
    }

    fn afford(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.budget = (self.budget + passed * BUDGET_PER_SECOND).min(BUDGET_AT_ONCE);
        self.filled = now;
        let enough = self.budget >= 1.0;
        if enough {
            self.budget -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
#[path = "asking_tests.rs"]
mod tests;

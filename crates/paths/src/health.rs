//! One path: whether it is there, whether it answers, and whether it may be trusted again.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::event::{Link, Probed};
use crate::patience::Patience;
use crate::reason::Reason;

/// What a path is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It works.
    Up,
    /// It does not answer, or has not proved itself yet: not used while another one works.
    Suspect,
    /// It is gone, or has not answered for seconds.
    Down,
    /// A captive portal stands in its way.
    Portal,
    /// It works, but the sum is faster without it: it stands by.
    Degraded,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Suspect => "suspect",
            Self::Down => "down",
            Self::Portal => "portal",
            Self::Degraded => "degraded",
        })
    }
}

/// Silence for longer than this is no doubt any more.
const SURELY_DOWN: Duration = Duration::from_secs(3);

/// Failures count for so long ...
pub(crate) const FALLS_COUNT_FOR: Duration = Duration::from_secs(10);
/// ... and so many of them are bad luck. With each further one the path has to hold twice as long before
/// it is used again.
const BAD_LUCK: usize = 2;
const FIRST_HOLD: Duration = Duration::from_secs(1);
const LONGEST_HOLD: Duration = Duration::from_secs(30);

/// A path that can't be asked is tried again after so long.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// An answer proves that a path works now if it is not older than this.
const FRESH: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
pub(crate) struct Health {
    standing: Standing,
    since: Instant,
    /// When something last came from the other end.
    life: Instant,
    /// Questions since something last came.
    questions: Questions,
    falls: VecDeque<Instant>,
    pub(crate) patience: Patience,
}

/// Questions that have had no answer, and after which nothing has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Questions {
    pub(crate) count: u32,
    first: Option<Instant>,
}

/// So many questions must have had no answer before a path is given up: packets get lost on any path.
const ENOUGH: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Up,
    /// Asked at a time, it did not answer within the limit.
    Silent {
        asked: Instant,
        limit: Duration,
    },
    Gone(Link),
    /// It may be used from `until` on, if it answers.
    Proving {
        until: Instant,
        answered: bool,
    },
}

impl Health {
    /// A path whose link nobody has looked at yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            standing: Standing::Gone(Link::NoAddress),
            since: now,
            life: now,
            questions: Questions::default(),
            falls: VecDeque::new(),
            patience: Patience::new(now),
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.standing == Standing::Up
    }

    /// The link is there, and it did not answer.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self.standing, Standing::Silent { .. })
    }

    /// The link is there, whether it answers or not.
    pub(crate) fn has_link(&self) -> bool {
        !matches!(self.standing, Standing::Gone(_))
    }

    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    pub(crate) fn life(&self) -> Instant {
        self.life
    }

    pub(crate) fn state(&self, now: Instant) -> State {
        match self.standing {
            Standing::Up => State::Up,
            Standing::Silent { .. } if now.duration_since(self.since) >= SURELY_DOWN => State::Down,
            Standing::Silent { .. } | Standing::Proving { .. } => State::Suspect,
            Standing::Gone(Link::Portal) => State::Portal,
            Standing::Gone(_) => State::Down,
        }
    }

    pub(crate) fn reason(&self, now: Instant) -> Reason {
        match self.standing {
            Standing::Up => Reason::Works,
            Standing::Silent { limit, .. } => Reason::Silent(limit),
            Standing::Gone(Link::NoCarrier) => Reason::NoCarrier,
            Standing::Gone(Link::Portal) => Reason::Portal,
            Standing::Gone(Link::NoGateway) => Reason::NoGateway,
            Standing::Gone(_) => Reason::NoAddress,
            Standing::Proving { until, .. } if until > now => Reason::Flapping {
                times: self.falls.len() as u32,
                hold: until.duration_since(self.since),
            },
            Standing::Proving { .. } => Reason::Unproven,
        }
    }

    /// The link is as told. `must_prove`: there is a way to ask, and another path that works meanwhile.
    pub(crate) fn link(&mut self, link: Link, must_prove: bool, now: Instant) {
        match (link, self.standing) {
            (Link::Usable, Standing::Gone(was)) => {
                // What failed had a cause, and that is over.
                if was == Link::Portal {
                    self.falls.clear();
                }
                let until = now + self.hold(now);
                if until == now && !must_prove {
                    self.rise(now);
                } else {
                    self.change(
                        Standing::Proving {
                            until,
                            answered: !must_prove,
                        },
                        now,
                    );
                }
            }
            (Link::Usable, _) => {}
            (gone, Standing::Gone(was)) if gone == was => {}
            // Already counted: only the cause has changed.
            (gone, Standing::Gone(_)) => self.standing = Standing::Gone(gone),
            // Already counted, too: now one knows why.
            (gone, Standing::Silent { .. }) => self.change(Standing::Gone(gone), now),
            (gone, _) => self.fall(Standing::Gone(gone), now),
        }
    }

    /// A question was sent that the other end has to answer.
    pub(crate) fn ask(&mut self, now: Instant) {
        self.questions.count += 1;
        self.questions.first.get_or_insert(now);
    }

    /// Where nobody can be asked: data that gets no answer is the question, for as long as it gets none.
    pub(crate) fn data_asks(&mut self, stuck: bool, now: Instant) {
        if stuck {
            self.ask(now);
        } else {
            self.forget_questions();
        }
    }

    /// Nobody is going to answer them.
    pub(crate) fn forget_questions(&mut self) {
        self.questions = Questions::default();
    }

    pub(crate) fn questions(&self) -> Questions {
        self.questions
    }

    /// Something has come from the other end.
    pub(crate) fn lives(&mut self, now: Instant) {
        self.life = now;
        self.questions = Questions::default();
        match self.standing {
            Standing::Silent { asked, .. } => {
                self.patience.was_too_short_if_late(asked, self.since, now);
                match self.hold(now) {
                    Duration::ZERO => self.rise(now),
                    hold => self.change(
                        Standing::Proving {
                            until: now + hold,
                            answered: true,
                        },
                        now,
                    ),
                }
            }
            Standing::Proving { until, .. } if until <= now => self.rise(now),
            Standing::Proving { until, .. } => {
                self.standing = Standing::Proving {
                    until,
                    answered: true,
                };
            }
            Standing::Up | Standing::Gone(_) => {}
        }
    }

    pub(crate) fn probed(&mut self, probed: Probed, now: Instant) {
        match probed {
            Probed::Answered(after) => {
                self.patience.answered(after);
                self.lives(now);
            }
            Probed::Unasked => self.forget_questions(),
        }
    }

    /// Nobody has looked for so long until now: what was asked before has not been silent for it.
    pub(crate) fn excuse(&mut self, span: Duration, now: Instant) {
        if let Some(first) = &mut self.questions.first {
            *first = now.min(*first + span);
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Instant) {
        match self.standing {
            Standing::Up | Standing::Proving { answered: true, .. }
                if let Some(silent) = self.silence(now) =>
            {
                self.fall(silent, now);
            }
            Standing::Proving {
                until,
                answered: true,
            } if until <= now && now.duration_since(self.life) <= FRESH => self.rise(now),
            _ => {}
        }
    }

    /// That enough questions have had no answer for long enough.
    fn silence(&self, now: Instant) -> Option<Standing> {
        let asked = self
            .questions
            .first
            .filter(|_| self.questions.count >= ENOUGH)?;
        let limit = self.patience.limit(now);
        let is_over = now.saturating_duration_since(asked) >= limit;
        is_over.then_some(Standing::Silent { asked, limit })
    }

    /// Where nobody can be asked: uses a path again after a while, to see whether it works.
    pub(crate) fn try_again(&mut self, now: Instant) {
        let until = match self.standing {
            Standing::Silent { .. } => self.since + TRY_AGAIN.max(self.hold(now)),
            Standing::Proving { until, .. } => until,
            Standing::Up | Standing::Gone(_) => return,
        };
        if until <= now {
            self.rise(now);
        }
    }

    fn rise(&mut self, now: Instant) {
        self.questions = Questions::default();
        self.life = now;
        self.change(Standing::Up, now);
    }

    fn fall(&mut self, standing: Standing, now: Instant) {
        self.questions = Questions::default();
        self.falls.push_back(now);
        self.change(standing, now);
    }

    fn change(&mut self, standing: Standing, now: Instant) {
        self.standing = standing;
        self.since = now;
    }

    /// How long it has to hold before it is used again, after its failures of late.
    fn hold(&mut self, now: Instant) -> Duration {
        let is_old = |fall: &Instant| now.duration_since(*fall) > FALLS_COUNT_FOR;
        while self.falls.front().is_some_and(is_old) {
            self.falls.pop_front();
        }
        match self.falls.len().checked_sub(BAD_LUCK + 1) {
            None => Duration::ZERO,
            Some(more) => (FIRST_HOLD * 2_u32.pow(more.min(8) as u32)).min(LONGEST_HOLD),
        }
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;

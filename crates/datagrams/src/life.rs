//! Signs of life of a connection. Pure: no I/O, and the clock is passed in.

use std::time::{Duration, Instant};

/// Datagrams that have moved count for so long.
pub const BUSY: Duration = Duration::from_secs(2);

/// The other end may hold an acknowledgement back for 25 ms (RFC 9000 section 13.2.1); the rest is for queues and
/// for machines that are slow.
const PATIENCE: Duration = Duration::from_millis(60);

/// How often a connection that is silent is asked, and how long it must answer to be used again.
const ASK: Duration = Duration::from_millis(200);
const HOLD: Duration = Duration::from_secs(1);

/// How often one that carries nothing is asked while the others do: what is known of its round trip would else be
/// from its first moments. 200 bytes per second.
const COMPARE: Duration = Duration::from_millis(250);

/// Why one wants to know of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Datagrams go by it.
    Used,
    /// They go by another one, and might go by it.
    MayBeUsed,
    /// None do, or it is to be used only when no other can be.
    None,
}

/// What is known of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Life {
    /// Acknowledgements and datagrams that have come.
    heard: u64,
    heard_at: Option<Instant>,
    heard_datagrams: u64,
    datagram_at: Option<Instant>,
    /// Since when something was sent that nothing has come back for.
    unanswered: Option<Instant>,
    silent: bool,
    silent_since: Option<Instant>,
    answers_since: Option<Instant>,
    asked: Option<Instant>,
}

impl Life {
    /// Something is sent that is to be answered.
    pub fn sends(&mut self, now: Instant) {
        self.unanswered.get_or_insert(now);
    }

    /// Whether nothing comes back over it, or has come back for a moment only.
    pub fn is_silent(&self) -> bool {
        self.silent
    }

    /// How long nothing has come back.
    pub fn silence(&self, now: Instant) -> Duration {
        self.silent_since
            .map_or(Duration::ZERO, |since| now - since)
    }

    /// Whether datagrams have come since the last look; `datagrams` counts them.
    pub fn has_come(&self, datagrams: u64) -> bool {
        datagrams != self.heard_datagrams
    }

    /// Takes note of how many acknowledgements and datagrams, and how many datagrams, have come. `true` if a
    /// question is due.
    pub fn look(
        &mut self,
        (heard, datagrams): (u64, u64),
        interest: Interest,
        round_trip: Duration,
        now: Instant,
    ) -> bool {
        if self.has_come(datagrams) {
            self.heard_datagrams = datagrams;
            self.datagram_at = Some(now);
        }
        if heard != self.heard {
            self.heard = heard;
            self.heard_at = Some(now);
            self.unanswered = None;
            self.silent_since = None;
            if self.silent {
                let since = *self.answers_since.get_or_insert(now);
                self.silent = now - since < HOLD;
            }
        } else if self
            .unanswered
            .is_some_and(|sent| now - sent > patience(round_trip))
        {
            self.silent = true;
            self.silent_since.get_or_insert(now);
            self.answers_since = None;
        }
        self.asks(interest, now)
    }

    /// A silent connection is asked whether it lives again; one by which datagrams came a moment ago, whether they
    /// have come to an end or it has; one that may take another's place, how long an answer takes.
    fn asks(&mut self, interest: Interest, now: Instant) -> bool {
        let is_within = |at: Option<Instant>, time| at.is_some_and(|at| now - at < time);
        let has_paused = is_within(self.datagram_at, BUSY / 2)
            && !is_within(self.heard_at, PATIENCE)
            && self.unanswered.is_none();
        let asks = (self.silent && !is_within(self.asked, ASK))
            || match interest {
                Interest::Used => has_paused,
                Interest::MayBeUsed => !is_within(self.asked, COMPARE),
                Interest::None => false,
            };
        if asks {
            self.asked = Some(now);
            self.sends(now);
        }
        asks
    }
}

fn patience(round_trip: Duration) -> Duration {
    round_trip * 3 / 2 + PATIENCE
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(40);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn what_is_not_answered_in_time_makes_silent_and_answers_make_it_good() {
        let (mut life, began) = (Life::default(), Instant::now());
        life.unanswered = Some(began);
        assert!(!life.look((0, 0), Interest::Used, RTT, began + ms(110)));
        assert!(!life.silent);
        assert!(
            life.look((0, 0), Interest::Used, RTT, began + ms(130)),
            "a question"
        );
        assert!(life.silent);
        assert!(!life.look((0, 0), Interest::None, RTT, began + ms(200)));
        assert!(life.look((0, 0), Interest::None, RTT, began + ms(340)));
        life.look((1, 0), Interest::None, RTT, began + ms(400));
        assert!(life.silent, "it has to hold");
        life.look((2, 0), Interest::None, RTT, began + ms(1500));
        assert!(!life.silent);
    }

    #[test]
    fn a_stream_that_stops_is_asked_about() {
        let (mut life, began) = (Life::default(), Instant::now());
        for n in 1..10 {
            assert!(!life.look((n, n), Interest::Used, RTT, began + ms(20 * n)));
        }
        assert!(!life.look((9, 9), Interest::Used, RTT, began + ms(220)));
        assert!(life.look((9, 9), Interest::Used, RTT, began + ms(250)));
        assert!(!life.look((9, 9), Interest::Used, RTT, began + ms(260)));
        assert!(!life.silent);
        life.look((9, 9), Interest::Used, RTT, began + ms(400));
        assert!(life.silent);
        assert!(!Life::default().look((0, 0), Interest::Used, RTT, began));
    }

    #[test]
    fn one_that_may_be_used_is_asked_a_few_times_a_second() {
        let (mut life, began) = (Life::default(), Instant::now());
        let asked = (0..100).filter(|n| {
            let answers = n / 10;
            life.look((answers, 0), Interest::MayBeUsed, RTT, began + ms(10 * n))
        });
        assert_eq!(asked.count(), 4);
        assert!(!life.silent);
        assert!(!life.look((10, 0), Interest::None, RTT, began + ms(2000)));
    }
}

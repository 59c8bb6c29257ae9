//! Which of the uplinks' connections are used. Pure: no I/O, no clock.

use std::time::Duration;

/// What an uplink is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It carries data.
    Carries,
    /// It would, if no other did.
    StandsBy,
    /// It should not be used at all; better than nothing.
    Fails,
}

/// A connection that is there.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Its uplink.
    pub id: u32,
    /// What its uplink is worth.
    pub standing: Standing,
    /// Nothing comes back over it.
    pub silent: bool,
    /// How long an answer takes.
    pub round_trip: Duration,
}

/// Another one must be so much better to be worth a change: by a quarter, and by this.
const WORTH_IT: Duration = Duration::from_millis(5);

/// The best, and the next best beside it. `current` stays the best unless another one is clearly better.
pub fn choose(candidates: &[Candidate], current: Option<u32>) -> (Option<u32>, Option<u32>) {
    let order = |it: &&Candidate| {
        let round_trip = match Some(it.id) == current {
            true => (it.round_trip * 3 / 4).min(it.round_trip.saturating_sub(WORTH_IT)),
            false => it.round_trip,
        };
        (it.silent, it.standing, round_trip)
    };
    let first = candidates.iter().min_by_key(order).map(|it| it.id);
    let works = |it: &&Candidate| !it.silent && it.standing == Standing::Carries;
    let others = candidates.iter().filter(|it| Some(it.id) != first);
    let second = others.filter(works).min_by_key(order).map(|it| it.id);
    (first, second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: u32, ms: u64) -> Candidate {
        Candidate {
            id,
            standing: Standing::Carries,
            silent: false,
            round_trip: Duration::from_millis(ms),
        }
    }

    #[test]
    fn the_quickest_that_works_is_first() {
        let (mut a, mut b) = (candidate(1, 15), candidate(2, 40));
        assert_eq!(choose(&[a, b], None), (Some(1), Some(2)));
        a.silent = true;
        assert_eq!(choose(&[a, b], Some(1)), (Some(2), None));
        b.standing = Standing::Fails;
        assert_eq!(choose(&[a, b], Some(1)), (Some(2), None));
        b.silent = true;
        assert_eq!(choose(&[a, b], Some(1)), (Some(1), None));
        assert_eq!(choose(&[], Some(1)), (None, None));
    }

    #[test]
    fn what_stands_by_waits_for_its_turn() {
        let (mut a, b) = (candidate(1, 15), candidate(2, 40));
        a.standing = Standing::StandsBy;
        assert_eq!(choose(&[a, b], Some(1)), (Some(2), None));
    }

    #[test]
    fn a_little_better_is_no_reason_to_change() {
        let (a, b) = (candidate(1, 40), candidate(2, 33));
        assert_eq!(choose(&[a, b], Some(1)).0, Some(1));
        assert_eq!(choose(&[a, b], Some(2)).0, Some(2));
        let b = candidate(2, 20);
        assert_eq!(choose(&[a, b], Some(1)).0, Some(2));
        let (a, b) = (candidate(1, 3), candidate(2, 1));
        assert_eq!(choose(&[a, b], Some(1)).0, Some(1));
    }
}

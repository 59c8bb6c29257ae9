//! The second links: which there are, and in which order they are measured.

use std::time::Duration;

use crate::link::{Direction, Fraction, Profile, QueueLimit, Random, Rate};

const RATES: [Rate; 3] = [Rate::mbit(5), Rate::mbit(20), Rate::mbit(50)];
const ROUND_TRIPS: [Duration; 3] = [
    Duration::from_millis(15),
    Duration::from_millis(60),
    Duration::from_millis(300),
];
const LOSSES: [f64; 3] = [0.0, 0.005, 0.02];
const QUEUES: [Duration; 3] = [
    Duration::from_millis(30),
    Duration::from_millis(100),
    Duration::from_millis(1000),
];

/// The order is the same on every machine.
const SEED: u64 = 81;

/// A place in the grid: which rate, round trip, loss and queue.
type Place = [usize; 4];

/// Beside the nine: the links that gave most trouble so far.
const HARD: [Place; 3] = [[1, 2, 1, 1], [0, 2, 2, 2], [2, 2, 2, 0]];

/// The first link, which stays as it is: 35 Mb/s, 15 ms round trip, a queue of 100 ms, no loss.
#[must_use]
pub const fn first_link() -> Profile {
    Profile::symmetric(Rate::mbit(35), Duration::from_millis(15))
}

/// All 81 second links, in an order by chance, so that any beginning of it is a fair sample.
#[must_use]
pub fn all_links() -> Vec<Profile> {
    let places = (0..81).map(|number| [27, 9, 3, 1].map(|unit| number / unit % 3));
    shuffled(places.collect())
}

/// Twelve of them.
#[must_use]
pub fn some_links() -> Vec<Profile> {
    shuffled(nine().chain(HARD).collect())
}

/// Any two values of two different properties come together once (the orthogonal array L9).
fn nine() -> impl Iterator<Item = Place> {
    let pairs = (0..3).flat_map(|rate| (0..3).map(move |trip| (rate, trip)));
    pairs.map(|(rate, trip)| [rate, trip, (rate + trip) % 3, (rate + 2 * trip) % 3])
}

/// By Fisher and Yates.
fn shuffled(mut places: Vec<Place>) -> Vec<Profile> {
    let mut random = Random::new(SEED);
    for last in (1..places.len()).rev() {
        let other = (random.unit() * (last + 1) as f64) as usize;
        places.swap(last, other);
    }
    places.into_iter().map(profile).collect()
}

fn profile([rate, round_trip, loss, queue]: Place) -> Profile {
    let profile = Profile::symmetric(RATES[rate], ROUND_TRIPS[round_trip]);
    let worse = |direction| Direction {
        loss: Fraction::new(LOSSES[loss]).expect("all losses lie between 0 and 1"),
        queue: QueueLimit::Time(QUEUES[queue]),
        ..direction
    };
    Profile {
        down: worse(profile.down),
        up: worse(profile.up),
        ..profile
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn texts(links: &[Profile]) -> BTreeSet<String> {
        links.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_differ_and_some_are_among_them() {
        let (all, some) = (texts(&all_links()), texts(&some_links()));
        assert_eq!((all.len(), some.len()), (81, 12));
        assert!(some.is_subset(&all));
    }

    #[test]
    fn the_order_is_fixed_and_mixed() {
        let links = all_links();
        assert_eq!(links, all_links());
        let first: Vec<String> = links[..4].iter().map(ToString::to_string).collect();
        insta::assert_debug_snapshot!(first);
        let slow = links[..40].iter().filter(|link| link.down.rate == RATES[0]);
        assert!((8..=18).contains(&slow.count()));
    }

    #[test]
    fn of_the_nine_each_pair_of_values_comes_once() {
        for (one, other) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
            let pairs: BTreeSet<_> = nine().map(|place| (place[one], place[other])).collect();
            assert_eq!(pairs.len(), 9);
        }
    }

    #[test]
    fn both_ways_are_alike() {
        for link in all_links() {
            assert_eq!(link.down, link.up);
            assert_eq!(link.to_string().parse(), Ok(link));
        }
    }
}

//! What was measured, and what it comes to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::bench::Values;
use super::{Cell, Moment};
use crate::link::{Profile, QueueLimit};
use crate::median::median;
use crate::traffic::Direction;

/// Two measurements of the same differ by less than what this is below 1.
pub(super) const LIMIT: f64 = 0.97;

/// A second link has something to give from this share of the first one's goodput on.
const WORTH: f64 = 0.1;

/// All that was measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// In bits per second, of the first link alone.
    first: BTreeMap<(Direction, Moment), Vec<f64>>,
    measured: BTreeMap<Place, Measured>,
    notes: Vec<String>,
}

/// The second link's number, the direction and the moment.
type Place = (usize, Direction, Moment);

/// With one second link in one direction at one moment, each time. In bits per second.
#[derive(Debug, Clone, PartialEq)]
struct Measured {
    link: Profile,
    second: Vec<f64>,
    both: Vec<f64>,
}

/// One direction of a second link, as the grid knows it. Sorted as reports show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Conditions {
    pub(super) round_trip: Duration,
    /// Parts per million.
    pub(super) loss: u32,
    /// Bits per second.
    pub(super) rate: u64,
    /// How long it takes to send what may wait.
    pub(super) queue: Duration,
}

/// What was measured with one second link in one direction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The second link.
    pub link: Profile,
    /// Which way.
    pub direction: Direction,
    /// When, over both.
    pub moment: Moment,
    /// Over the first link alone, in Mb/s of payload: the median of all measurements.
    pub first_mbps: Option<f64>,
    /// Over the second link alone: the median, if there are several.
    pub second_mbps: Option<f64>,
    /// Over both: the median, if there are several.
    pub both_mbps: Option<f64>,
    /// How often that was measured.
    pub times: usize,
    /// Over both by the better of the others.
    pub ratio: Option<f64>,
}

/// What all lines come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Summary {
    /// How many ratios there are.
    pub count: usize,
    /// The smallest.
    pub worst: Option<f64>,
    /// The medians at the begin of a transfer.
    pub begin: Medians,
    /// The medians later.
    pub later: Medians,
    /// How many are below 0.97.
    pub below: usize,
}

/// Ratios at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Medians {
    /// Of all.
    pub all: Option<f64>,
    /// Of those where the second link alone reaches a tenth of the first.
    pub worth: Option<f64>,
}

impl Outcome {
    /// Takes in what was measured with one second link, for the first time or again.
    pub(super) fn add(&mut self, number: usize, link: Profile, values: Values) {
        for ((direction, moment), cell) in values.first.into_iter().flatten() {
            let what = || format!("the first link alone, {direction}, from {moment} on");
            let value = self.noted(cell, what);
            self.first
                .entry((direction, moment))
                .or_default()
                .extend(value);
        }
        let alone = values.second.into_iter().map(|((direction, _), cell)| {
            let value = self.noted(cell, || format!("{link} alone, {direction}"));
            (direction, value)
        });
        let alone: BTreeMap<_, _> = alone.collect();
        for ((direction, moment), both) in values.both {
            let what = || format!("{link} and the first, {direction}, from {moment} on");
            let both = self.noted(both, what);
            let place = self.measured.entry((number, direction, moment));
            let measured = place.or_insert_with(|| Measured::nothing_of(link));
            measured.both.extend(both);
            let second = alone.get(&direction).copied().flatten();
            measured.second.extend(second);
        }
    }

    /// Whether some ratio with this second link is below [`LIMIT`].
    pub(super) fn is_below(&self, number: usize) -> bool {
        let places = self.measured.iter();
        let mut of_it = places.filter(|((it, ..), _)| *it == number);
        of_it.any(|it| self.line(it).ratio.is_some_and(|ratio| ratio < LIMIT))
    }

    fn noted(&mut self, cell: Cell, what: impl FnOnce() -> String) -> Option<f64> {
        cell.map_err(|reason| self.notes.push(format!("{}: {reason}", what())))
            .ok()
    }

    /// The lines of one direction, by round trip, loss, rate, queue and moment.
    #[must_use]
    pub fn lines(&self, direction: Direction) -> Vec<Line> {
        let measured = self.measured.iter();
        let mut lines: Vec<Line> = measured
            .filter(|((_, way, _), _)| *way == direction)
            .map(|it| self.line(it))
            .collect();
        lines.sort_by_key(|line| (line.conditions(), line.moment));
        lines
    }

    /// Those of both directions, downloads first.
    #[must_use]
    pub fn all_lines(&self) -> Vec<Line> {
        let directions = [Direction::Down, Direction::Up].into_iter();
        directions
            .flat_map(|direction| self.lines(direction))
            .collect()
    }

    fn line(&self, (place, measured): (&Place, &Measured)) -> Line {
        let (_, direction, moment) = *place;
        let (first, second, both) = (
            self.first_alone(direction, moment),
            median(measured.second.clone()),
            median(measured.both.clone()),
        );
        let better = first.zip(second).map(|(first, second)| first.max(second));
        // Over nothing, no ratio says how much more something is.
        let better = better.filter(|better| *better > 0.0);
        let mbps = |value: Option<f64>| value.map(|value| value / 1e6);
        Line {
            link: measured.link,
            direction,
            moment,
            first_mbps: mbps(first),
            second_mbps: mbps(second),
            both_mbps: mbps(both),
            times: measured.both.len(),
            ratio: both.zip(better).map(|(both, better)| both / better),
        }
    }

    /// Bits per second over the first link alone.
    fn first_alone(&self, direction: Direction, moment: Moment) -> Option<f64> {
        median(self.first.get(&(direction, moment))?.clone())
    }

    /// What all lines come to.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let lines = self.all_lines();
        let ratios = || lines.iter().filter_map(|line| line.ratio);
        Summary {
            count: ratios().count(),
            worst: ratios().min_by(f64::total_cmp),
            begin: Medians::of(&lines, Moment::Begin),
            later: Medians::of(&lines, Moment::Later),
            below: ratios().filter(|ratio| *ratio < LIMIT).count(),
        }
    }

    /// What could not be measured, and why.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl Measured {
    fn nothing_of(link: Profile) -> Self {
        Self {
            link,
            second: Vec::new(),
            both: Vec::new(),
        }
    }
}

impl Medians {
    fn of(lines: &[Line], moment: Moment) -> Self {
        let ratios = |is_of_interest: fn(&Line) -> bool| {
            let lines = lines.iter().filter(|line| line.moment == moment);
            let ratios = lines.filter(|line| is_of_interest(line));
            median(ratios.filter_map(|line| line.ratio).collect())
        };
        Self {
            all: ratios(|_| true),
            worth: ratios(Line::is_worth),
        }
    }
}

impl Line {
    pub(super) fn conditions(&self) -> Conditions {
        Conditions::new(&self.link, self.direction)
    }

    fn is_worth(&self) -> bool {
        let both = self.first_mbps.zip(self.second_mbps);
        both.is_some_and(|(first, second)| second >= WORTH * first)
    }
}

impl Conditions {
    fn new(link: &Profile, direction: Direction) -> Self {
        let way = match direction {
            Direction::Down => link.down,
            Direction::Up => link.up,
        };
        let rate = way.rate.get();
        Self {
            round_trip: link.round_trip(),
            loss: (way.loss.get() * 1e6).round() as u32,
            rate,
            queue: match way.queue {
                QueueLimit::Time(time) => time,
                QueueLimit::Bytes(bytes) => {
                    Duration::from_secs_f64(bytes as f64 * 8.0 / rate as f64)
                }
            },
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::bench::Goodput;
    use super::*;

    fn goodput(down: f64, up: f64) -> Goodput {
        Goodput::from(
            [(Direction::Down, down), (Direction::Up, up)]
                .map(|(direction, value)| ((direction, Moment::Begin), Ok(value))),
        )
    }

    /// Four second links: a good one, one that harms, one that gives nothing, one that failed.
    pub(crate) fn outcome() -> Outcome {
        let mut outcome = Outcome::default();
        let mut numbers = 0..;
        let mut add = |link: &str, first, second, both| {
            let values = Values {
                first,
                second,
                both,
            };
            let number = numbers.next().unwrap();
            outcome.add(number, link.parse().unwrap(), values);
        };
        let mut both = goodput(69e6, 73.6e6);
        both.insert((Direction::Up, Moment::Later), Ok(92e6));
        let first = |rate| {
            let mut first = goodput(rate, rate);
            first.insert((Direction::Up, Moment::Later), Ok(rate));
            Some(first)
        };
        let none = None;
        add("50mbit,60ms", first(31e6), goodput(46e6, 46e6), both);
        add(
            "20mbit,300ms,loss=2%,queue=30ms",
            first(33e6),
            goodput(10e6, 12e6),
            goodput(24e6, 32e6),
        );
        add(
            "5mbit,60ms,queue=1s",
            first(32e6),
            goodput(1e6, 2e6),
            goodput(32e6, 40e6),
        );
        let failed = |reason: &str| {
            Goodput::from([((Direction::Down, Moment::Begin), Err(reason.to_owned()))])
        };

        add(
            "5mbit,15ms",
            none,
            failed("the connection broke"),
            goodput(36e6, 36e6),
        );
        outcome
    }

    #[test]
    fn the_first_link_counts_by_its_median_and_the_better_one_by_direction() {
        let lines = outcome().lines(Direction::Down);
        let ratios: Vec<_> = lines.iter().map(|line| line.ratio).collect();
        assert_eq!(ratios, [None, Some(1.0), Some(1.5), Some(0.75)]);
        assert!(lines.iter().all(|line| line.first_mbps == Some(32.0)));
    }

    #[test]
    fn a_summary() {
        let expected = Summary {
            count: 7,
            worst: Some(0.75),
            begin: Medians {
                // Of 0.75, 1, 1, 1.25, 1.5 and 1.6.
                all: Some(1.125),
                // Without 1 and 1.25, where the second link gives little.
                worth: Some(1.25),
            },
            later: Medians {
                all: Some(2.0),
                worth: Some(2.0),
            },
            below: 1,
        };
        assert_eq!(outcome().summary(), expected);
        assert_eq!(Outcome::default().summary(), Summary::default());
    }

    #[test]
    fn what_was_measured_again_counts_by_its_median() {
        let mut outcome = outcome();
        assert!(outcome.is_below(1) && !outcome.is_below(0));
        for both in [40e6, 32e6] {
            let values = Values {
                first: None,
                second: goodput(10e6, 12e6),
                both: goodput(both, 33e6),
            };
            let link = "20mbit,300ms,loss=2%,queue=30ms".parse().unwrap();
            outcome.add(1, link, values);
        }
        assert!(!outcome.is_below(1));
        let line = outcome.lines(Direction::Down).pop().unwrap();
        assert_eq!((line.times, line.ratio), (3, Some(1.0)));
    }

    #[test]
    fn what_failed_is_noted_and_has_no_ratio() {
        let outcome = outcome();
        assert_eq!(
            outcome.notes(),
            ["5mbit,15ms alone, down: the connection broke"]
        );
        let failed = outcome.lines(Direction::Down).remove(0);
        assert_eq!(
            (failed.second_mbps, failed.both_mbps, failed.ratio),
            (None, Some(36.0), None)
        );
    }

    #[test]
    fn a_queue_in_bytes_stands_beside_those_in_time() {
        let queue = |text: &str| Conditions::new(&text.parse().unwrap(), Direction::Up).queue;
        assert_eq!(
            queue("20mbit/8mbit,queue=100kb"),
            Duration::from_millis(100)
        );
        assert_eq!(queue("20mbit,queue=30ms"), Duration::from_millis(30));
    }
}

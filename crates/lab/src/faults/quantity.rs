//! What is measured in a round, and what many rounds come to.

use super::round::Fault;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quantity {
    /// Seconds below half of the other link's rate while a link is away.
    Stall,
    /// Seconds from a link's return until it carries the same transfer.
    Return,
    /// Milliseconds of the longest pause between two messages.
    Gap,
}

/// The values of several rounds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Summary {
    pub(super) values: Vec<f64>,
    pub(super) median: f64,
    pub(super) worst: f64,
}

impl Quantity {
    pub(super) const ALL: [Self; 3] = [Self::Stall, Self::Return, Self::Gap];

    /// Its name in JSON and in the table, with the unit.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Stall => "stall_s",
            Self::Return => "return_s",
            Self::Gap => "gap_ms",
        }
    }

    /// What it may be at most.
    pub(super) const fn bound(self, fault: Fault) -> f64 {
        match (self, fault) {
            (Self::Stall, Fault::Carrier) => 0.2,
            (Self::Stall, Fault::Silence) => 0.4,
            (Self::Return, _) => 0.5,
            (Self::Gap, Fault::Carrier) => 60.0,
            (Self::Gap, Fault::Silence) => 200.0,
        }
    }

    /// With as many decimals as there is something to see.
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Stall | Self::Return => format!("{value:.2}"),
            Self::Gap => format!("{value:.0}"),
        }
    }
}

impl Summary {
    /// `None` without a value.
    pub(super) fn of(values: Vec<f64>) -> Option<Self> {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let worst = *sorted.last()?;
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            (sorted[middle - 1] + sorted[middle]) / 2.0
        } else {
            sorted[middle]
        };
        Some(Self {
            values,
            median,
            worst,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_worst_of_any_order() {
        let odd = Summary::of(vec![0.9, 0.1, 0.2]).unwrap();
        assert_eq!((odd.median, odd.worst), (0.2, 0.9));
        assert_eq!(odd.values, [0.9, 0.1, 0.2]);
        let even = Summary::of(vec![4.0, 1.0, 2.0, 9.0]).unwrap();
        assert_eq!((even.median, even.worst), (3.0, 9.0));
        let one = Summary::of(vec![7.0]).unwrap();
        assert_eq!((one.median, one.worst), (7.0, 7.0));
        assert_eq!(Summary::of(Vec::new()), None);
    }
}

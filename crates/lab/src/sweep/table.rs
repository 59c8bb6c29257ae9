//! The outcome as text and as JSON.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::Moment;
use super::outcome::{LIMIT, Line, Outcome, Summary};

/// The table's columns.
pub(super) const HEAD: [&str; 11] = [
    "rate", "rtt", "loss", "queue", "way", "from", "first", "second", "both", "times", "ratio",
];

impl Outcome {
    /// `{"lines": [{"link": TEXT, "direction": "down" or "up", "moment": "begin" or "later", "first_mbps": …, "second_mbps": …,
    /// "both_mbps": …, "times": …, "ratio": …}], "summary": {…}, "notes": [TEXT]}`. What has no value is null.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "lines": self.all_lines(),
            "summary": self.summary(),
            "notes": self.notes(),
        })
    }
}

/// Goodput in Mb/s.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        row(f, HEAD.map(str::to_owned))?;
        for line in self.all_lines() {
            row(f, cells(&line))?;
        }
        writeln!(f, "\n{}", self.summary())?;
        self.notes()
            .iter()
            .try_for_each(|note| writeln!(f, "- {note}"))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, below, .. } = self;
        write!(
            f,
            "worst ratio {}, below {LIMIT}: {below} of {count}",
            number(self.worst)
        )?;
        for (moment, medians) in [(Moment::Begin, self.begin), (Moment::Later, self.later)] {
            write!(
                f,
                "\nfrom {moment} on: median {}, where the second link has something to give {}",
                number(medians.all),
                number(medians.worth)
            )?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, cells: [String; 11]) -> fmt::Result {
    let [
        rate,
        round_trip,
        loss,
        queue,
        way,
        from,
        first,
        second,
        both,
        times,
        ratio,
    ] = cells;
    writeln!(
        f,
        "{rate:>9} {round_trip:>7} {loss:>6} {queue:>8}  {way:4} {from:>5} {first:>8} {second:>8} {both:>8} \
         {times:>5} {ratio:>7}"
    )
}

/// In the order of [`HEAD`].
pub(super) fn cells(line: &Line) -> [String; 11] {
    let conditions = line.conditions();
    let rates = [line.first_mbps, line.second_mbps, line.both_mbps].map(|rate| match rate {
        Some(rate) => format!("{rate:.1}"),
        None => "-".to_owned(),
    });
    let [first, second, both] = rates;
    [
        mbps(conditions.rate),
        milliseconds(conditions.round_trip),
        percent(conditions.loss),
        milliseconds(conditions.queue),
        line.direction.to_string(),
        line.moment.to_string(),
        first,
        second,
        both,
        line.times.to_string(),
        number(line.ratio),
    ]
}

pub(super) fn mbps(rate: u64) -> String {
    format!("{} Mb/s", rate as f64 / 1e6)
}

pub(super) fn milliseconds(time: Duration) -> String {
    // To the microsecond.
    format!("{} ms", time.as_micros() as f64 / 1e3)
}

pub(super) fn percent(parts_per_million: u32) -> String {
    format!("{} %", f64::from(parts_per_million) / 1e4)
}

/// With two decimals.
pub(super) fn number(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.2}"))
}

#[cfg(test)]
mod tests {
    use super::super::outcome::tests::outcome;

    #[test]
    fn the_table() {
        insta::assert_snapshot!(outcome().to_string());
    }

    #[test]
    fn json_has_each_line_and_null_for_what_is_missing() {
        let json = outcome().to_json();
        assert_eq!(json["lines"].as_array().unwrap().len(), 9);
        let expected = serde_json::json!({
            "link": "5mbit,15ms", "direction": "down", "moment": "begin", "first_mbps": 32.0, "second_mbps": null,
            "both_mbps": 36.0, "times": 1, "ratio": null,
        });
        assert_eq!(json["lines"][0], expected);
        assert_eq!(json["summary"]["below"], 1);
        assert_eq!(json["notes"].as_array().unwrap().len(), 1);
    }
}

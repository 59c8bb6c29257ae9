//! The result as text and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

use super::Round;
use super::cell::Cell;
use super::quantity::{Quantity, Summary};

/// Stands behind a value that is above its bound.
const ABOVE: char = '!';

/// What was measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    rounds: BTreeMap<Cell, Vec<Round>>,
}

impl Outcome {
    pub(super) fn note(&mut self, cell: Cell, round: Round) {
        self.rounds.entry(cell).or_default().push(round);
    }

    /// How many rounds have failed: a connection broke, bytes were wrong, or nothing came back.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.failures().map(|(_, reasons)| reasons.len()).sum()
    }

    /// `{"cells": [{"fault": "carrier", …, "stall_s": {"values": […], "median": …, "worst": …,
    /// "bound": …}, …, "failed": [REASON]}]}`
    #[must_use]
    pub fn to_json(&self) -> Value {
        let cells = self.rounds.iter().map(|(cell, rounds)| {
            let [fault, traffic, mode, failing] = cell.words();
            let mut object = Map::from_iter([
                ("fault".to_owned(), fault.into()),
                ("traffic".to_owned(), traffic.into()),
                ("mode".to_owned(), mode.into()),
                ("failing".to_owned(), failing.into()),
            ]);
            for (quantity, summary) in summaries(rounds) {
                let summary = json!({
                    "values": summary.values,
                    "median": summary.median,
                    "worst": summary.worst,
                    "bound": quantity.bound(cell.fault),
                });
                object.insert(quantity.key().to_owned(), summary);
            }
            object.insert("failed".to_owned(), json!(reasons(rounds)));
            Value::Object(object)
        });
        json!({ "cells": cells.collect::<Vec<_>>() })
    }

    fn failures(&self) -> impl Iterator<Item = (&Cell, Vec<&str>)> {
        let rounds = self.rounds.iter();
        rounds.map(|(cell, rounds)| (cell, reasons(rounds)))
    }
}

/// The table: a line for each cell, then the failures.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:40}", "")?;
        for quantity in Quantity::ALL {
            write!(f, "{:^24}", quantity.key())?;
        }
        write!(f, "\n{:40}", "")?;
        for _ in Quantity::ALL {
            write!(f, "{:>8}{:>8}{:>8}", "median", "worst", "bound")?;
        }
        writeln!(f, "{:>9}", "failed")?;
        for (cell, rounds) in &self.rounds {
            write!(f, "{cell:40}")?;
            let summaries = summaries(rounds);
            for quantity in Quantity::ALL {
                write!(
                    f,
                    "{:24}",
                    columns(*cell, quantity, summaries.get(&quantity))
                )?;
            }
            writeln!(f, "{:>6}/{:<2}", reasons(rounds).len(), rounds.len())?;
        }
        writeln!(f, "\n{ABOVE}: above the bound.")?;
        for (cell, reasons) in self.failures() {
            for reason in reasons {
                writeln!(f, "- {cell}: {reason}")?;
            }
        }
        writeln!(f, "\nHow it was measured: {DEFINITIONS}")
    }
}

const DEFINITIONS: &str = "vdsl (35/10 Mb/s, 15 ms) is the first link, lte (40/20 Mb/s, 40 ms) the \
second.
- carrier: the cable is pulled for 3 s; silence: the link drops everything and keeps its carrier.
- aggregate: both carry; backup: the one that fails is active, the other waits.
- stall_s: time below half of the other link's rate while the link is away, at the receiver, by 50 ms
  averages.
- return_s: from the link's return until it has carried 100 kB of the same transfer; at most 20 s.
- gap_ms: messages of 16 bytes every 10 ms, the link that carries them fails: longest pause since, at
  the receiver, until 1 s after its return; at most 20 s.";

fn columns(cell: Cell, quantity: Quantity, summary: Option<&Summary>) -> String {
    let Some(summary) = summary else {
        return String::new();
    };
    let bound = quantity.bound(cell.fault);
    let value = |value: f64| {
        let mark = if value > bound { ABOVE } else { ' ' };
        format!("{}{mark}", quantity.show(value))
    };
    format!(
        "{:>8}{:>8}{:>8}",
        value(summary.median),
        value(summary.worst),
        quantity.show(bound)
    )
}

fn summaries(rounds: &[Round]) -> BTreeMap<Quantity, Summary> {
    let mut values: BTreeMap<Quantity, Vec<f64>> = BTreeMap::new();
    for (quantity, value) in rounds.iter().flatten().flatten() {
        values.entry(*quantity).or_default().push(*value);
    }
    values
        .into_iter()
        .filter_map(|(quantity, values)| Some((quantity, Summary::of(values)?)))
        .collect()
}

fn reasons(rounds: &[Round]) -> Vec<&str> {
    let failed = rounds.iter().filter_map(|round| round.as_ref().err());
    failed.map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Outcome {
        let cells = Cell::all();
        let cell = |name: &str| *cells.iter().find(|cell| cell.to_string() == name).unwrap();
        let download = cell("carrier download aggregate first");
        let messages = cell("silence messages-up backup second");
        let mut outcome = Outcome::default();
        for stall in [0.06, 0.08, 0.31] {
            let values = vec![(Quantity::Stall, stall), (Quantity::Return, 0.4)];
            outcome.note(download, Ok(values));
        }
        outcome.note(messages, Ok(vec![(Quantity::Gap, 240.4)]));
        outcome.note(messages, Err("the connection broke".to_owned()));
        outcome
    }

    #[test]
    fn json_has_every_value_and_every_reason() {
        let expected = json!({"cells": [
            {
                "fault": "carrier", "traffic": "download", "mode": "aggregate", "failing": "first",
                "stall_s": {"values": [0.06, 0.08, 0.31], "median": 0.08, "worst": 0.31, "bound": 0.2},
                "return_s": {"values": [0.4, 0.4, 0.4], "median": 0.4, "worst": 0.4, "bound": 0.5},
                "failed": [],
            },
            {
                "fault": "silence", "traffic": "messages-up", "mode": "backup", "failing": "second",
                "gap_ms": {"values": [240.4], "median": 240.4, "worst": 240.4, "bound": 200.0},
                "failed": ["the connection broke"],
            },
        ]});
        assert_eq!(outcome().to_json(), expected);
        assert_eq!(outcome().failed(), 1);
    }

    #[test]
    fn the_table_marks_what_is_above_its_bound() {
        let text = outcome().to_string();
        let words = |number: usize| {
            let line = text.lines().nth(number).unwrap();
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(0), ["stall_s", "return_s", "gap_ms"]);
        let download = ["carrier", "download", "aggregate", "first"].into_iter();
        let values = ["0.08", "0.31!", "0.20", "0.40", "0.40", "0.50", "0/3"];
        assert_eq!(words(2), download.chain(values).collect::<Vec<_>>());
        let messages = ["silence", "messages-up", "backup", "second"].into_iter();
        let values = ["240!", "240!", "200", "1/2"];
        assert_eq!(words(3), messages.chain(values).collect::<Vec<_>>());
        assert!(text.contains("- silence messages-up backup second: the connection broke\n"));
    }
}

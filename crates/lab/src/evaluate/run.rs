//! One scenario in one set-up and mode: the better one, where it was done in several ways.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::quantity::{Quantity, Value};
use super::recording::{LinkRecording, Recording};
use super::scenario::Scenario;
use super::site::{Mode, Setup, StandardLink};
use crate::traffic::{Direction, Series};

/// A point of a series in JSON and CSV.
pub(super) const STEP: Duration = Duration::from_millis(100);

/// One scenario in one set-up and mode.
pub(super) struct Run {
    pub(super) scenario: &'static dyn Scenario,
    pub(super) mode: Mode,
    pub(super) setup: Setup,
    pub(super) values: Vec<Value>,
    pub(super) recording: Option<Recording>,
    /// Why there are no values.
    pub(super) failed: Option<String>,
    /// The value of the quantity that decides, over each link that was tried alone; `None` if it failed.
    alone: Vec<(StandardLink, Option<f64>)>,
}

/// What came of doing it over some links.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) values: anyhow::Result<Vec<Value>>,
    pub(super) recording: Option<Recording>,
}

impl Run {
    pub(super) fn new(scenario: &'static dyn Scenario, mode: Mode, setup: Setup) -> Self {
        Self {
            scenario,
            mode,
            setup,
            values: Vec::new(),
            recording: None,
            failed: None,
            alone: Vec::new(),
        }
    }

    pub(super) fn fail(&mut self, error: &anyhow::Error) {
        self.failed = Some(format!("{error:#}"));
    }

    pub(super) fn value(&self, quantity: Quantity) -> Option<&Value> {
        value(&self.values, quantity)
    }

    /// Takes what came of an attempt over these links, unless what it has is better.
    pub(super) fn consider(&mut self, links: &[StandardLink], attempt: Attempt) {
        let quantity = self.scenario.decisive(self.mode);
        let values = attempt.values.as_deref().unwrap_or_default();
        let new = value(values, quantity).map(|it| it.value);
        if let [link] = links {
            self.alone.push((*link, new));
        }
        let old = self.value(quantity).map(|it| it.value);
        if old.is_some_and(|old| new.is_none_or(|new| !quantity.is_better(new, old))) {
            return;
        }
        self.failed = None;
        match attempt.values {
            Ok(values) => self.values = values,
            Err(error) => self.fail(&error),
        }
        self.recording = attempt.recording;
    }

    /// What each link came to alone, if that was tried with several, in a sentence.
    pub(super) fn told_alone(&self) -> Option<String> {
        let quantity = self.scenario.decisive(self.mode);
        let shown = |(link, value): &(StandardLink, Option<f64>)| {
            let value = value.map_or("failed".into(), |value| quantity.show(value));
            format!("{value} over {}", link.name())
        };
        (self.alone.len() > 1).then(|| {
            format!(
                "{}, {}, each link by itself: {}, {}. The better one is shown.",
                self.setup.title(),
                self.mode,
                quantity.name,
                self.alone.iter().map(shown).collect::<Vec<_>>().join(", ")
            )
        })
    }

    pub(super) fn to_json(&self) -> Json {
        let values = self.values.iter().map(|value| {
            let json = json!({
                "value": value.value,
                "quartiles": value.quartiles.map(|(low, high)| [low, high]),
                "samples": value.samples,
            });
            (value.quantity.key.to_owned(), json)
        });
        let alone = self.alone.iter();
        let alone = alone.map(|(link, value)| (link.name().to_owned(), json!(value)));
        let recording = self.recording.as_ref();
        let links = recording.map(|it| it.links.iter().map(link_json).collect::<Vec<_>>());
        json!({
            "scenario": self.scenario.key(),
            "mode": self.mode.key(),
            "setup": self.setup.key(),
            "values": values.collect::<Map<_, _>>(),
            "alone": alone.collect::<Map<_, _>>(),
            "links": links.unwrap_or_default(),
            "seconds": recording.map(|it| it.length.as_secs_f64()),
            "fault_s": recording
                .and_then(|it| it.fault)
                .map(|(from, until)| [from.as_secs_f64(), until.as_secs_f64()]),
            "failed": self.failed,
        })
    }
}

fn value(values: &[Value], quantity: Quantity) -> Option<&Value> {
    values.iter().find(|value| value.quantity == quantity)
}

fn link_json(link: &LinkRecording) -> Json {
    let rates = |series: &Series| {
        let points = points(series).into_iter();
        points.map(|(_, rate)| rate).collect::<Vec<_>>()
    };
    json!({
        "name": link.link.name(),
        "down_bytes": link.carried(Direction::Down),
        "up_bytes": link.carried(Direction::Up),
        "down_mbps": rates(link.series(Direction::Down)),
        "up_mbps": rates(link.series(Direction::Up)),
    })
}

/// Seconds and megabits per second, of each [`STEP`].
pub(super) fn points(series: &Series) -> Vec<(f64, f64)> {
    let length = (STEP.as_nanos() / Series::EVERY.as_nanos()) as usize;
    let steps = series.bytes().chunks(length);
    let rate = |bytes: &[u64]| bytes.iter().sum::<u64>() as f64 * 8.0 / STEP.as_secs_f64() / 1e6;
    steps
        .enumerate()
        .map(|(number, bytes)| (number as f64 * STEP.as_secs_f64(), rate(bytes)))
        .collect()
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, {}", self.scenario.key(), self.mode, self.setup)
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}: {:?} {:?}", self.values, self.failed)
    }
}

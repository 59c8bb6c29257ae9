//! The drawings: what each link carries over time, as the thesis has it, and bars of times.

use super::outcome::Outcome;
use super::quantity::{Quantity, Value};
use super::recording::Recording;
use super::run::Run;
use super::scenario::Scenario;
use super::site::{Setup, StandardLink};
use crate::report::{Area, Bar, BarGroup, Bars, Chart, Mark, Picture, Size};
use crate::traffic::{Direction, Series};

/// A point of a chart for so many intervals: 50 ms.
const STEP: usize = 5;
/// What a point is the average of: 110 ms.
const WINDOW: usize = 11;

impl Outcome {
    /// One for each set-up and mode that has a recording; the modes of a set-up are next to each other.
    pub(super) fn charts(&self, scenario: &dyn Scenario) -> Vec<Chart> {
        let mut charts = Vec::new();
        for setup in scenario.setups() {
            for mode in scenario.modes() {
                let in_mode = || self.of(scenario).filter(|run| run.mode == *mode);
                let lengths = in_mode().filter_map(|run| run.recording.as_ref());
                let lengths = lengths.map(|recording| recording.length.as_secs_f64());
                let seconds = lengths.fold(0.0, f64::max);
                let run = in_mode().find(|run| run.setup == *setup);
                let drawn = run.and_then(|run| Some((run, run.recording.as_ref()?)));
                charts.extend(drawn.map(|(run, recording)| chart(run, recording, seconds)));
            }
        }
        let highest = charts.iter().map(highest).fold(0.0, f64::max);
        let top = (highest * 1.15).min(capacity(scenario.direction()) * 1.1);
        charts.iter_mut().for_each(|chart| chart.top = top);
        charts
    }

    /// The values of what has no recording.
    pub(super) fn bars(&self, scenario: &dyn Scenario) -> Option<Bars> {
        if self.of(scenario).any(|run| run.recording.is_some()) {
            return None;
        }
        let mut quantities: Vec<Quantity> = Vec::new();
        for value in self.of(scenario).flat_map(|run| &run.values) {
            if !quantities.contains(&value.quantity) {
                quantities.push(value.quantity);
            }
        }
        let unit = quantities.first()?.unit;
        let groups = quantities.into_iter().map(|quantity| BarGroup {
            name: quantity.name.into(),
            bars: self
                .of(scenario)
                .filter_map(|run| Some(bar(run.setup, run.value(quantity)?)))
                .collect(),
        });
        Some(Bars {
            label: format!("{}, by set-up", scenario.title()),
            unit: unit.into(),
            groups: groups.collect(),
        })
    }

    /// A file of its own.
    pub(super) fn picture(&self, scenario: &dyn Scenario) -> Picture {
        let charts = self.charts(scenario);
        let title = if charts.is_empty() {
            scenario.title().to_owned()
        } else {
            format!("{}: what each link carries", scenario.title())
        };
        Picture {
            title,
            charts,
            bars: self.bars(scenario),
        }
    }
}

fn bar(setup: Setup, value: &Value) -> Bar {
    Bar {
        name: setup.title().into(),
        is_ours: matches!(setup, Setup::Manypath | Setup::Single),
        value: value.value,
        quartiles: value.quartiles,
        text: value.quantity.show(value.value),
    }
}

fn chart(run: &Run, recording: &Recording, seconds: f64) -> Chart {
    let direction = run.scenario.direction();
    let title = format!("{}, {}", capitalized(run.setup.title()), run.mode);
    let marks = recording.fault.into_iter().flat_map(|(from, until)| {
        [(from, "pulled"), (until, "back")].map(|(at, what)| Mark {
            at: at.as_secs_f64(),
            label: format!("{} {what}", StandardLink::Vdsl.name()),
        })
    });
    Chart {
        label: format!(
            "{}, {title}: throughput of each link over time",
            run.scenario.title()
        ),
        title,
        size: Size::Half,
        unit: "Mb/s".into(),
        seconds,
        areas: areas(recording, direction),
        marks: marks.collect(),
        ..Chart::default()
    }
}

/// Of all areas together.
fn highest(chart: &Chart) -> f64 {
    let Some(first) = chart.areas.first() else {
        return 0.0;
    };
    let point = |number: usize| chart.areas.iter().map(move |area| area.points[number].1);
    let sums = (0..first.points.len()).map(|number| point(number).sum());
    sums.fold(0.0, f64::max)
}

/// Both links, so that each has its colour also where the other is not used.
fn areas(recording: &Recording, direction: Direction) -> Vec<Area> {
    let length = |series: &Series| series.bytes().len();
    let links = recording.links.iter();
    let longest = links.map(|link| length(link.series(direction))).max();
    let area = |link: StandardLink| {
        let recorded = recording.links.iter().find(|it| it.link == link);
        let rates = recorded.map(|it| it.series(direction).smoothed(WINDOW));
        let mut rates = rates.unwrap_or_default();
        rates.resize(longest.unwrap_or(0), 0.0);
        let points = rates.into_iter().enumerate().step_by(STEP);
        let every = Series::EVERY.as_secs_f64();
        Area {
            name: link.name().into(),
            points: points
                .map(|(interval, rate)| ((interval as f64 + 0.5) * every, rate / 1e6))
                .collect(),
        }
    };
    StandardLink::ALL.into_iter().map(area).collect()
}

/// Megabits per second of both links.
fn capacity(direction: Direction) -> f64 {
    let rates = StandardLink::ALL.into_iter().map(|link| match direction {
        Direction::Down => link.profile().down.rate.get(),
        Direction::Up => link.profile().up.rate.get(),
    });
    rates.sum::<u64>() as f64 / 1e6
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

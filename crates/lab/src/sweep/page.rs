//! The report: a heat map for each direction, and the table.

use std::collections::{BTreeMap, BTreeSet};

use super::Moment;
use super::outcome::{Conditions, LIMIT, Line, Outcome, Summary};
use super::table::{HEAD, cells, mbps, milliseconds, number, percent};
use crate::report::{Axis, Cell, Figure, Group, HeatMap, Report, Section, Table};
use crate::traffic::Direction;

/// Where the colour of a ratio changes. Between `LIMIT` and what is as far above 1 there is no
/// difference that another measurement would show again.
const LIMITS: [f64; 6] = [0.8, 0.9, LIMIT, 1.03, 1.2, 1.5];

const UNITS: &str = "Goodput over the first link, the second, and both, in Mb/s.";

impl Outcome {
    /// The report.
    #[must_use]
    pub fn report(&self) -> Report {
        let ways = [(Direction::Down, "Downloads"), (Direction::Up, "Uploads")];
        let maps = ways.into_iter().flat_map(|(direction, heading)| {
            [Moment::Begin, Moment::Later]
                .into_iter()
                .filter_map(move |moment| {
                    let mut lines = self.lines(direction);
                    lines.retain(|line| line.moment == moment);
                    let heading = format!("{heading}, from {moment} on");
                    (!lines.is_empty()).then(|| Section {
                        heat_map: Some(heat_map(&lines, &heading)),
                        heading,
                        ..Section::default()
                    })
                })
        });
        Report {
            title: "Manypath: two unlike links against the better one".into(),
            lead: lead(&self.summary()),
            figures: figures(&self.summary()),
            sections: maps.chain([self.numbers(), method()]).collect(),
            footer: format!(
                "manypath {}; emulated links on one machine.",
                env!("CARGO_PKG_VERSION")
            ),
        }
    }

    fn numbers(&self) -> Section {
        let lines = self.all_lines();
        Section {
            heading: "Numbers".into(),
            text: [UNITS.to_owned()]
                .into_iter()
                .chain(self.notes().to_vec())
                .collect(),
            table: Some(Table {
                head: HEAD.map(String::from).to_vec(),
                rows: lines.iter().map(|line| cells(line).to_vec()).collect(),
            }),
            ..Section::default()
        }
    }
}

fn lead(summary: &Summary) -> String {
    let Summary { count, below, .. } = summary;
    let answer = match below {
        0 => "It was in none".to_owned(),
        _ => format!("It was in {below}"),
    };
    format!(
        "Is Manypath over two links ever slower than over the better one alone? {answer} of {count} \
         cases by more than {:.0} %.",
        (1.0 - LIMIT) * 100.0
    )
}

fn figures(summary: &Summary) -> Vec<Figure> {
    let figure = |value: String, label: &str| Figure {
        value,
        label: label.into(),
    };
    vec![
        figure(number(summary.worst), "worst ratio"),
        figure(
            number(summary.begin.worth),
            "median of the first seconds, where the second link has something to give",
        ),
        figure(number(summary.later.worth), "the same from 24 s on"),
        figure(
            format!("{} of {}", summary.below, summary.count),
            "below 0.97",
        ),
    ]
}

fn heat_map(lines: &[Line], heading: &str) -> HeatMap {
    let columns = places(lines, |at| (at.rate, at.queue));
    let rows = places(lines, |at| (at.round_trip, at.loss));
    let mut worst: BTreeMap<Conditions, &Line> = BTreeMap::new();
    for line in lines {
        // Links that differ in jitter or reordering share a place, and so do repetitions.
        let place = worst.entry(line.conditions()).or_insert(line);
        if line.ratio < place.ratio {
            *place = line;
        }
    }
    let cell = |(round_trip, loss), (rate, queue)| {
        let conditions = Conditions {
            round_trip,
            loss,
            rate,
            queue,
        };
        worst.get(&conditions).map(|line| cell(line))
    };
    let row = |&row| {
        let columns = columns.iter();
        columns
            .map(|&column| cell(row, column).unwrap_or_default())
            .collect()
    };
    HeatMap {
        label: format!("{heading}: ratios by the second link's rate, queue, round trip and loss"),
        cells: rows.iter().map(row).collect(),
        columns: Axis {
            name: "second link: rate and queue".into(),
            groups: groups(&columns, mbps, milliseconds),
        },
        rows: Axis {
            name: "round trip and loss".into(),
            groups: groups(&rows, milliseconds, percent),
        },
        limits: LIMITS,
    }
}

fn cell(line: &Line) -> Cell {
    let [rate, round_trip, loss, queue, _, _, first, second, both, ..] = cells(line);
    Cell {
        value: line.ratio,
        detail: format!(
            "{rate}, {round_trip}, loss {loss}, queue {queue}: first link {first}, second {second}, \
             both {both} Mb/s"
        ),
    }
}

/// The places of one axis that there are, in order.
fn places<K: Ord>(lines: &[Line], key: impl Fn(Conditions) -> K) -> Vec<K> {
    let keys: BTreeSet<K> = lines.iter().map(|line| key(line.conditions())).collect();
    keys.into_iter().collect()
}

fn groups<A: PartialEq + Copy, B: Copy>(
    places: &[(A, B)],
    name: fn(A) -> String,
    member: fn(B) -> String,
) -> Vec<Group> {
    let groups = places.chunk_by(|one, other| one.0 == other.0);
    let group = |places: &[(A, B)]| Group {
        name: name(places[0].0),
        members: places.iter().map(|place| member(place.1)).collect(),
    };
    groups.map(group).collect()
}

fn method() -> Section {
    Section {
        heading: "How it was measured".into(),
        text: vec![
            "PC, guest, access networks, Internet, hub and origin are network namespaces; the links \
             between guest and access networks are emulated. The first has 35 Mb/s both ways, 15 ms \
             round trip, a queue of 100 ms and no loss. The second is as the table says, both ways \
             alike; its queue is a time at its rate."
                .into(),
            "Each value is the goodput of one TCP connection of one program through Manypath, as its \
             receiver got it and compared it byte by byte, from the \
             third second on; the connections to the hub had idled before. Over both links it is measured from \
             the 24th second on as well: a path that is far slower than the other is tried only when a transfer \
             has lasted for ten. For the links \
             alone the other one's cable was out; the first alone is the median of several \
             measurements. The ratio is the goodput over both by that over the better one alone. A link with \
             which a ratio was below 0.97 was measured twice more, and the medians count."
                .into(),
        ],
        ..Section::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::outcome::tests::outcome;
    use super::*;

    #[test]
    fn the_map_has_a_place_for_each_value_and_cells_where_something_was_measured() {
        let map = heat_map(&outcome().lines(Direction::Down), "Downloads");
        let names = |axis: &Axis| {
            let groups = axis.groups.iter();
            let text = |group: &Group| format!("{}: {}", group.name, group.members.join(" "));
            groups.map(text).collect::<Vec<_>>()
        };
        assert_eq!(
            names(&map.columns),
            [
                "5 Mb/s: 100 ms 1000 ms",
                "20 Mb/s: 30 ms",
                "50 Mb/s: 100 ms"
            ]
        );
        assert_eq!(
            names(&map.rows),
            ["15 ms: 0 %", "60 ms: 0 %", "300 ms: 2 %"]
        );
        let values: Vec<Vec<Option<f64>>> = map
            .cells
            .iter()
            .map(|row| row.iter().map(|cell| cell.value).collect())
            .collect();
        assert_eq!(
            values,
            [
                [None, None, None, None],
                [None, Some(1.0), None, Some(1.5)],
                [None, None, Some(0.75), None]
            ]
        );
    }

    #[test]
    fn of_two_links_in_one_place_the_worse_is_shown() {
        let mut lines = outcome().lines(Direction::Down);
        let mut other = lines[1].clone();
        other.ratio = Some(0.5);
        lines.push(other);
        let map = heat_map(&lines, "Downloads");
        assert_eq!(map.cells[1][1].value, Some(0.5));
    }

    #[test]
    fn the_page_says_how_many_were_slower() {
        let html = outcome().report().to_html();
        assert!(html.contains("It was in 1 of 7 cases by more than 3 %."));
        assert!(
            html.contains("<h2>Downloads, from 3 s on</h2>")
                && html.contains("<h2>Uploads, from 24 s on</h2>")
        );
        let empty = Outcome::default().report().to_html();
        assert!(empty.contains("It was in none of 0") && !empty.contains("<h2>Downloads"));
    }
}

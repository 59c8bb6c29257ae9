//! The demo's report.

use std::time::Instant;

use super::{NAMES, Outcome, Phase, Recording};
use crate::report::{Area, Chart, Figure, Line, Mark, Report, Rule, Section, Size, Table};
use crate::traffic::Series;

/// A point of a chart for so many intervals: 20 ms.
const STEP: usize = 2;
/// What a point is the average of: 110 ms. The program gets its bytes in bursts that would hide the
/// rest.
const WINDOW: usize = 11;

pub(super) fn page(outcome: &Outcome) -> Report {
    let mut sections: Vec<_> = outcome
        .recordings
        .iter()
        .map(|recording| section(outcome, recording))
        .collect();
    sections.push(numbers(outcome));
    sections.push(method(outcome));
    Report {
        title: "Manypath: every connection of the PC at once".into(),
        lead: lead(outcome),
        figures: figures(outcome),
        sections,
        footer: format!(
            "manypath {}; emulated links on one machine ({}).",
            env!("CARGO_PKG_VERSION"),
            kernel()
        ),
    }
}

fn lead(outcome: &Outcome) -> String {
    let [first, second] = NAMES;
    let bytes = if outcome.bytes_ok {
        "every byte arrived as it was sent"
    } else {
        "BYTES WERE WRONG"
    };
    format!(
        "A program that knows nothing of Multipath TCP downloads over two Internet links at once, \
         {first} and {second}, {:.2} times as fast as over one. A link is pulled and plugged in \
         again while it does: the connection goes on, and {bytes}.",
        outcome.both_links_mbps / outcome.single_link_mbps
    )
}

fn figures(outcome: &Outcome) -> Vec<Figure> {
    let figure = |value: String, label: String| Figure { value, label };
    let seconds = |time: Option<f64>| time.map_or("not seen".into(), |time| format!("{time:.2} s"));
    vec![
        figure(
            format!("{:.1} Mb/s", outcome.both_links_mbps),
            "over both links".into(),
        ),
        figure(
            format!("{:.1} %", outcome.download_share * 100.0),
            format!(
                "of what both links can carry ({:.1} Mb/s)",
                outcome.capacity_mbps
            ),
        ),
        figure(
            seconds(outcome.stall_s),
            format!("faltering after {} was pulled", outcome.pulled_link),
        ),
        figure(
            seconds(outcome.return_s),
            format!("until {} carried data again", outcome.pulled_link),
        ),
    ]
}

fn section(outcome: &Outcome, recording: &Recording) -> Section {
    Section {
        heading: recording.phase.title().into(),
        text: vec![explanation(outcome, recording)],
        charts: vec![chart(outcome, recording)],
        ..Section::default()
    }
}

fn explanation(outcome: &Outcome, recording: &Recording) -> String {
    let [first, second] = NAMES;
    let goodput = recording.transfer.goodput() / 1e6;
    let megabytes = recording.transfer.bytes as f64 / 1e6;
    match recording.phase {
        Phase::Alone => format!(
            "What the PC has without Manypath: {megabytes:.0} MB by plain TCP over {first}, {goodput:.1} Mb/s."
        ),
        Phase::Both => format!(
            "One TCP connection of one program, {megabytes:.0} MB: {goodput:.1} Mb/s, {:.1} % of the \
             {:.1} Mb/s of payload that both links can carry.",
            outcome.download_share * 100.0,
            outcome.capacity_mbps
        ),
        Phase::Pulled => format!(
            "The same, {megabytes:.0} MB. {first}, on which the connection began, loses its carrier \
             and gets it back; {second} carries on alone in between."
        ),
    }
}

fn chart(outcome: &Outcome, recording: &Recording) -> Chart {
    let start = recording.transfer.start;
    let areas = NAMES
        .iter()
        .zip(&recording.links)
        .map(|(name, series)| Area {
            name: format!("{name}, on the wire"),
            points: points(series, start),
        });
    let both: f64 = outcome.links.iter().map(|link| link.rate_mbps).sum();
    let marks = recording.marks.iter().map(|mark| Mark {
        at: mark.at.saturating_duration_since(start).as_secs_f64(),
        label: format!(
            "{} {}",
            mark.link,
            if mark.plugged_in {
                "plugged in"
            } else {
                "pulled"
            }
        ),
    });
    Chart {
        label: format!(
            "{}: throughput of each link over time",
            recording.phase.title()
        ),
        title: String::new(),
        size: Size::Wide,
        unit: "Mb/s".into(),
        seconds: recording.transfer.total.as_secs_f64(),
        top: both * 1.12,
        areas: areas.collect(),
        lines: vec![Line {
            name: "payload that the program receives".into(),
            points: points(&recording.transfer.series, start),
        }],
        rules: vec![Rule {
            value: both,
            label: format!("rate of both links, {both:.0}"),
        }],
        marks: marks.collect(),
    }
}

/// Seconds since `start` and Mb/s.
fn points(series: &Series, start: Instant) -> Vec<(f64, f64)> {
    let offset = series
        .start()
        .saturating_duration_since(start)
        .as_secs_f64();
    let every = Series::EVERY.as_secs_f64();
    let middle = |interval: usize| offset + (interval as f64 + 0.5) * every;
    let rates = series
        .smoothed(WINDOW)
        .into_iter()
        .enumerate()
        .step_by(STEP);
    rates
        .map(|(interval, rate)| (middle(interval), rate / 1e6))
        .collect()
}

fn numbers(outcome: &Outcome) -> Section {
    let words = |words: [&str; 3]| words.map(String::from).to_vec();
    Section {
        heading: "Numbers".into(),
        table: Some(Table {
            head: words(["", "measured", ""]),
            rows: outcome.rows().into_iter().map(Vec::from).collect(),
        }),
        ..Section::default()
    }
}

fn method(outcome: &Outcome) -> Section {
    let rows = outcome.links.iter().map(|link| {
        vec![
            link.name.into(),
            format!("{:.0} Mb/s", link.rate_mbps),
            format!("{:.1} Mb/s", link.capacity_mbps),
            format!("{:.0} ms", link.round_trip_ms),
            format!("{:.1} %", link.used_share * 100.0),
        ]
    });
    let head = [
        "link",
        "rate down",
        "payload capacity",
        "round trip",
        "rate used by both links' download",
    ];
    Section {
        heading: "How it was measured".into(),
        text: vec![
            "PC, guest, access networks, Internet, hub and origin are network namespaces; the links \
             between guest and access networks are emulated with rate, delay and a queue of 100 ms. \
             Throughput of a link is what its counters say, in bits on the wire. Goodput is the \
             payload that the program received and compared byte by byte, from the first byte to \
             the last, the connection's start included; BBR's pause to measure the round trip, 0.2 s \
             in 10 s, comes after that. A link's payload capacity is its rate × 1428 \
             / 1538: the payload of a full MPTCP segment by what it takes on an Ethernet wire."
                .into(),
            "The download falters while the program receives less than half of the remaining link's \
             rate. A link carries data again from a tenth of its rate on. Both are counted in \
             intervals of 10 ms, averaged over 50 ms."
                .into(),
        ],
        table: Some(Table { head: head.map(String::from).to_vec(), rows: rows.collect() }),
        ..Section::default()
    }
}

fn kernel() -> String {
    let system = rustix::system::uname();
    format!(
        "{} {}",
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy()
    )
}

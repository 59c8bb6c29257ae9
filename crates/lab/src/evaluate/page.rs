//! The report.

use super::outcome::Outcome;
use super::quantity::{Better, Quantity};
use super::run::Run;
use super::scenario::Scenario;
use super::site::{Mode, Setup};
use crate::report::{Figure, Report, Section, Table};

/// Whoever Manypath is compared with.
const OTHERS: [Setup; 2] = [Setup::Plain, Setup::Prototype];

/// How many numbers stand out; the table has them all.
const FIGURES: usize = 5;

/// A difference that another measurement may not show again.
const ALIKE: f64 = 0.97;

/// The number that says how well a scenario went in a mode, in all set-ups.
struct Verdict<'a> {
    scenario: &'static dyn Scenario,
    mode: Mode,
    quantity: Quantity,
    runs: Vec<&'a Run>,
}

impl Outcome {
    /// The report.
    #[must_use]
    pub fn report(&self) -> Report {
        let verdicts = self.verdicts();
        let mut sections = vec![summary(&verdicts, &self.failures())];
        let scenarios = self.scenarios().into_iter();
        sections.extend(scenarios.map(|scenario| self.section(scenario)));
        sections.push(method());
        sections.push(self.machine());
        Report {
            title: "Manypath: what people gain".into(),
            lead: lead(&verdicts),
            figures: verdicts.iter().filter_map(figure).take(FIGURES).collect(),
            sections,
            footer: format!(
                "manypath {}, {}; emulated links on one machine{}.",
                env!("CARGO_PKG_VERSION"),
                self.machine.date,
                if self.quick { "; a shortened run" } else { "" }
            ),
        }
    }

    /// The summary as a page of documentation.
    pub(super) fn summary_markdown(&self) -> String {
        let verdicts = self.verdicts();
        let section = summary(&verdicts, &self.failures());
        let mut text = format!("# Newest results\n\n{}\n\n", lead(&verdicts));
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        if let Some(table) = &section.table {
            text += &row(&table.head);
            text += &"| --- ".repeat(table.head.len());
            text += "|\n";
            text.extend(table.rows.iter().map(|cells| row(cells)));
        }
        for paragraph in &section.text {
            text += &format!("\n{paragraph}\n");
        }
        let machine = &self.machine;
        text + &format!(
            "\n`manypath lab evaluate{}`, {}, on {}, {} processors ({}).\n",
            if self.quick { " --quick" } else { "" },
            machine.date,
            machine.kernel,
            machine.processors,
            machine.processor
        )
    }

    fn verdicts(&self) -> Vec<Verdict<'_>> {
        let scenarios = self.scenarios().into_iter();
        let all = scenarios.flat_map(|scenario| {
            scenario.modes().iter().map(move |mode| Verdict {
                scenario,
                mode: *mode,
                quantity: scenario.decisive(*mode),
                runs: self.of(scenario).filter(|run| run.mode == *mode).collect(),
            })
        });
        all.collect()
    }

    fn section(&self, scenario: &dyn Scenario) -> Section {
        let text = scenario.text().iter().copied().map(String::from);
        Section {
            heading: scenario.title().into(),
            text: text
                .chain(self.of(scenario).filter_map(Run::told_alone))
                .collect(),
            charts: self.charts(scenario),
            bars: self.bars(scenario),
            table: Some(self.table(scenario)),
            ..Section::default()
        }
    }

    /// A row for each mode and set-up, a column for each quantity.
    fn table(&self, scenario: &dyn Scenario) -> Table {
        let mut quantities: Vec<Quantity> = Vec::new();
        for value in self.of(scenario).flat_map(|run| &run.values) {
            if !quantities.contains(&value.quantity) {
                quantities.push(value.quantity);
            }
        }
        let cell = |run: &Run, quantity: Quantity| match run.value(quantity) {
            Some(value) => {
                let shown = quantity.show(value.value);
                value.quartiles.map_or(shown.clone(), |(low, high)| {
                    let digits = quantity.digits;
                    format!("{shown} ({low:.digits$} to {high:.digits$})")
                })
            }
            None if run.failed.is_some() => "failed".into(),
            None => "–".into(),
        };
        let row = |run: &Run| {
            let name = format!("{}, {}", run.setup.title(), run.mode);
            let cells = quantities.iter().map(|quantity| cell(run, *quantity));
            std::iter::once(name).chain(cells).collect()
        };
        let names = quantities.iter().map(|quantity| quantity.name.to_owned());
        Table {
            head: std::iter::once(String::new()).chain(names).collect(),
            rows: self.of(scenario).map(row).collect(),
        }
    }

    fn machine(&self) -> Section {
        let machine = &self.machine;
        let packages = machine.packages.iter();
        let packages: Vec<_> = packages
            .map(|(name, version)| format!("{name} {version}"))
            .collect();
        Section {
            heading: "The machine".into(),
            text: vec![
                format!(
                    "{}; {} processors, {}. Measured at {}.",
                    machine.kernel, machine.processors, machine.processor, machine.date
                ),
                format!("Programs of Debian: {}.", packages.join(", ")),
            ],
            ..Section::default()
        }
    }
}

impl Verdict<'_> {
    fn value(&self, setup: Setup) -> Option<f64> {
        let run = self.runs.iter().find(|run| run.setup == setup)?;
        Some(run.value(self.quantity)?.value)
    }

    fn shown(&self, setup: Setup) -> String {
        match self.value(setup) {
            Some(value) => self.quantity.show(value),
            None if self.runs.iter().any(|it| it.setup == setup) => "failed".into(),
            None => "–".into(),
        }
    }

    fn gain(&self, other: Setup) -> Option<f64> {
        self.quantity
            .gain(self.value(Setup::Manypath)?, self.value(other)?)
    }

    /// Those that are better than Manypath, by more than chance.
    fn better(&self) -> Vec<Setup> {
        let Some(ours) = self.value(Setup::Manypath) else {
            return Vec::new();
        };
        let is_better = |other: &Setup| {
            self.value(*other)
                .is_some_and(|other| match self.quantity.better {
                    Better::Higher => ours < other * ALIKE,
                    Better::Lower => ours * ALIKE > other,
                })
        };
        OTHERS.into_iter().filter(is_better).collect()
    }
}

fn lead(verdicts: &[Verdict<'_>]) -> String {
    let compared = verdicts
        .iter()
        .filter(|it| it.value(Setup::Manypath).is_some());
    let (count, behind) = compared.fold((0, 0), |(count, behind), verdict| {
        (
            count + 1,
            behind + usize::from(!verdict.better().is_empty()),
        )
    });
    let answer = match behind {
        0 => format!("in none of {count} comparisons"),
        _ => format!("in {behind} of {count} comparisons"),
    };
    format!(
        "Real programs over two Internet links, vdsl and lte: with both at once, and with one as backup of \
         the other. Plain TCP over the better link, or the prototype of 2024, was better than Manypath \
         {answer}."
    )
}

/// What stands out: aggregation against plain TCP, and what is left of a fault.
fn figure(verdict: &Verdict<'_>) -> Option<Figure> {
    let (ours, plain) = (
        verdict.value(Setup::Manypath)?,
        verdict.value(Setup::Plain)?,
    );
    let quantity = verdict.quantity;
    let value = match verdict.mode {
        Mode::Aggregation => format!("{:.1} ×", quantity.gain(ours, plain)?),
        Mode::Backup => quantity.show(ours),
    };
    let label = match verdict.mode {
        Mode::Aggregation => format!(
            "{}: {} instead of {}",
            verdict.scenario.title(),
            quantity.show(ours),
            quantity.show(plain)
        ),
        Mode::Backup => format!(
            "{}, the link is pulled: {}; plain TCP {}",
            verdict.scenario.title(),
            quantity.name,
            quantity.show(plain)
        ),
    };
    Some(Figure { value, label })
}

fn summary(verdicts: &[Verdict<'_>], failures: &[String]) -> Section {
    let ratio = |gain: Option<f64>| gain.map_or("–".into(), |gain| format!("{gain:.2} ×"));
    let rows = verdicts.iter().map(|verdict| {
        vec![
            format!(
                "{}, {}: {}",
                verdict.scenario.title(),
                verdict.mode,
                verdict.quantity.name
            ),
            verdict.shown(Setup::Plain),
            verdict.shown(Setup::Prototype),
            verdict.shown(Setup::Manypath),
            ratio(verdict.gain(Setup::Plain)),
            ratio(verdict.gain(Setup::Prototype)),
        ]
    });
    let head = [
        "",
        "plain TCP",
        "prototype",
        "Manypath",
        "over plain TCP",
        "over the prototype",
    ];
    let behind = verdicts.iter().flat_map(|verdict| {
        verdict.better().into_iter().map(move |other| {
            let why = verdict.scenario.why_behind(verdict.mode);
            format!(
                "Not ahead: {}, {}: {} with {}, {} with Manypath.{}",
                verdict.scenario.title(),
                verdict.mode,
                verdict.shown(other),
                other.title(),
                verdict.shown(Setup::Manypath),
                why.map_or(String::new(), |why| format!(" {why}"))
            )
        })
    });
    let failures = failures.iter().map(|failure| format!("Failed: {failure}"));
    Section {
        heading: "Summary".into(),
        text: behind.chain(failures).collect(),
        table: Some(Table {
            head: head.map(String::from).to_vec(),
            rows: rows.collect(),
        }),
        ..Section::default()
    }
}

fn method() -> Section {
    let text = [
        "PC, guest, access networks, Internet, hub and origin are network namespaces of one machine; the links \
         between guest and access networks are emulated with rate, delay and a queue of 100 ms: vdsl \
         35 Mb/s down, 10 up, 15 ms round trip; lte 40 down, 20 up, 40 ms. The charts show what their \
         counters say, in bits on the wire, averaged over 110 ms.",
        "All programs are Debian's and unmodified. Plain TCP has one link: in aggregation everything is done over \
         each link by itself, and the better one is shown; in the mode backup it has the active one, vdsl. The \
         prototype is the data plane of 2024: redsocks, proxychains with microsocks, microsocks with mptcpize on \
         both sides. Manypath encrypts and authenticates on the way to the hub; the others do not.",
        "In the mode backup vdsl is active and lte waits. The cable of vdsl is pulled (carrier lost) and \
         plugged in again.",
    ];
    Section {
        heading: "How it was measured".into(),
        text: text.map(String::from).to_vec(),
        ..Section::default()
    }
}

//! The results: as text, JSON and CSV.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::{Value as Json, json};

use super::machine::Machine;
use super::run::{Run, STEP, points};
use super::scenario::Scenario;
use super::site::Setup;
use crate::traffic::Direction;

/// Everything that was done.
#[derive(Debug)]
pub struct Outcome {
    pub(super) machine: Machine,
    pub(super) quick: bool,
    pub(super) runs: Vec<Run>,
}

impl Outcome {
    pub(super) fn new(machine: Machine, quick: bool) -> Self {
        Self {
            machine,
            quick,
            runs: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, run: Run) {
        self.runs.push(run);
    }

    /// What did not work: scenario, mode, set-up and the reason of each.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let failed = self.runs.iter().filter_map(|run| {
            let reason = run.failed.as_ref()?;
            Some(format!("{run}: {reason}"))
        });
        failed.collect()
    }

    /// Whether Manypath itself failed anywhere.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        let ours = |run: &&Run| matches!(run.setup, Setup::Single | Setup::Manypath);
        self.runs
            .iter()
            .filter(ours)
            .any(|run| run.failed.is_some())
    }

    /// Writes `report.html`, `summary.md`, `results.json`, `results.csv`, `series.csv`, and a drawing for each
    /// scenario.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
        };
        write("report.html", self.report().to_html())?;
        write("summary.md", self.summary_markdown())?;
        write("results.json", self.to_json().to_string())?;
        write("results.csv", self.results_csv())?;
        write("series.csv", self.series_csv())?;
        self.scenarios().into_iter().try_for_each(|scenario| {
            let picture = self.picture(scenario);
            write(&format!("{}.svg", scenario.key()), picture.to_svg())
        })
    }

    /// `{"machine": …, "quick": …, "runs": [{"scenario", "mode", "setup", "values": {KEY: {"value",
    /// "quartiles", "samples"}}, "alone": {LINK: value of the quantity that decides}, "links": [{"name", "down_bytes",
    /// "up_bytes", "down_mbps": [every 0.1 s], …}], "seconds", "fault_s": [from, until], "failed"}]}`
    #[must_use]
    pub fn to_json(&self) -> Json {
        let machine = &self.machine;
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "machine": {
                "date": machine.date,
                "kernel": machine.kernel,
                "processor": machine.processor,
                "processors": machine.processors,
                "packages": machine.packages.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            },
            "quick": self.quick,
            "step_s": STEP.as_secs_f64(),
            "runs": self.runs.iter().map(Run::to_json).collect::<Vec<_>>(),
        })
    }

    fn results_csv(&self) -> String {
        let mut text =
            "scenario,mode,setup,quantity,value,lower_quartile,upper_quartile,samples\n".to_owned();
        for run in &self.runs {
            for value in &run.values {
                let quartiles = value
                    .quartiles
                    .map_or(String::from(","), |(low, high)| format!("{low},{high}"));
                text += &format!(
                    "{},{},{},{},{},{quartiles},{}\n",
                    run.scenario.key(),
                    run.mode,
                    run.setup,
                    value.quantity.key,
                    value.value,
                    value.samples
                );
            }
        }
        text
    }

    fn series_csv(&self) -> String {
        let mut text = "scenario,mode,setup,link,seconds,down_mbps,up_mbps\n".to_owned();
        for run in &self.runs {
            let links = run.recording.iter().flat_map(|it| &it.links);
            for link in links {
                let up = points(link.series(Direction::Up));
                for ((seconds, down), up) in
                    points(link.series(Direction::Down)).into_iter().zip(up)
                {
                    text += &format!(
                        "{},{},{},{},{seconds:.1},{down:.3},{:.3}\n",
                        run.scenario.key(),
                        run.mode,
                        run.setup,
                        link.link.name(),
                        up.1
                    );
                }
            }
        }
        text
    }

    /// In their order, each once.
    pub(super) fn scenarios(&self) -> Vec<&'static dyn Scenario> {
        let mut scenarios: Vec<&'static dyn Scenario> = Vec::new();
        for run in &self.runs {
            if scenarios.iter().all(|it| it.key() != run.scenario.key()) {
                scenarios.push(run.scenario);
            }
        }
        scenarios
    }

    pub(super) fn of(&self, scenario: &dyn Scenario) -> impl Iterator<Item = &Run> {
        let key = scenario.key();
        self.runs
            .iter()
            .filter(move |run| run.scenario.key() == key)
    }
}

/// The table: a line for each value.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for run in &self.runs {
            for value in &run.values {
                let quantity = value.quantity;
                let shown = quantity.show(value.value);
                writeln!(f, "{:38} {:36} {shown:>14}", run.to_string(), quantity.name)?;
            }
        }
        for failure in self.failures() {
            writeln!(f, "- {failure}")?;
        }
        Ok(())
    }
}

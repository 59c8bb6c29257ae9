//! What people do with the Internet, done by real programs over both links: chapter 7 of the 2024
//! thesis again, and what it left out.
//!
//! A [scenario] is done by the same unmodified programs of Debian's in several [set-ups](Setup): plain TCP
//! over each link by itself, of which the better one counts, the prototype's data plane, Manypath. In the mode *aggregation* both links
//! carry; in the mode *backup* the first one carries, is pulled meanwhile, and comes back. Each pair
//! of set-up and mode gets networks of its own. What the links carry is recorded all the time.

mod browser;
mod charts;
mod display;
mod fixtures;
mod machine;
mod outcome;
mod package;
mod page;
mod quantity;
mod recording;
mod run;
mod scenario;
mod site;
mod stage;
#[cfg(test)]
mod tests;
mod tool;
mod web;

use std::path::PathBuf;

use anyhow::Context;

pub use outcome::Outcome;
pub use package::MissingPackages;
pub use scenario::{Chosen, UnknownScenario};
pub use site::{Mode, Setup};

use fixtures::Fixtures;
use machine::Machine;
use run::{Attempt, Run};
use scenario::Scenario;
use site::{Site, StandardLink};
use stage::Stage;

use crate::allowed::AllowedControls;
use crate::compare::Progress;

/// What to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// Each once, in any order.
    pub scenarios: Vec<Chosen>,
    /// The `manypath` program.
    pub program: PathBuf,
    /// Less of everything.
    pub quick: bool,
}

/// Does everything; a run that fails is in the outcome. Shows on standard error how far it is. Needs
/// root. Call it on a thread in the machine's first network namespace; the congestion controls that
/// others may use are extended meanwhile.
///
/// # Errors
/// [`MissingPackages`], a player that was not fetched, and when not even a folder can be made.
pub fn run(options: &Options) -> anyhow::Result<Outcome> {
    package::check(&options.scenarios)?;
    let mut scenarios = options.scenarios.iter().map(Chosen::scenario);
    scenarios.try_for_each(Scenario::check)?;
    // Without it the kernel's own control is used, and the log of the edge says so.
    let _allowed = AllowedControls::extend().inspect_err(
        |error| tracing::warn!(%error, "namespaces can't use every congestion control"),
    );
    let mut outcome = Outcome::new(Machine::read(&options.scenarios), options.quick);
    let fixtures = Fixtures::new(options.quick).context("cannot make a folder for the origin")?;
    let scenarios = options.scenarios.iter().map(Chosen::scenario);
    let progress = Progress::new(scenarios.map(|it| steps(it).len()).sum());
    for scenario in options.scenarios.iter().map(Chosen::scenario) {
        progress.now(format_args!("{}: prepare", scenario.key()));
        let prepared = scenario.prepare(&fixtures);
        for (mode, setup) in steps(scenario) {
            progress.now(format_args!("{}, {mode}: {setup}", scenario.key()));
            let mut run = Run::new(scenario, mode, setup);
            match &prepared {
                Ok(()) => perform(options, &fixtures, &mut run),
                Err(error) => run.fail(error),
            }
            outcome.add(run);
            progress.step();
        }
    }
    progress.end();
    Ok(outcome)
}

/// Set-ups next to each other, so that the machine's mood is the same for all.
fn steps(scenario: &dyn Scenario) -> Vec<(Mode, Setup)> {
    let modes = scenario.modes().iter();
    modes
        .flat_map(|mode| scenario.setups().iter().map(|setup| (*mode, *setup)))
        .collect()
}

/// In all ways that the set-up has; the best one counts.
fn perform(options: &Options, fixtures: &Fixtures, run: &mut Run) {
    for links in run.setup.ways(run.mode) {
        let attempt = attempt(options, fixtures, run, &links);
        run.consider(&links, attempt);
    }
}

fn attempt(options: &Options, fixtures: &Fixtures, run: &Run, links: &[StandardLink]) -> Attempt {
    let site = Site::up(run.setup, run.mode, links, &options.program).context("set-up");
    let site = match site {
        Ok(site) => site,
        Err(error) => {
            return Attempt {
                values: Err(error),
                recording: None,
            };
        }
    };
    let stage = Stage::new(&site, fixtures, run.mode);
    Attempt {
        values: run.scenario.run(&stage),
        recording: stage.into_recording(),
    }
}

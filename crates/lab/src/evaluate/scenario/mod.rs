//! What people do. To add something, write a [`Scenario`] and name it in [`ALL`].

mod desktop;
mod interactive;
mod latency;
mod live;
mod live_hls;
mod many;
mod page;
mod transfer;
mod video;

use std::fmt;
use std::str::FromStr;

use super::fixtures::Fixtures;
use super::package::Package;
use super::quantity::{Quantity, Value};
use super::site::{Mode, Setup};
use super::stage::Stage;
use crate::traffic::Direction;

/// Why many of them may come slower than over one link.
const SMALL_ANSWERS: &str = "Six connections with small answers fill the nearer link with plain TCP, too. With both, Linux' \
     scheduler of MPTCP sends some of them by the other one, whose round trip is longer.";

/// Something that people do, with real programs.
pub(super) trait Scenario: Sync {
    /// Its name on the command line, in JSON and in CSV.
    fn key(&self) -> &'static str;

    /// A heading.
    fn title(&self) -> &'static str;

    /// What is done, with which programs, and what the numbers mean. A paragraph each.
    fn text(&self) -> &'static [&'static str];

    /// What has to be installed, beside the prototype's programs.
    fn packages(&self) -> &'static [Package];

    /// Looks for what is no package.
    fn check(&self) -> anyhow::Result<()> {
        Ok(())
    }

    fn modes(&self) -> &'static [Mode] {
        &[Mode::Aggregation, Mode::Backup]
    }

    fn setups(&self) -> &'static [Setup] {
        &[Setup::Plain, Setup::Prototype, Setup::Manypath]
    }

    /// Which way most bytes go: the chart shows this one.
    fn direction(&self) -> Direction {
        Direction::Down
    }

    /// The number that says how well it went.
    fn decisive(&self, mode: Mode) -> Quantity;

    /// Why Manypath may be behind another in this mode, where that is known: for the report.
    fn why_behind(&self, _: Mode) -> Option<&'static str> {
        None
    }

    /// Makes what the origin offers. Once for all set-ups.
    fn prepare(&self, fixtures: &Fixtures) -> anyhow::Result<()>;

    /// Does it once. What it [records](Stage::record) becomes the chart.
    fn run(&self, stage: &Stage<'_>) -> anyhow::Result<Vec<Value>>;
}

/// In the order of the report.
const ALL: [&dyn Scenario; 11] = [
    &latency::Latency,
    &transfer::DOWNLOAD,
    &transfer::UPLOAD,
    &video::Video,
    &live::Live,
    &live_hls::LiveHls,
    &desktop::Desktop,
    &interactive::Interactive,
    &page::Page,
    &many::Objects,
    &many::Repository,
];

/// One of the scenarios.
#[derive(Clone, Copy)]
pub struct Chosen(&'static dyn Scenario);

/// There is no scenario of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no scenario {0:?}; there are {list}", list = keys().join(", "))]
pub struct UnknownScenario(String);

impl Chosen {
    /// All, in the order of the report.
    #[must_use]
    pub fn all() -> Vec<Self> {
        ALL.into_iter().map(Self).collect()
    }

    pub(super) fn scenario(&self) -> &'static dyn Scenario {
        self.0
    }
}

impl FromStr for Chosen {
    type Err = UnknownScenario;

    fn from_str(text: &str) -> Result<Self, UnknownScenario> {
        let found = ALL.into_iter().find(|scenario| scenario.key() == text);
        found
            .map(Self)
            .ok_or_else(|| UnknownScenario(text.to_owned()))
    }
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Chosen").field(&self.0.key()).finish()
    }
}

fn keys() -> Vec<&'static str> {
    ALL.iter().map(|scenario| scenario.key()).collect()
}

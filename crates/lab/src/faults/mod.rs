//! Every fault of a link, under every kind of traffic, again and again: what a program feels of it.
//!
//! A link of the standard pair (vdsl 35/10 Mb/s, 15 ms; lte 40/20 Mb/s, 40 ms) loses its carrier or
//! goes silent for 3 s, and comes back. Meanwhile one connection of a Windows program downloads,
//! uploads, or carries messages of 16 bytes every 10 ms. Both links carry, or one waits as backup of
//! the other. Every byte is compared; a connection that breaks has failed.

mod bench;
mod cell;
mod outcome;
mod quantity;
pub(crate) mod round;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use cell::{Cell, UnknownWord, Word};
pub use outcome::Outcome;

use bench::Bench;
use cell::Layout;
use quantity::Quantity;

use crate::allowed::AllowedControls;
use crate::compare::Progress;

/// A fault comes up to so much later than in other rounds, so that no timer of ours is hit in the same
/// way each time.
const LONGEST_PHASE: Duration = Duration::from_millis(200);

/// With the same seed and options the phases are the same; the kernel's timing still differs.
const SEED: u64 = 0x6661_756c;

/// What to measure.
#[derive(Debug, Clone)]
pub struct Options {
    /// In the order of [`Cell::all`].
    pub cells: Vec<Cell>,
    /// Rounds of each.
    pub repeat: usize,
    /// The `manypath` program.
    pub program: PathBuf,
}

/// What a round has measured, or why it has failed.
type Round = Result<Vec<(Quantity, f64)>, String>;

/// Measures. Shows on standard error how far it is. A round takes 6 to 10 s. Needs root. Call it on a
/// thread in the machine's first network namespace; the congestion controls that others may use are
/// extended meanwhile.
#[must_use]
pub fn run(options: &Options) -> Outcome {
    // Without it the kernel's own control is used, and the log of the edge says so.
    let _allowed = AllowedControls::extend().inspect_err(
        |error| tracing::warn!(%error, "namespaces can't use every congestion control"),
    );
    let progress = Progress::new(options.cells.len() * options.repeat);
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut benches = Benches::new(&options.program);
    let mut outcome = Outcome::default();
    for cell in &options.cells {
        for number in 1..=options.repeat {
            progress.now(format_args!("{cell}: {number} of {}", options.repeat));
            let phase = LONGEST_PHASE.mul_f64(random.f64());
            let round = benches.round(*cell, phase);
            outcome.note(*cell, round.map_err(|error| format!("{error:#}")));
            progress.step();
        }
    }
    progress.end();
    outcome
}

/// One network at a time.
struct Benches<'a> {
    program: &'a Path,
    now: Option<(Layout, Bench)>,
}

impl<'a> Benches<'a> {
    fn new(program: &'a Path) -> Self {
        Self { program, now: None }
    }

    /// In a network of the cell's layout. After an error the next round gets a new one.
    fn round(&mut self, cell: Cell, phase: Duration) -> anyhow::Result<Vec<(Quantity, f64)>> {
        let former = self.now.take().filter(|(layout, _)| *layout == cell.layout);
        let bench = match former {
            Some((_, bench)) => bench,
            None => Bench::up(self.program, cell.layout)?,
        };
        let values = bench.round(cell, phase)?;
        self.now = Some((cell.layout, bench));
        Ok(values)
    }
}

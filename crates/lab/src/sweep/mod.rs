//! Is Manypath ever slower over two links than over the better one alone?
//!
//! One link stays as it is, the other goes through a grid of rates, round trips, losses and queues.
//! With each, a download and an upload are measured over both links and over the second alone; over
//! the first alone now and then, since the second can't change it. "Alone" is Manypath, too: the
//! other link's cable is out. Each measurement has a connection of its own, and its goodput is what
//! the receiver got.
//!
//! Over both links it is measured at the begin of a transfer and later (`Moment`).
//!
//! Before each measurement the links are quiet for some time, so that it gets a connection to the hub
//! that has idled, as most in use have: a young one still knows how fast its path is.
//!
//! Four seconds of two alike transfers differ by up to 5 %, as BBR holds still in one and not in the other.
//! So a second link with which some ratio is below the limit is measured twice more, and the medians count.

mod bench;
mod grid;
mod moment;
mod outcome;
mod page;
mod progress;
mod stop;
mod table;

use std::iter::{Copied, Enumerate};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::slice::Iter;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::allowed::AllowedControls;
use crate::link::Profile;
use crate::traffic::Direction;

pub use grid::{all_links, first_link, some_links};
pub use moment::Moment;
pub use outcome::{Line, Outcome, Summary};
pub use stop::Stop;

use bench::{Bench, Values};
use progress::Progress;

/// The first link alone is measured with each job's first second link, and with every so many.
const FIRST_EVERY: usize = 10;

/// How often a second link is measured that seems to make it slower.
const TIMES: usize = 3;

/// What to measure.
#[derive(Debug, Clone)]
pub struct Options {
    /// The `manypath` program.
    pub program: PathBuf,
    /// The second links, in the order in which they are measured.
    pub links: Vec<Profile>,
    /// Each once.
    pub directions: Vec<Direction>,
    /// Over both links it is measured at each of these, over one only at the begin.
    pub moments: Vec<Moment>,
    /// How long each measurement counts; ten seconds at least where it is later in a transfer.
    pub length: Duration,
    /// How long connections to the hub have idled before each measurement, at least.
    pub idle: Duration,
    /// So many at the same time, each with a rig of its own.
    pub jobs: NonZeroUsize,
}

/// A value, or why there is none.
type Cell = Result<f64, String>;

/// Measures, and shows on standard error how far it is. Ends early by `stop`, with what there is by
/// then. Needs root. Call it on a thread in the machine's first network namespace; the congestion
/// controls that others may use are extended meanwhile.
#[must_use]
pub fn run(options: &Options, stop: &Stop) -> Outcome {
    // Without it edge and hub say what they miss.
    let _allowed = AllowedControls::extend().inspect_err(
        |error| tracing::warn!(%error, "namespaces can't use every congestion control"),
    );
    let work = Work {
        options,
        stop,
        links: Mutex::new(options.links.iter().copied().enumerate()),
        outcome: Mutex::default(),
        progress: Progress::new(options.links.len()),
    };
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.get() {
            scope.spawn(|| work.run());
        }
    });
    work.progress.end();
    work.outcome
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
}

/// What the jobs share.
struct Work<'a> {
    options: &'a Options,
    stop: &'a Stop,
    links: Mutex<Enumerate<Copied<Iter<'a, Profile>>>>,
    outcome: Mutex<Outcome>,
    progress: Progress,
}

impl<'a> Work<'a> {
    /// One job.
    fn run(&self) {
        let mut bench = None;
        while let Some((number, link)) = self.next() {
            let first_too = bench.is_none() || number % FIRST_EVERY == 0;
            self.measure(&mut bench, number, link, first_too);
            if lock(&self.outcome).is_below(number) {
                (1..TIMES).for_each(|_| self.measure(&mut bench, number, link, true));
            }
            if self.stop.is_set() {
                return;
            }
            self.progress.step(&lock(&self.outcome), link);
        }
    }

    fn next(&self) -> Option<(usize, Profile)> {
        lock(&self.links).next()
    }

    /// Measures once, unless it is to stop.
    fn measure(
        &self,
        bench: &mut Option<Bench<'a>>,
        number: usize,
        link: Profile,
        first_too: bool,
    ) {
        let measured = self.values(bench, link, first_too);
        if self.stop.is_set() {
            return;
        }
        let values = measured.unwrap_or_else(|error| {
            // What does not work here may work in a new rig.
            *bench = None;
            Values::failed(self.options, &format!("{error:#}"))
        });
        lock(&self.outcome).add(number, link, values);
    }

    fn values(
        &self,
        bench: &mut Option<Bench<'a>>,
        link: Profile,
        first_too: bool,
    ) -> anyhow::Result<Values> {
        let bench = match bench {
            Some(bench) => bench,
            None => bench.insert(Bench::new(self.options, self.stop)?),
        };
        bench.measure(link, first_too)
    }
}

/// After a panic in one job the others go on with what there is.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! `manypath lab sweep`

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use lab::link::Profile;
use lab::sweep::{Moment, Options, Stop, all_links, run as sweep, some_links};
use lab::traffic::Direction;

use crate::{Failure, shutdown};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
    /// Where to write the report.
    #[arg(long, default_value = "sweep.html")]
    out: PathBuf,
    /// Only twelve second links, well spread. Without: all 81, in some three hours.
    #[arg(long, conflicts_with = "only")]
    quick: bool,
    /// Only this second link, such as `20mbit,300ms,loss=0.5%,queue=100ms`. May be repeated.
    #[arg(long, value_name = "LINK")]
    only: Vec<Profile>,
    /// Downloads, uploads, or both.
    #[arg(long, value_enum, default_value_t = Directions::Both)]
    direction: Directions,
    /// Measure only the begin of transfers, and not from the 24th second on as well.
    #[arg(long)]
    begin_only: bool,
    /// For how many seconds each measurement counts. Those from the 24th second on do for ten at least.
    #[arg(long, value_name = "N", default_value = "8")]
    seconds: NonZeroU64,
    /// How many seconds connections to the hub idle before each measurement.
    #[arg(long, value_name = "N", default_value = "6")]
    idle: u64,
    /// Measure so many second links at the same time. The machine must not be busy with it.
    #[arg(long, value_name = "N", default_value = "1")]
    jobs: NonZeroUsize,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Directions {
    Down,
    Up,
    Both,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    if !rustix::process::geteuid().is_root() {
        return Err(anyhow::anyhow!("lab sweep makes network namespaces: run it as root").into());
    }
    let options = Options {
        program: std::env::current_exe().context("cannot find this program's own file")?,
        links: arguments.links(),
        directions: arguments.direction.list(),
        moments: arguments.moments(),
        length: Duration::from_secs(arguments.seconds.get()),
        idle: Duration::from_secs(arguments.idle),
        jobs: arguments.jobs,
    };
    let outcome = sweep(&options, &*stop_on_signal()?);
    std::fs::write(&arguments.out, outcome.report().to_html())
        .with_context(|| format!("cannot write the report {}", arguments.out.display()))?;
    if arguments.json {
        for note in outcome.notes() {
            eprintln!("{note}");
        }
        println!("{}", outcome.to_json());
    } else {
        print!("{outcome}");
        println!("Heat map: {}", arguments.out.display());
    }
    Ok(())
}

impl Arguments {
    fn moments(&self) -> Vec<Moment> {
        match self.begin_only {
            true => vec![Moment::Begin],
            false => vec![Moment::Begin, Moment::Later],
        }
    }

    fn links(&self) -> Vec<Profile> {
        if !self.only.is_empty() {
            self.only.clone()
        } else if self.quick {
            some_links()
        } else {
            all_links()
        }
    }
}

impl Directions {
    fn list(self) -> Vec<Direction> {
        match self {
            Self::Down => vec![Direction::Down],
            Self::Up => vec![Direction::Up],
            Self::Both => vec![Direction::Down, Direction::Up],
        }
    }
}

/// Ctrl-C ends the sweep, and what was measured so far is written.
fn stop_on_signal() -> anyhow::Result<Arc<Stop>> {
    let stop = Arc::new(Stop::default());
    let stopping = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let requested = {
        let _context = runtime.enter();
        shutdown::requested().context("cannot wait for signals")?
    };
    std::thread::spawn(move || {
        runtime.block_on(requested);
        stopping.set();
    });
    Ok(stop)
}

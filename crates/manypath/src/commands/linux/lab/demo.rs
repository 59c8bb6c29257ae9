//! `manypath lab demo`

use std::path::{Path, PathBuf};

use anyhow::Context;
use lab::demo::{Demo, Outcome, Progress};

use crate::Failure;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
    /// Where to write the report.
    #[arg(long, default_value = "report.html")]
    out: PathBuf,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let program = std::env::current_exe().context("cannot find out where this program is")?;
    let mut progress = Progress::default();
    let outcome = Demo::new(program).run(|event| progress.show(&event))?;
    std::fs::write(&arguments.out, outcome.report().to_html())
        .with_context(|| format!("cannot write the report {}", arguments.out.display()))?;
    if arguments.json {
        println!("{}", serde_json::to_string(&outcome)?);
    } else {
        print(&outcome, &arguments.out);
    }
    if outcome.bytes_ok {
        Ok(())
    } else {
        Err(Failure::Other(anyhow::anyhow!("bytes were wrong")))
    }
}

fn print(outcome: &Outcome, report: &Path) {
    println!();
    for [what, measured, remark] in outcome.rows() {
        println!("{what:42} {measured:>10}  {remark}");
    }
    println!("\nCharts: {}", report.display());
}

//! `manypath lab evaluate`

use std::path::PathBuf;

use anyhow::Context;
use lab::evaluate::{Chosen, Options, run as evaluate};

use crate::Failure;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print the results as one JSON object instead of the table.
    #[arg(long)]
    json: bool,
    /// Where to write the report, its drawings, and the data as JSON and CSV.
    #[arg(long, value_name = "DIR", default_value = "evaluation")]
    out: PathBuf,
    /// Only these scenarios, separated by commas. Without: all.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<Chosen>,
    /// Shorter transfers and fewer samples: to see that it works.
    #[arg(long)]
    quick: bool,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    if !rustix::process::geteuid().is_root() {
        return Err(
            anyhow::anyhow!("lab evaluate makes network namespaces: run it as root").into(),
        );
    }
    let scenarios = if arguments.only.is_empty() {
        Chosen::all()
    } else {
        arguments.only
    };
    let outcome = evaluate(&Options {
        scenarios,
        program: std::env::current_exe().context("cannot find this program's own file")?,
        quick: arguments.quick,
    })?;
    outcome.write(&arguments.out)?;
    if arguments.json {
        for failure in outcome.failures() {
            eprintln!("{failure}");
        }
        println!("{}", outcome.to_json());
    } else {
        print!("{outcome}");
        println!("Report: {}", arguments.out.join("report.html").display());
    }
    if outcome.has_failed() {
        return Err(anyhow::anyhow!("not everything works through Manypath").into());
    }
    Ok(())
}

//! `manypath lab faults`

use anyhow::Context;
use lab::faults::{Cell, Options, Word};

use crate::Failure;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How often each fault is made.
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u16).range(1..))]
    repeat: u16,
    /// Only what fits these words, separated by commas: carrier, silence; download, upload, messages-down,
    /// messages-up; aggregate, backup; first, second, busier (the link that fails). Without: all, in some
    /// 40 minutes.
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    only: Vec<Word>,
    /// Print one JSON object with every single value instead of the table.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    if !rustix::process::geteuid().is_root() {
        return Err(anyhow::anyhow!("lab faults makes network namespaces: run it as root").into());
    }
    let cells = Cell::only(&arguments.only);
    if cells.is_empty() {
        return Err(anyhow::anyhow!("no fault fits all of these words").into());
    }
    let outcome = lab::faults::run(&Options {
        cells,
        repeat: arguments.repeat.into(),
        program: std::env::current_exe().context("cannot find this program's own file")?,
    });
    if arguments.json {
        println!("{}", outcome.to_json());
    } else {
        print!("{outcome}");
    }
    match outcome.failed() {
        0 => Ok(()),
        failed => Err(anyhow::anyhow!("{failed} rounds failed").into()),
    }
}

//! `manypath lab`

mod compare;
mod demo;

use clap::Subcommand;

use crate::Failure;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what Manypath is for: one link, both links, a link pulled and plugged in again.
    Demo(demo::Arguments),
    /// Measure Manypath beside other programs on the same links.
    Compare(compare::Arguments),
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Demo(arguments) => demo::run(arguments),
        Command::Compare(arguments) => compare::run(arguments),
    }
}

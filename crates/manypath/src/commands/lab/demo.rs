//! `manypath lab demo`

use std::path::PathBuf;

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

pub fn run(_arguments: Arguments) -> Result<(), Failure> {
    Ok(())
}

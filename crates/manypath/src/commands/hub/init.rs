//! `manypath hub init`

use crate::Failure;

#[derive(Debug, clap::Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments) -> Result<(), Failure> {
    Err(anyhow::anyhow!("not there yet").into())
}

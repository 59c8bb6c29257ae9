//! `manypath hub install`

use crate::Failure;

#[derive(Debug, clap::Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments) -> Result<(), Failure> {
    Err(anyhow::anyhow!("not there yet").into())
}

#[derive(Debug, clap::Args)]
pub struct UninstallArguments {}

pub fn uninstall(_arguments: UninstallArguments) -> Result<(), Failure> {
    Err(anyhow::anyhow!("not there yet").into())
}

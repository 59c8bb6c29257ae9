//! Runs this program again with an administrator's rights.

use winproc::{Program, UserCommand};

use crate::Failure;

/// Asks for consent, and runs this program with these arguments in a window of its own.
pub fn again(arguments: &[&str]) -> Result<(), Failure> {
    let here = std::env::current_exe()?;
    let program = Program::new(here.to_string_lossy()).map_err(winproc::Error::from)?;
    let command = UserCommand::new(program).arguments(arguments.iter().copied());
    match winproc::run_elevated(&command)? {
        0 => Ok(()),
        code => Err(anyhow::anyhow!(
            "it failed with exit code {code}; run it in a terminal that was started as administrator to see why"
        )
        .into()),
    }
}

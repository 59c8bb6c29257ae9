//! `manypath edge`

use std::path::PathBuf;

use settings::edge::Settings;

use crate::{Failure, log, shutdown};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The settings file.
    #[arg(long, default_value = "/etc/manypath/edge.toml")]
    settings: PathBuf,
    /// Take settings from standard input and tell on standard output what happens: for the service on
    /// Windows, which runs the edge in WSL.
    #[arg(long, conflicts_with_all = ["settings", "once", "dry_run"])]
    stdio: bool,
    /// Look at the machine once instead of running. Needs --dry-run.
    #[arg(long, requires = "dry_run")]
    once: bool,
    /// Print the steps that a start would take now, and change nothing.
    #[arg(long, requires = "once")]
    dry_run: bool,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    if arguments.stdio {
        super::keep_memory_private();
        super::raise_open_files();
        let _rest = log::start_without_waiting();
        let running = async { Ok(edge::run_for_host(shutdown::requested_or_left()?).await?) };
        let result: anyhow::Result<()> = super::runtime()?.block_on(running);
        return Ok(result?);
    }
    let settings = Settings::load(&arguments.settings)
        .map_err(|errors| Failure::Settings(errors.to_string()))?;
    super::keep_memory_private();
    super::raise_open_files();
    let runtime = super::runtime()?;
    if arguments.once {
        let steps = runtime.block_on(edge::dry_run(&settings))?;
        if steps.is_empty() {
            println!("nothing to do");
        }
        for step in steps {
            println!("{step}");
        }
        return Ok(());
    }
    log::start();
    Ok(runtime.block_on(async {
        edge::run(settings, &arguments.settings, shutdown::requested()?)
            .await
            .map_err(anyhow::Error::from)
    })?)
}

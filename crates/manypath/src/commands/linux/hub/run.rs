//! `manypath hub` without a subcommand: the server.

use std::path::PathBuf;

use settings::hub::Settings;

use crate::commands::linux::{keep_memory_private, raise_open_files, runtime};
use crate::{Failure, log, shutdown};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The settings file.
    #[arg(long, default_value = "/etc/manypath/hub.toml")]
    settings: PathBuf,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    keep_memory_private();
    let settings = Settings::load(&arguments.settings)
        .map_err(|errors| Failure::Settings(errors.to_string()))?;
    raise_open_files();
    log::start();
    for file in settings.files_with_secrets() {
        if let Ok(Some(warning)) = settings::readable_by_others(file) {
            tracing::warn!("{warning}");
        }
    }
    let result = runtime()?.block_on(async {
        Ok::<_, std::io::Error>(
            hub::run(settings, &arguments.settings, shutdown::requested()?).await,
        )
    })?;
    match result {
        Err(hub::HubError::Users(errors)) => Err(Failure::Settings(errors.to_string())),
        other => Ok(other?),
    }
}

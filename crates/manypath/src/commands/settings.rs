//! `manypath settings`

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::Failure;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a commented example with every key and its default.
    Example {
        /// Whose settings.
        #[arg(value_enum, default_value = Kind::DEFAULT)]
        of: Kind,
    },
    /// Print the JSON schema, for editors.
    Schema {
        /// Whose settings.
        #[arg(value_enum, default_value = Kind::DEFAULT)]
        of: Kind,
    },
    /// Check a file; exit code 2 and line, column and key of each error if it is wrong.
    Check {
        /// The file.
        file: PathBuf,
        /// Whose settings.
        #[arg(long, value_enum, default_value = Kind::DEFAULT)]
        of: Kind,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Of `manypath edge`.
    Edge,
    /// Of the service on Windows.
    Host,
    /// Of `manypath hub`.
    Hub,
    /// The users of `manypath hub`.
    HubUsers,
}

impl Kind {
    /// What this system has settings of, first of all.
    const DEFAULT: &str = if cfg!(windows) { "host" } else { "edge" };
}

impl From<Kind> for settings::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Edge => Self::Edge,
            Kind::Host => Self::Host,
            Kind::Hub => Self::Hub,
            Kind::HubUsers => Self::HubUsers,
        }
    }
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Example { of } => print!("{}", settings::example(of.into())),
        Command::Schema { of } => {
            println!(
                "{}",
                serde_json::to_string_pretty(&settings::schema(of.into()))?
            );
        }
        Command::Check { file, of } => {
            let checked = match of {
                Kind::Edge => settings::edge::Settings::load(&file).map(drop),
                Kind::Host => settings::host::Settings::load(&file).map(drop),
                Kind::Hub => settings::hub::Settings::load(&file).map(drop),
                Kind::HubUsers => settings::hub::UserFile::load(&file).map(drop),
            };
            checked.map_err(|errors| Failure::Settings(errors.to_string()))?;
            println!("{} is right", file.display());
        }
    }
    Ok(())
}

//! The command line.
#![forbid(unsafe_code)]

mod commands;
#[cfg(target_os = "linux")]
mod log;
#[cfg(target_os = "linux")]
mod shutdown;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[cfg(target_os = "linux")]
use commands::linux;
use commands::settings;
#[cfg(windows)]
use commands::windows;

/// Every Internet connection of a PC at once, for every TCP program (Multipath TCP).
#[derive(Debug, Parser)]
#[command(name = "manypath", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[cfg(target_os = "linux")]
    #[command(flatten)]
    Linux(linux::Command),
    #[cfg(windows)]
    #[command(flatten)]
    Windows(windows::Command),
    /// Print an example or the JSON schema of the settings files, or check a file.
    Settings(settings::Arguments),
}

/// What a command can end with beside success.
#[derive(Debug)]
enum Failure {
    /// The settings, or the command line, are wrong: nothing was changed. Exit code 2.
    Settings(String),
    /// Anything else. Exit code 1.
    Other(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        #[cfg(target_os = "linux")]
        Command::Linux(command) => linux::run(command),
        #[cfg(windows)]
        Command::Windows(command) => windows::run(command),
        Command::Settings(arguments) => settings::run(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Settings(text)) => {
            eprintln!("{text}");
            ExitCode::from(2)
        }
        Err(Failure::Other(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

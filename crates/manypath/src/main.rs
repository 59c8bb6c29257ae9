//! The command line.
#![forbid(unsafe_code)]

mod commands;
mod log;
mod shutdown;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{connect, edge, hub, path, settings, status};

/// Every Internet connection of a PC at once, for every TCP program (Multipath TCP).
#[derive(Debug, Parser)]
#[command(name = "manypath", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the agent: take TCP in, send it out over all uplinks.
    Edge(edge::Arguments),
    /// Check a hub's link end to end, and write it into the edge's settings.
    Connect(connect::Arguments),
    /// Run the server where Multipath TCP ends.
    Hub(hub::Arguments),
    /// Show what a running edge does: uplinks, endpoints, connections and their subflows.
    Status(status::Arguments),
    /// Show the uplinks with their roles, or change a role: active, backup or off.
    Path(path::Arguments),
    /// Print an example or the JSON schema of the settings files, or check a file.
    Settings(settings::Arguments),
    /// Emulate PC, links and servers on this machine, and measure.
    Lab(commands::lab::Arguments),
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
        Command::Edge(arguments) => edge::run(arguments),
        Command::Connect(arguments) => connect::run(arguments),
        Command::Hub(arguments) => hub::run(arguments),
        Command::Status(arguments) => status::run(arguments),
        Command::Path(arguments) => path::run(arguments),
        Command::Settings(arguments) => settings::run(arguments),
        Command::Lab(arguments) => commands::lab::run(arguments),
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

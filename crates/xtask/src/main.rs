//! What is built beside the program.
#![forbid(unsafe_code)]

mod guest;
mod kernel;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build the image for WSL that the edge lives in.
    Guest(guest::Options),
    /// Build the kernel for WSL, with its modules.
    Kernel(kernel::Arguments),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Guest(options) => guest::run(&options),
        Command::Kernel(arguments) => kernel::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

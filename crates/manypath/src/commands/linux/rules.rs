//! `manypath rules`

use std::path::{Path, PathBuf};

use settings::edge::Settings;

use super::status::ask;
use crate::Failure;
use crate::commands::rules::{Question, print_rules};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: ListArguments,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the rules of a running edge and how many connections each has decided (also without `list`).
    List(ListArguments),
    /// Say which rule of the settings counts for a destination, and why. Connects to nowhere.
    Test(TestArguments),
}

#[derive(Debug, clap::Args)]
struct ListArguments {
    /// The edge's control socket (control.socket in its settings).
    #[arg(long, default_value = "/run/manypath/edge.sock")]
    socket: PathBuf,
    /// Print the rules of `manypath status --json`.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct TestArguments {
    #[command(flatten)]
    question: Question,
    /// The edge's settings file.
    #[arg(long, default_value = "/etc/manypath/edge.toml")]
    settings: PathBuf,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Some(Command::Test(arguments)) => test(&arguments),
        Some(Command::List(arguments)) => show(&arguments.socket, arguments.json),
        None => show(&arguments.list.socket, arguments.list.json),
    }
}

fn show(socket: &Path, json: bool) -> Result<(), Failure> {
    let status = ask(socket)?;
    print_rules(&status["rules"], json)
}

fn test(arguments: &TestArguments) -> Result<(), Failure> {
    let settings = Settings::load(&arguments.settings);
    let settings = settings.map_err(|errors| Failure::Settings(errors.to_string()))?;
    arguments
        .question
        .print_answer(&settings.traffic, &settings.bypass)
}

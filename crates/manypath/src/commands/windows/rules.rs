//! `manypath rules`

use std::path::PathBuf;

use host::windows::Folders;
use settings::host::Settings;

use super::{Json, status_of_service};
use crate::Failure;
use crate::commands::rules::{Question, print_rules};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: Json,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the rules that the edge goes by and how many connections each has decided (also without `list`).
    List(Json),
    /// Say which rule of the settings counts for a destination, and why. Connects to nowhere.
    Test(TestArguments),
}

#[derive(Debug, clap::Args)]
struct TestArguments {
    #[command(flatten)]
    question: Question,
    /// Another settings file than the service's, which administrators alone may read.
    #[arg(long)]
    settings: Option<PathBuf>,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Some(Command::Test(arguments)) => test(&arguments),
        Some(Command::List(list)) => show(list.json),
        None => show(arguments.list.json),
    }
}

fn show(json: bool) -> Result<(), Failure> {
    let status = status_of_service()?;
    let rules = &status["edge"]["rules"];
    if rules.is_null() && !json {
        println!("no edge runs; manypath status says why");
        return Ok(());
    }
    print_rules(rules, json)
}

fn test(arguments: &TestArguments) -> Result<(), Failure> {
    let file = match &arguments.settings {
        Some(file) => file.clone(),
        None => Folders::find()?.store().settings(),
    };
    let settings = Settings::load(&file);
    let settings = settings.map_err(|errors| Failure::Settings(errors.to_string()))?;
    arguments
        .question
        .print_answer(&settings.traffic, &settings.bypass)
}

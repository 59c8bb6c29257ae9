//! `manypath path`: the uplinks and their roles.

mod edit;
mod set;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use settings::edge::Role;

use super::status::{ask, list, uplink};
use crate::Failure;

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
    /// Show the uplinks with role, state and why (also without `list`).
    List(ListArguments),
    /// Give an uplink another role, in the settings and in an edge that runs.
    Set(SetArguments),
}

#[derive(Debug, clap::Args)]
struct ListArguments {
    /// The edge's control socket (control.socket in its settings).
    #[arg(long, default_value = "/run/manypath/edge.sock")]
    socket: PathBuf,
    /// Print the uplinks of `manypath status --json`.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = SET_EXIT_CODES)]
struct SetArguments {
    /// The uplink's name, or its interface's.
    name: String,
    /// active: it carries whenever it works; backup: only while no active uplink works; off: never.
    #[arg(value_parser = roles())]
    role: Role,
    /// The edge's settings file.
    #[arg(long, default_value = "/etc/manypath/edge.toml")]
    settings: PathBuf,
    /// The edge's control socket, if it is another than control.socket in the settings.
    #[arg(long)]
    socket: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

const SET_EXIT_CODES: &str = "Exit codes: 0 the role is written, and counts in a running edge that could be told; \
                              1 it can't be written, or the running edge refuses it; 2 there is no such uplink, or \
                              the settings file is wrong, and nothing was changed.";

/// The words of the settings file.
fn roles() -> impl TypedValueParser<Value = Role> {
    let words = PossibleValuesParser::new(Role::WORDS.map(|(word, _)| word));
    words.try_map(|text| {
        let found = Role::WORDS.into_iter().find(|(word, _)| *word == text);
        found.map(|(_, role)| role).ok_or("it is no role")
    })
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Some(Command::Set(arguments)) => set::run(&arguments),
        Some(Command::List(arguments)) => show(&arguments.socket, arguments.json),
        None => show(&arguments.list.socket, arguments.list.json),
    }
}

fn show(socket: &Path, json: bool) -> Result<(), Failure> {
    let uplinks = ask(socket)?["uplinks"].take();
    if json {
        println!("{}", serde_json::to_string_pretty(&uplinks)?);
        return Ok(());
    }
    let now = SystemTime::now();
    let each = list(&uplinks).map(|uplink| {
        let mut text = String::new();
        uplink::describe(uplink, now, &mut text);
        text
    });
    match each.collect::<Vec<_>>().as_slice() {
        [] => println!("no interface of this machine is an uplink"),
        some => print!("{}", some.join("\n")),
    }
    Ok(())
}

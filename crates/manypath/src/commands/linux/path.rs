//! `manypath path`: the uplinks and their roles.

mod set;
mod target;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use settings::edge::Role;

use super::status::ask;
use crate::Failure;
use crate::commands::role::roles;
use crate::commands::status_text::describe_uplinks;

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

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Some(Command::Set(arguments)) => set::run(&arguments),
        Some(Command::List(arguments)) => show(&arguments.socket, arguments.json),
        None => show(&arguments.list.socket, arguments.list.json),
    }
}

fn show(socket: &Path, json: bool) -> Result<(), Failure> {
    let status = ask(socket)?;
    let uplinks = &status["uplinks"];
    match json {
        true => println!("{}", serde_json::to_string_pretty(uplinks)?),
        false => print!("{}", describe_uplinks(uplinks, SystemTime::now())),
    }
    Ok(())
}

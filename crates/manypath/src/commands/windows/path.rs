//! `manypath path`: the uplinks and their roles.

use std::time::SystemTime;

use host::control::Request;
use settings::edge::Role;

use super::{change, status_of_service};
use crate::Failure;
use crate::commands::role::roles;
use crate::commands::status_text::describe_uplinks;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: super::Json,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the uplinks with role, state and why (also without `list`).
    List(super::Json),
    /// Give an uplink another role.
    Set(SetArguments),
}

#[derive(Debug, clap::Args)]
struct SetArguments {
    /// The uplink's name: what Windows calls the network card, or its name in the settings.
    name: String,
    /// active: it carries whenever it works; backup: only while no active uplink works; off: never.
    #[arg(value_parser = roles())]
    role: Role,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Some(Command::Set(set)) => {
            let request = Request::SetRole {
                uplink: set.name,
                role: set.role.to_string(),
            };
            change(&request, set.json)
        }
        Some(Command::List(list)) => show(list.json),
        None => show(arguments.list.json),
    }
}

fn show(json: bool) -> Result<(), Failure> {
    let status = status_of_service()?;
    let uplinks = &status["edge"]["uplinks"];
    match json {
        true => println!("{}", serde_json::to_string_pretty(uplinks)?),
        false if uplinks.is_null() => println!("no edge runs; manypath status says why"),
        false => print!("{}", describe_uplinks(uplinks, SystemTime::now())),
    }
    Ok(())
}

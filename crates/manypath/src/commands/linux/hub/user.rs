//! `manypath hub user`: who may use the hub.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};
use settings::hub::{DEFAULT_MAX_CONNECTIONS, EditError, Settings, User, UserFile, UserName};
use settings::{DestinationRule, Rate};

use super::link::{self, DEFAULT_SETTINGS, NewUser, Place, public_addresses};
use crate::Failure;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a user and print its link.
    #[command(after_help = LOST)]
    Add(Add),
    /// Remove a user: its link works no more.
    Remove(Remove),
    /// List the users, with their limits and what they have transferred.
    #[command(after_help = LOST)]
    List(List),
}

const LOST: &str = "The hub does not keep links, only what it needs to check them. When a link got lost, \
                    remove the user and add it again.";

#[derive(Debug, clap::Args)]
struct Add {
    /// The user's name: letters, digits, '.', '_', '-' and '@'.
    name: UserName,
    #[command(flatten)]
    place: Place,
    /// How many connections the user may have at once.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_MAX_CONNECTIONS,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: u32,
    /// How fast all of them together may be, in each direction, such as "50 Mbit/s".
    #[arg(long)]
    rate: Option<Rate>,
    /// Where the user may connect to, such as 203.0.113.0/24, 0.0.0.0/0:443 or [2001:db8::/32]:80-90. May be
    /// repeated; without it, everywhere that the hub allows.
    #[arg(long, value_name = "NETWORK[:PORTS]")]
    allow: Vec<DestinationRule>,
    /// Where the user may not connect to, even if it is allowed. May be repeated.
    #[arg(long, value_name = "NETWORK[:PORTS]")]
    deny: Vec<DestinationRule>,
    #[command(flatten)]
    hub: Hub,
    /// Print the link, the user's name, the hub's pin and the files as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Remove {
    /// The user's name.
    name: UserName,
    #[command(flatten)]
    hub: Hub,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    hub: Hub,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Which hub.
#[derive(Debug, clap::Args)]
struct Hub {
    /// The hub's settings file.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_SETTINGS)]
    settings: PathBuf,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Add(arguments) => add(arguments),
        Command::Remove(arguments) => remove(arguments),
        Command::List(arguments) => list(arguments),
    }
}

impl Hub {
    fn load(&self) -> Result<Settings, Failure> {
        let init = link::command("init", &self.settings);
        let no_hub = |path: &Path| {
            Failure::Settings(format!(
                "{}: there is no such file; run first: {init}",
                path.display()
            ))
        };
        if !link::exists(&self.settings)? {
            return Err(no_hub(&self.settings));
        }
        let settings = Settings::load(&self.settings)
            .map_err(|errors| Failure::Settings(errors.to_string()))?;
        match link::exists(&settings.users)? {
            true => Ok(settings),
            false => Err(no_hub(&settings.users)),
        }
    }
}

fn add(arguments: Add) -> Result<(), Failure> {
    let settings = arguments.hub.load()?;
    let key = link::read_key(&settings.key)?;
    let reach = arguments.place.reach(&settings, &public_addresses()?)?;
    let mut new = NewUser::new(arguments.name, &key, reach);
    new.user = User {
        max_connections: arguments.max_connections,
        rate: arguments.rate,
        allow: arguments.allow,
        deny: arguments.deny,
        ..new.user
    };
    UserFile::add(&settings.users, &new.user).map_err(edit_failure)?;
    if arguments.json {
        let path = std::path::absolute(&arguments.hub.settings)?;
        return new.print_json(&path, &settings);
    }
    new.print();
    println!("A hub that runs knows {} at once.", new.user.name);
    Ok(())
}

fn remove(arguments: Remove) -> Result<(), Failure> {
    let settings = arguments.hub.load()?;
    UserFile::remove(&settings.users, &arguments.name).map_err(edit_failure)?;
    println!("{} is removed, and its link works no more.", arguments.name);
    Ok(())
}

/// A wrong file or a name that does not fit is for the user to mend, anything else is the machine's.
pub fn edit_failure(error: EditError) -> Failure {
    match error {
        EditError::Write { .. } => Failure::Other(error.into()),
        error => Failure::Settings(error.to_string()),
    }
}

fn list(arguments: List) -> Result<(), Failure> {
    let settings = arguments.hub.load()?;
    let users =
        UserFile::load(&settings.users).map_err(|errors| Failure::Settings(errors.to_string()))?;
    let usage = usage(&settings.usage);
    if arguments.json {
        let users: Result<Vec<Value>, _> = users.iter().map(|user| as_json(user, &usage)).collect();
        println!("{}", serde_json::to_string_pretty(&users?)?);
        return Ok(());
    }
    if users.iter().len() == 0 {
        let add = link::command("user add NAME", &arguments.hub.settings);
        println!("there is no user; to add one: {add}");
        return Ok(());
    }
    let head = [
        "NAME",
        "KEY",
        "CONNECTIONS",
        "RATE",
        "DESTINATIONS",
        "SENT",
        "RECEIVED",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(users.iter().map(|user| row(user, &usage)));
    print_table(&rows);
    Ok(())
}

/// What users have transferred, by name: nothing before the hub has run, or for who may not read it.
fn usage(path: &Path) -> Value {
    let text = fs::read(path).unwrap_or_default();
    let mut usage: Value = serde_json::from_slice(&text).unwrap_or_default();
    usage["hub"].take()
}

fn as_json(user: &User, usage: &Value) -> serde_json::Result<Value> {
    let mut object = serde_json::to_value(user)?;
    object["usage"] = usage
        .get(user.name.as_str())
        .cloned()
        .unwrap_or(json!(null));
    Ok(object)
}

fn row(user: &User, usage: &Value) -> [String; 7] {
    let used = usage.get(user.name.as_str());
    let bytes = |key: &str| match used.and_then(|used| used[key].as_u64()) {
        Some(bytes) => in_units(bytes),
        None => "-".to_owned(),
    };
    let destinations = match (user.allow.len(), user.deny.len()) {
        (0, 0) => "all".to_owned(),
        (0, denied) => format!("{denied} denied"),
        (allowed, 0) => format!("{allowed} allowed"),
        (allowed, denied) => format!("{allowed} allowed, {denied} denied"),
    };
    [
        user.name.to_string(),
        format!("{:.8}…", user.key.to_string()),
        user.max_connections.to_string(),
        user.rate
            .map_or("no limit".to_owned(), |rate| rate.to_string()),
        destinations,
        bytes("bytes_up"),
        bytes("bytes_down"),
    ]
}

/// Bytes with three digits or so.
fn in_units(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [
        ("TB", 1_000_000_000_000),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("kB", 1000),
    ];
    match UNITS.iter().find(|(_, factor)| bytes >= *factor) {
        Some((unit, factor)) => {
            let tenths = bytes / (factor / 10);
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

fn print_table<const N: usize>(rows: &[[String; N]]) {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    for row in rows {
        let cells = row.iter().enumerate();
        let cells = cells.map(|(column, cell)| {
            let width = width(column).unwrap_or_default();
            format!("{cell:width$}")
        });
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

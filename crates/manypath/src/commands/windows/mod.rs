//! The commands on Windows: most of them ask the service.

mod connect;
mod doctor;
mod elevate;
mod install;
mod kernel;
mod logs;
mod path;
mod rules;
mod status;

use anyhow::Context;
use clap::Subcommand;
use host::control::{Answer, Request};
use host::windows::SERVICE;

use crate::Failure;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Put Manypath onto this PC and start it. Asks for an administrator's consent.
    Install(install::InstallArguments),
    /// Take Manypath away again, and put everything back. Asks for an administrator's consent.
    Uninstall,
    /// Bring every Internet connection into use, now and at every start of the PC.
    Up(Json),
    /// Give Windows its network back, now and at every start of the PC, until `manypath up`.
    Down(Json),
    /// Show how everything is: cards, edge, uplinks and connections.
    Status(status::Arguments),
    /// Look at every prerequisite, say what is wrong and what to do about it.
    Doctor(doctor::Arguments),
    /// Show which kernel WSL runs, or install another one.
    #[command(subcommand)]
    Kernel(kernel::Command),
    /// Send connections through a hub.
    Connect(connect::Arguments),
    /// Show the uplinks with their roles, or change a role: active, backup or off.
    Path(path::Arguments),
    /// Show the rules for traffic, or say which counts for a destination.
    Rules(rules::Arguments),
    /// Show what service and edge have logged. Needs an administrator's rights.
    Logs(logs::Arguments),
    /// What Windows starts as the service.
    #[command(hide = true)]
    Service,
    /// What the service starts as the user: tells the user's programs that the proxy setting has changed.
    #[command(hide = true)]
    ProxyHasChanged,
}

#[derive(Debug, clap::Args)]
pub struct Json {
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Install(arguments) => install::install(&arguments),
        Command::Uninstall => install::uninstall(),
        Command::Up(Json { json }) => up(json),
        Command::Down(Json { json }) => change(&Request::Down, json),
        Command::Status(arguments) => status::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Kernel(command) => kernel::run(command),
        Command::Connect(arguments) => connect::run(arguments),
        Command::Path(arguments) => path::run(arguments),
        Command::Rules(arguments) => rules::run(arguments),
        Command::Logs(arguments) => logs::run(&arguments),
        Command::Service => Ok(host::windows::serve()?),
        Command::ProxyHasChanged => Ok(host::windows::proxy_has_changed()?),
    }
}

/// A service that was stopped is started first.
fn up(json: bool) -> Result<(), Failure> {
    let state = winproc::service_state(SERVICE)?;
    match state {
        None => return Err(anyhow::anyhow!("it is not installed; run manypath install").into()),
        Some(winproc::ServiceState::Running) => {}
        Some(_) if !winproc::is_elevated()? => return elevate::again(&["up"]),
        Some(_) => host::windows::start()?,
    }
    change(&Request::Up, json)
}

/// Has the service change something, and says what came of it.
fn change(request: &Request, json: bool) -> Result<(), Failure> {
    let answer = ask(request)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
    }
    match answer {
        Answer::Done(text) if !json => println!("{text}"),
        Answer::Refused(why) => return Err(anyhow::anyhow!(why).into()),
        Answer::Done(_) | Answer::Status(_) | Answer::Recorded(_) => {}
    }
    Ok(())
}

/// The status as the service has it.
fn status_of_service() -> anyhow::Result<serde_json::Value> {
    match ask(&Request::Status)? {
        Answer::Status(status) => Ok(status),
        Answer::Done(text) | Answer::Refused(text) => Err(anyhow::anyhow!(text)),
        Answer::Recorded(_) => Err(anyhow::anyhow!("the service is confused")),
    }
}

fn ask(request: &Request) -> anyhow::Result<Answer> {
    host::windows::ask(request).context(
        "the service can't be asked; manypath doctor says what is wrong, manypath up starts it",
    )
}

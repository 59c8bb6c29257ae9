//! `manypath hub`

mod init;
mod install;
mod link;
mod qr;
mod run;
mod user;

use clap::Subcommand;

use crate::Failure;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[group(skip)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::Arguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the hub's key, its settings and the first user, and print the user's link.
    Init(init::Arguments),
    /// Add, remove and list users.
    User(user::Arguments),
    /// Set this server up: user, service, kernel settings.
    Install(install::Arguments),
    /// Take back what `install` did.
    Uninstall(install::UninstallArguments),
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        None => run::run(arguments.run),
        Some(Command::Init(arguments)) => init::run(arguments),
        Some(Command::User(arguments)) => user::run(arguments),
        Some(Command::Install(arguments)) => install::run(arguments),
        Some(Command::Uninstall(arguments)) => install::uninstall(arguments),
    }
}

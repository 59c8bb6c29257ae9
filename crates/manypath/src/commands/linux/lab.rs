//! `manypath lab`

mod compare;
mod demo;
mod evaluate;
mod faults;
mod hold;
mod sweep;

use clap::Subcommand;

use crate::Failure;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what Manypath is for: one link, both links, a link pulled and plugged in again.
    Demo(demo::Arguments),
    /// Measure Manypath beside other programs on the same links.
    Compare(compare::Arguments),
    /// Do what people do, with real programs, over one link and both, and write a report with charts.
    Evaluate(evaluate::Arguments),
    /// Measure whether a second link, whatever it is like, ever makes Manypath slower.
    Sweep(sweep::Arguments),
    /// Let links fail under traffic, in every way and again and again.
    Faults(faults::Arguments),
    /// Bring a lab up and leave it: two links, edge, hub and origin.
    Up(hold::Up),
    /// Hold a lab; what `up` runs in the background.
    #[command(hide = true)]
    Serve(hold::Up),
    /// Run a program on a node of the lab.
    Exec(hold::Exec),
    /// Show the lab's nodes and links.
    Status(hold::Status),
    /// Change a link of the lab, or break it.
    Link(hold::Link),
    /// Take the lab down.
    Down(hold::Name),
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Demo(arguments) => demo::run(arguments),
        Command::Compare(arguments) => compare::run(arguments),
        Command::Evaluate(arguments) => evaluate::run(arguments),
        Command::Sweep(arguments) => sweep::run(arguments),
        Command::Faults(arguments) => faults::run(arguments),
        Command::Up(arguments) => hold::up(&arguments),
        Command::Serve(arguments) => hold::serve(&arguments),
        Command::Exec(arguments) => hold::exec(&arguments),
        Command::Status(arguments) => hold::status(&arguments),
        Command::Link(arguments) => hold::link(&arguments),
        Command::Down(name) => hold::down(&name),
    }
}

//! The commands of edge, hub and lab, and what several of them need.

mod connect;
mod edge;
mod hub;
mod lab;
mod path;
mod rules;
mod running;
#[cfg(test)]
mod sample;
mod settings_file;
mod status;
mod uplinks;

use clap::Subcommand;

use crate::Failure;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the agent: take TCP in, send it out over all uplinks.
    Edge(edge::Arguments),
    /// Check a hub's link end to end, and write it into the edge's settings.
    Connect(connect::Arguments),
    /// Run the server where Multipath TCP ends.
    Hub(hub::Arguments),
    /// Show what a running edge does: uplinks, endpoints, connections and their subflows.
    Status(status::Arguments),
    /// Show the uplinks with their roles, or change a role: active, backup or off.
    Path(path::Arguments),
    /// Show the rules for traffic, or say which counts for a destination.
    Rules(rules::Arguments),
    /// Emulate PC, links and servers on this machine, and measure.
    Lab(lab::Arguments),
}

pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Edge(arguments) => edge::run(arguments),
        Command::Connect(arguments) => connect::run(arguments),
        Command::Hub(arguments) => hub::run(arguments),
        Command::Status(arguments) => status::run(arguments),
        Command::Path(arguments) => path::run(arguments),
        Command::Rules(arguments) => rules::run(arguments),
        Command::Lab(arguments) => lab::run(arguments),
    }
}

/// A runtime for a command that waits on many things.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}

/// Two files for each connection, and thousands of connections: the soft limit of 1024 is there for
/// programs that use select(2).
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Refused: the accept loop bears the lower limit.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}

/// Keys and secrets are in memory, so it goes into no core file, and programs of the same user can't
/// look into it (PR_SET_DUMPABLE in prctl(2)).
fn keep_memory_private() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Neither can fail for a process itself; if it does, running is worth more.
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

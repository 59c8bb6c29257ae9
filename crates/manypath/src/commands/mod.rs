//! One module for each command, and what several of them need.

pub mod connect;
pub mod edge;
pub mod hub;
pub mod lab;
pub mod path;
pub mod settings;
pub mod status;

mod running;
#[cfg(test)]
mod sample;
mod settings_file;
mod uplinks;

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

//! One module for each command.

pub mod edge;
pub mod hub;
pub mod lab;
pub mod settings;
pub mod status;

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

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

//! The calls of Windows.
#![expect(unsafe_code, reason = "these are calls of a C library")]

mod attributes;
mod event_log;
mod ffi;
mod file;
mod folders;
mod own;
mod pipe;
mod security;
mod service;
mod sessions;
mod spawn;
mod token;

pub use event_log::{EventLog, Severity};
pub use file::{delete_at_restart, private_directory, write_like, write_private};
pub use folders::KnownFolder;
pub use own::{is_elevated, run, run_elevated};
pub use pipe::{Identity, PipeListener, connect};
pub use service::{
    Control, Installed, ServiceState, install_service, remove_service, serve, service_state,
    start_service, stop_service,
};
pub use sessions::LoggedOn;
pub use token::UserToken;

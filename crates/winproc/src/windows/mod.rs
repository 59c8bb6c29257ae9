//! The calls of Windows.
#![expect(unsafe_code, reason = "these are calls of a C library")]

mod attributes;
mod event_log;
mod ffi;
mod file;
mod own;
mod pipe;
mod security;
mod sessions;
mod spawn;
mod token;

pub use event_log::{EventLog, Severity};
pub use file::{private_directory, write_like, write_private};
pub use own::{is_elevated, run, run_elevated};
pub use pipe::{Identity, PipeListener, connect};
pub use sessions::LoggedOn;
pub use token::UserToken;

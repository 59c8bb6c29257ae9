//! Windows' sessions, programs run as the logged-on user, and pipes and files with access lists.
//!
//! A Windows service runs as LocalSystem in session 0, where no user is. WSL refuses LocalSystem, so
//! whatever has to do with it is done as the user who is logged on: [`Users`] lists the sessions and
//! gives the [`User`] of one, who starts programs ([`UserCommand`]) and reads and writes files of its own.
//! On Windows these are [`LoggedOn`] and [`UserToken`]; tests elsewhere take the module `fake`.
//!
//! What the service shares with others has an [`AccessList`]: the pipe that commands talk to it by, and
//! its files. Windows runs it by [`serve`], and knows it since [`install_service`]. What is not a call of Windows (quoting, access lists, identifiers) is the same on every
//! system, and is tested on all of them.

mod access;
mod child;
mod command;
#[cfg(any(windows, test))]
mod environment;
mod error;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod quoting;
mod session;
mod sid;
mod user;
#[cfg(windows)]
mod windows;

pub use access::{Access, AccessList};
pub use child::{ExitCode, Output, Process, UserChild};
pub use command::{InvalidCommand, Program, UserCommand};
pub use error::Error;
pub use session::{Account, Session, SessionId, SessionState};
pub use sid::{InvalidSid, Sid};
pub use user::{User, Users};
#[cfg(windows)]
pub use windows::{
    Control, EventLog, Identity, Installed, KnownFolder, LoggedOn, PipeListener, ServiceState,
    Severity, UserToken, connect, delete_at_restart, install_service, is_elevated,
    private_directory, remove_service, run, run_elevated, serve, service_state, start_service,
    stop_service, write_like, write_private,
};

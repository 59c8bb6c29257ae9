//! What is done to a server, step by step.

use std::fmt;
use std::path::PathBuf;

use super::place::{self, FileKind};

/// One change of the server. Each may be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Put the running program where the service expects it.
    CopyProgram,
    /// Write a file of ours that everyone may read.
    Write {
        /// Where, seen from inside the server.
        path: &'static str,
        /// All of it.
        text: String,
    },
    /// Have systemd-sysusers make what our file there says.
    MakeUser,
    /// Make the settings' folder, for root to write and the hub to read.
    MakeFolder,
    /// Make key, settings and first user.
    Initialise,
    /// Let the hub read one of its files, and nobody else but root.
    Entrust(FileKind, PathBuf),
    /// Have systemd read its units again.
    ReadUnits,
    /// Start with the machine.
    Enable,
    /// Have systemd forget how often the service has failed.
    ForgetFailures,
    /// Start now.
    Start,
    /// Stop, drain and start, for the new program or unit.
    Restart,
    /// Wait until clients can connect.
    AwaitListening,
    /// Stop, and don't start with the machine any more.
    Disable,
    /// Delete a file.
    Remove(PathBuf),
    /// Delete the hub's files in a folder, and then the folder unless something else is in it.
    Purge(&'static str),
    /// Delete the hub's system user.
    DeleteUser,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CopyProgram => write!(f, "copy this program to {}", place::PROGRAM),
            Self::Write { path, .. } => write!(f, "write {path}"),
            Self::MakeUser => write!(f, "make the system user {}", place::USER),
            Self::MakeFolder => write!(
                f,
                "make {} (mode 0750, of root and the group {})",
                place::FOLDER,
                place::USER
            ),
            Self::Initialise => f.write_str("make the hub's key, settings and first user"),
            Self::Entrust(kind, path) => write!(
                f,
                "give {} to {} (mode {:04o})",
                path.display(),
                place::USER,
                kind.mode()
            ),
            Self::ReadUnits => f.write_str("have systemd read its units again"),
            Self::Enable => write!(f, "have {} start with the machine", place::SERVICE),
            Self::ForgetFailures => {
                write!(f, "have systemd forget that {} has failed", place::SERVICE)
            }
            Self::Start => write!(f, "start {}", place::SERVICE),
            Self::Restart => write!(
                f,
                "restart {}; connections may go on for as long as `drain` says",
                place::SERVICE
            ),
            Self::AwaitListening => f.write_str("wait until the hub listens"),
            Self::Disable => write!(f, "stop {} and disable it", place::SERVICE),
            Self::Remove(path) => write!(f, "delete {}", path.display()),
            Self::Purge(path) => write!(
                f,
                "delete the hub's files in {path}, and the folder unless it has others"
            ),
            Self::DeleteUser => write!(f, "delete the system user {}", place::USER),
        }
    }
}

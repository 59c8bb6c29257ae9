//! A lab that stays up between commands: one process holds it, others ask it by a Unix socket.
//!
//! Everything is held by descriptors of the daemon, so nothing is left when it ends, however it
//! ends. Others enter a node's namespace through `/proc/PID/fd/N`.

mod protocol;
mod server;

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use netcfg::{NetNs, NetNsError};

pub use protocol::{Change, LinkState, NodeState, Request, Response, State};
pub use server::{Held, serve};

/// Where a lab of that name answers.
#[must_use]
pub fn socket(name: &str) -> PathBuf {
    Path::new("/run/manypath").join(format!("lab-{name}.sock"))
}

/// Why a daemon could not be asked, or said no.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Nobody answers.
    #[error("no lab answers on {path}; start one with `manypath lab up`")]
    NotUp {
        /// The socket.
        path: PathBuf,
        /// The kernel's reason.
        #[source]
        source: io::Error,
    },
    /// It answered, and the talk broke off.
    #[error("the lab on {path} broke off")]
    Talk {
        /// The socket.
        path: PathBuf,
        /// The kernel's reason.
        #[source]
        source: io::Error,
    },
    /// It can't do what was asked.
    #[error("{0}")]
    Refused(String),
    /// There is no such node.
    #[error("the lab has no node {wanted:?}; it has {has}")]
    NoNode {
        /// What was asked for.
        wanted: String,
        /// What there is.
        has: String,
    },
    /// A namespace could not be entered.
    #[error(transparent)]
    Namespace(#[from] NetNsError),
}

/// Asks the daemon of the lab `name`.
///
/// # Errors
/// See [`DaemonError`].
pub fn ask(name: &str, request: &Request) -> Result<State, DaemonError> {
    let path = socket(name);
    let stream = UnixStream::connect(&path).map_err(|source| DaemonError::NotUp {
        path: path.clone(),
        source,
    })?;
    let broken = |source| DaemonError::Talk {
        path: path.clone(),
        source,
    };
    let mut line = serde_json::to_string(request).map_err(|error| broken(error.into()))?;
    line.push('\n');
    (&stream).write_all(line.as_bytes()).map_err(broken)?;
    let mut answer = String::new();
    BufReader::new(stream)
        .read_line(&mut answer)
        .map_err(broken)?;
    match serde_json::from_str(&answer).map_err(|error| broken(error.into()))? {
        Response::State(state) => Ok(state),
        Response::Refused(why) => Err(DaemonError::Refused(why)),
    }
}

/// A command that runs on a node of the lab `name`.
///
/// # Errors
/// [`DaemonError::NoNode`], or as [`ask`].
pub fn command(name: &str, node: &str, program: &str) -> Result<Command, DaemonError> {
    let state = ask(name, &Request::State)?;
    let found = state.nodes.iter().find(|it| it.name == node);
    let Some(found) = found else {
        let names: Vec<_> = state.nodes.iter().map(|it| it.name.as_str()).collect();
        return Err(DaemonError::NoNode {
            wanted: node.to_owned(),
            has: names.join(", "),
        });
    };
    let namespace = NetNs::open(format!("/proc/{}/fd/{}", state.pid, found.descriptor))?;
    Ok(crate::topology::command_in(&namespace, program.as_ref()))
}

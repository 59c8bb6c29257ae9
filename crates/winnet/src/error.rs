//! What goes wrong.

use std::io;

use thiserror::Error;

use crate::{Failure, Win32Error};

/// Something that could not be done, or read.
#[derive(Debug, Error)]
#[error("can't {task}")]
pub struct NetError {
    /// What was to be done, on what.
    pub task: String,
    /// The call.
    #[source]
    pub source: Failure,
}

impl NetError {
    /// What the call gave.
    pub fn code(&self) -> Win32Error {
        self.source.code
    }

    pub(crate) fn failed(task: impl ToString) -> impl FnOnce(Failure) -> Self {
        let task = task.to_string();
        |source| Self { task, source }
    }
}

/// A DLL of Windows' can't be used.
#[derive(Debug, Error)]
pub enum LoadError {
    /// It isn't there.
    #[error("{dll} can't be loaded: Windows is damaged; repair it (sfc /scannow)")]
    Missing {
        /// Its name.
        dll: &'static str,
        /// What Windows said.
        #[source]
        source: io::Error,
    },
    /// It is older than what we need.
    #[error("{dll} has no {function}: this Windows is too old; install its updates")]
    TooOld {
        /// Its name.
        dll: &'static str,
        /// What it lacks.
        function: &'static str,
    },
}

/// A value in the registry could not be read or changed.
#[derive(Debug, Error)]
#[error("can't {verb} the value fMinimizeConnections of {key}")]
pub struct PolicyError {
    /// What was to be done.
    pub verb: &'static str,
    /// The key.
    pub key: &'static str,
    /// What Windows said.
    #[source]
    pub source: io::Error,
}

/// Programs can't be told of another proxy setting. They find out when they are started again.
#[derive(Debug, Error)]
pub enum ProxyError {
    /// There is nothing to tell them by.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Windows refuses.
    #[error("can't tell programs that the proxy setting has changed (InternetSetOption)")]
    Refused(#[source] io::Error),
}

//! What goes wrong.

use thiserror::Error;

use crate::{DocumentError, EndpointId, Failure, HResult, SystemId};

/// Something that could not be done, or read.
#[derive(Debug, Error)]
pub enum HcsError {
    /// A call failed.
    #[error("can't {task}")]
    Failed {
        /// What was to be done, on what.
        task: String,
        /// The call.
        #[source]
        source: Failure,
    },
    /// A call gave something else than a document that we know.
    #[error("can't {task}: what Windows gave can't be read")]
    Unreadable {
        /// What was to be done, on what.
        task: String,
        /// Why not.
        #[source]
        source: DocumentError,
    },
    /// A network that is to be deleted has endpoints. Windows might hang for good.
    #[error(
        "can't {task}: endpoints are on it ({}); shut down the VMs that use it (WSL: wsl --shutdown) \
         and try again",
        list(endpoints)
    )]
    InUse {
        /// What was to be done, on what.
        task: String,
        /// What keeps it.
        endpoints: Vec<EndpointId>,
    },
    /// An endpoint belongs to a VM already, one that may be gone.
    #[error("can't {task}: it is still given to {system}; it has to be deleted and made again")]
    Elsewhere {
        /// What was to be done, on what.
        task: String,
        /// That VM.
        system: SystemId,
    },
}

impl HcsError {
    /// The HRESULT, if a call failed.
    pub fn hresult(&self) -> Option<HResult> {
        match self {
            Self::Failed { source, .. } => Some(source.hresult),
            _ => None,
        }
    }

    pub(crate) fn failed(task: impl ToString) -> impl FnOnce(Failure) -> Self {
        let task = task.to_string();
        |source| Self::Failed { task, source }
    }

    pub(crate) fn unreadable(task: impl ToString) -> impl FnOnce(DocumentError) -> Self {
        let task = task.to_string();
        |source| Self::Unreadable { task, source }
    }
}

fn list(endpoints: &[EndpointId]) -> String {
    let ids: Vec<_> = endpoints.iter().map(ToString::to_string).collect();
    ids.join(", ")
}

/// One of Windows' DLLs can't be used.
#[derive(Debug, Error)]
pub enum LoadError {
    /// It isn't there.
    #[error(
        "{dll} is missing: the Virtual Machine Platform is off; turn that Windows feature on \
         (wsl --install does) and restart Windows"
    )]
    Missing {
        /// Its name.
        dll: &'static str,
        /// What Windows said.
        #[source]
        source: std::io::Error,
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

use std::io;
use std::path::PathBuf;

use mptcp::PathManagerError;
use netcfg::{Sysctl, SysctlError};

/// Why something could not be set or put back.
#[derive(Debug, thiserror::Error)]
pub enum OriginalsError {
    /// The file of former values can't be read or written.
    #[error(
        "cannot keep former kernel settings in {path}; this program must be able to write there"
    )]
    File {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Both would put back what the other one needs.
    #[error(
        "another edge or hub runs with {path}; stop it first, or give this one another control.socket"
    )]
    Running {
        /// The file of former values.
        path: PathBuf,
    },
    /// A kernel setting can't be read or written.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
    /// A kernel setting was written and reads back otherwise.
    #[error("{key} stayed {is:?} although {wanted:?} was written; this kernel does not take it")]
    Refused {
        /// The setting.
        key: Sysctl,
        /// What was written.
        wanted: String,
        /// What it is.
        is: String,
    },
    /// An interface can't be brought up or down.
    #[error(transparent)]
    Network(#[from] netcfg::Error),
    /// Limits or endpoints.
    #[error(transparent)]
    PathManager(#[from] PathManagerError),
}

impl OriginalsError {
    /// This process may not change kernel settings, or may not write down what they were: what else
    /// there is to set would fail, too.
    pub fn is_for_want_of_rights(&self) -> bool {
        match self {
            Self::File { .. } | Self::PathManager(PathManagerError::NotPermitted { .. }) => true,
            Self::Sysctl(SysctlError::Write { source, .. }) => {
                source.kind() == io::ErrorKind::PermissionDenied
            }
            _ => false,
        }
    }
}

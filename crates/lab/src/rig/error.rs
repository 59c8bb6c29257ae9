use super::process::ProcessError;
use crate::topology::LabError;

/// Why a rig can't be used.
#[derive(Debug, thiserror::Error)]
pub enum RigError {
    /// The lab itself.
    #[error("cannot set up the lab")]
    Lab(#[from] LabError),
    /// Settings files could not be written.
    #[error("cannot write settings into a temporary folder; check TMPDIR and the space there")]
    Files(#[source] std::io::Error),
    /// The additional settings are no TOML.
    #[error("the additional settings of the {name} are no TOML")]
    Settings {
        /// `edge` or `hub`.
        name: &'static str,
        /// What is wrong.
        #[source]
        source: toml::de::Error,
    },
    /// The origin can't listen.
    #[error("cannot start the origin server")]
    Origin(#[source] std::io::Error),
    /// A program did not start, or did not end well.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A program runs, or ended, and is not as it should be.
    #[error("the {name}{} did not {what}; the end of its log:\n{log}", if *.ended { " has ended and" } else { "" })]
    NotReady {
        /// `edge` or `hub`.
        name: &'static str,
        /// What it did not do.
        what: &'static str,
        /// It has ended.
        ended: bool,
        /// The end of its log.
        log: String,
    },
    /// The program was stopped before.
    #[error("what was stopped did not {what}")]
    NotRunning {
        /// What it did not do.
        what: &'static str,
    },
    /// The control socket gave no status.
    #[error("the edge gives no status")]
    Status(#[source] std::io::Error),
}

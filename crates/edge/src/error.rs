//! Why the edge can't run.

use mptcp::KernelSupport;
use originals::OriginalsError;

use crate::apply::ApplyError;
use crate::control::ControlError;
use crate::host::HostError;
use crate::observe::ObserveError;
use crate::proxy::ProxyError;

/// Why the edge can't run.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// No MPTCP in this kernel, or it is switched off and can't be switched on.
    #[error("{0}")]
    NoMptcp(KernelSupport),
    /// The kernel could not be asked.
    #[error("cannot find out whether this kernel has MPTCP")]
    Probe(#[source] std::io::Error),
    /// Links, addresses, routes.
    #[error(transparent)]
    Network(#[from] netcfg::Error),
    /// Endpoints and limits.
    #[error(transparent)]
    PathManager(#[from] mptcp::PathManagerError),
    /// The machine could not be read.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// A step without which nothing works.
    #[error("cannot {step}")]
    Apply {
        /// What was to be done.
        step: String,
        /// Why it was not.
        #[source]
        source: ApplyError,
    },
    /// Former values can't be kept.
    #[error(transparent)]
    Originals(#[from] OriginalsError),
    /// A listener.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The control socket.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The host can't be understood.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The kernel gives no signals.
    #[error("cannot catch SIGHUP")]
    Signal(#[source] std::io::Error),
    /// The kernel does not tell when the clock is set.
    #[error("cannot watch the wall clock")]
    Clock(#[source] std::io::Error),
    /// Not everything could be taken away.
    #[error("{} steps of the clean-up failed: {}", .0.len(), .0.join("; "))]
    Teardown(Vec<String>),
}

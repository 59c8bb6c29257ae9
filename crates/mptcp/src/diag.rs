//! All MPTCP connections of a network namespace, by sock_diag.

use std::io;

use crate::info::ConnectionInfo;

/// A handle on the namespace's socket diagnostics.
#[derive(Debug)]
pub struct Diag {}

/// Why the connections can't be listed.
#[derive(Debug, thiserror::Error)]
pub enum DiagError {
    /// No netlink socket.
    #[error("the kernel's socket diagnostics can't be opened")]
    Open(#[source] io::Error),
    /// Linux built without CONFIG_INET_MPTCP_DIAG.
    #[error(
        "the kernel can't list MPTCP connections; it needs CONFIG_INET_MPTCP_DIAG (module mptcp_diag)"
    )]
    NotBuilt,
    /// The dump broke off.
    #[error("listing {what} failed")]
    Dump {
        /// What was listed.
        what: &'static str,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
}

impl Diag {
    /// Opens the diagnostics of the calling thread's network namespace.
    pub fn new() -> Result<Self, DiagError> {
        todo!()
    }

    /// Lists all MPTCP connections with their subflows, address ids and backup flags. Needs
    /// CAP_NET_ADMIN for these two on most kernels. It takes time in proportion to all TCP sockets
    /// of the namespace.
    pub async fn connections(&self) -> Result<Vec<ConnectionInfo>, DiagError> {
        todo!()
    }

    /// Adds address ids and backup flags to the subflows of one connection of this namespace.
    pub async fn complete(&self, connection: &mut ConnectionInfo) -> Result<(), DiagError> {
        todo!("{connection:?}")
    }
}

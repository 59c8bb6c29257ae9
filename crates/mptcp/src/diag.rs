//! All MPTCP connections of a network namespace, by sock_diag (as `ss -M` and `ss -ti` do it).
//!
//! It is the only way to learn a subflow's address ids and whether it is a backup: they are among
//! the ULP's information of the subflow's TCP socket, and no socket option has them.

mod message;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use netlink_socket2::std::NetlinkSocket;

use crate::info::{ConnectionInfo, SubflowInfo};
use message::{DiagDump, DiagReply, MPTCP, TCP};

/// A handle on a network namespace's socket diagnostics.
#[derive(Clone)]
pub struct Diag {
    socket: Arc<Mutex<NetlinkSocket>>,
}

impl fmt::Debug for Diag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diag").finish_non_exhaustive()
    }
}

/// Why the connections can't be listed.
#[derive(Debug, thiserror::Error)]
pub enum DiagError {
    /// No netlink socket, or Linux built without CONFIG_INET_MPTCP_DIAG.
    #[error(
        "the kernel can't list MPTCP connections; it needs CONFIG_INET_MPTCP_DIAG (module mptcp_diag)"
    )]
    Unavailable(#[source] io::Error),
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
        let mut socket = NetlinkSocket::new();
        // The library opens its socket at the first request. It must be here: a later request
        // comes from a thread that may be in another namespace.
        dump(&mut socket, MPTCP, |_| ()).map_err(DiagError::Unavailable)?;
        Ok(Self {
            socket: Arc::new(Mutex::new(socket)),
        })
    }

    /// Lists all MPTCP connections with their subflows, address ids and backup flags. Kernels may
    /// keep these two to CAP_NET_ADMIN. It takes time in proportion to all TCP sockets of the
    /// namespace.
    pub async fn connections(&self) -> Result<Vec<ConnectionInfo>, DiagError> {
        self.blocking(connections).await
    }

    /// Adds address ids and backup flags to the subflows of a connection of this namespace. It
    /// lists all TCP sockets, so for several connections [`Self::connections`] is better.
    pub async fn complete(&self, connection: &mut ConnectionInfo) -> Result<(), DiagError> {
        let known = self.blocking(subflows).await?;
        let known: HashMap<_, _> = known
            .into_iter()
            .map(|(_, subflow)| (ends(&subflow), subflow))
            .collect();
        for subflow in &mut connection.subflows {
            if let Some(found) = known.get(&ends(subflow)) {
                subflow.local_id = found.local_id;
                subflow.remote_id = found.remote_id;
                subflow.backup = found.backup;
            }
        }
        Ok(())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut NetlinkSocket) -> Result<T, DiagError> + Send + 'static,
    ) -> Result<T, DiagError> {
        let socket = Arc::clone(&self.socket);
        crate::on_blocking_thread(move || {
            operation(&mut socket.lock().unwrap_or_else(PoisonError::into_inner))
        })
        .await
    }
}

fn connections(socket: &mut NetlinkSocket) -> Result<Vec<ConnectionInfo>, DiagError> {
    let mut connections = Vec::new();
    dump(socket, MPTCP, |reply| {
        connections.extend(reply.connection())
    })
    .map_err(|source| DiagError::Dump {
        what: "MPTCP connections",
        source,
    })?;
    let mut by_token: HashMap<_, Vec<_>> = HashMap::new();
    for (token, subflow) in subflows(socket)? {
        by_token.entry(token).or_default().push(subflow);
    }
    for connection in &mut connections {
        let token = connection.token;
        connection.subflows = token
            .and_then(|token| by_token.remove(&token))
            .unwrap_or_default();
    }
    Ok(connections)
}

/// The subflows of all connections, each with the token of its connection.
fn subflows(socket: &mut NetlinkSocket) -> Result<Vec<(u32, SubflowInfo)>, DiagError> {
    let mut subflows = Vec::new();
    dump(socket, TCP, |reply| subflows.extend(reply.subflow())).map_err(|source| {
        DiagError::Dump {
            what: "subflows",
            source,
        }
    })?;
    Ok(subflows)
}

fn dump(
    socket: &mut NetlinkSocket,
    protocol: u32,
    mut each: impl FnMut(DiagReply<'_>),
) -> io::Result<()> {
    for family in [libc::AF_INET, libc::AF_INET6] {
        let mut reply = socket.request(&DiagDump::new(family, protocol))?;
        while let Some(entry) = reply.recv() {
            each(entry?);
        }
    }
    Ok(())
}

fn ends(subflow: &SubflowInfo) -> (SocketAddr, SocketAddr) {
    (subflow.local, subflow.remote)
}

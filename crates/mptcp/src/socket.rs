//! MPTCP and TCP stream sockets, and whether this kernel has MPTCP at all.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use serde::Serialize;
use socket2::{Domain, Socket};
use tokio::net::TcpStream;

/// The protocol of a stream socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Multipath TCP (RFC 8684); the peer may still answer with plain TCP.
    Mptcp,
    /// Plain TCP.
    Tcp,
}

/// A new socket, and what it turned out to be.
#[derive(Debug)]
pub struct Opened {
    /// Non-blocking, close-on-exec, not yet bound or connected.
    pub socket: Socket,
    /// [`Transport::Tcp`] although MPTCP was asked for: the kernel refused, [`probe`] says why.
    pub transport: Transport,
}

/// What [`connect`] sets on the socket before it connects.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// Source address; the port is left to the kernel.
    pub local: Option<IpAddr>,
    /// Interface name for SO_BINDTODEVICE. It pins every subflow of an MPTCP connection to that
    /// interface, so give it for plain TCP only.
    pub interface: Option<String>,
    /// SO_MARK; it applies to every subflow, also to later ones. Needs CAP_NET_ADMIN.
    pub mark: Option<u32>,
}

/// How [`listen`] sets its socket up.
#[derive(Debug, Clone)]
pub struct ListenOptions {
    /// Length of the accept queue; the kernel cuts it at `net.core.somaxconn`.
    pub backlog: u32,
    /// An IPv6 socket takes IPv6 only. Without meaning for an IPv4 address.
    pub only_v6: bool,
    /// IP_TRANSPARENT / IPV6_TRANSPARENT, for connections that TPROXY hands over. Needs
    /// CAP_NET_ADMIN.
    pub transparent: bool,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            backlog: 4096,
            only_v6: true,
            transparent: false,
        }
    }
}

/// A listening socket, and what it turned out to be.
#[derive(Debug)]
pub struct Listening {
    /// Non-blocking: ready for `tokio::net::TcpListener::from_std`.
    pub listener: std::net::TcpListener,
    /// [`Transport::Tcp`] although MPTCP was asked for: the kernel refused, [`probe`] says why.
    pub transport: Transport,
}

/// Whether the kernel can open MPTCP sockets in this network namespace. `Display` is a sentence
/// for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KernelSupport {
    /// MPTCP sockets can be opened.
    Available,
    /// Built in, but `net.mptcp.enabled` is 0.
    Disabled,
    /// The kernel has been built without CONFIG_MPTCP.
    NotBuilt,
}

impl fmt::Display for KernelSupport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Available => "the kernel speaks MPTCP",
            Self::Disabled => {
                "MPTCP is switched off in the kernel; switch it on with: sysctl net.mptcp.enabled=1"
            }
            Self::NotBuilt => {
                "the kernel has been built without MPTCP; use one with CONFIG_MPTCP=y (5.16 or newer)"
            }
        })
    }
}

/// Opens a stream socket. Asked for MPTCP, it gives a TCP socket if the kernel has none.
pub fn open(transport: Transport, domain: Domain) -> io::Result<Opened> {
    todo!("{transport:?} {domain:?}")
}

/// Connects to `remote`, with TCP_NODELAY set. An MPTCP request may end as plain TCP, because of
/// this kernel or of the peer; [`negotiated`] tells.
pub async fn connect(
    transport: Transport,
    remote: SocketAddr,
    options: &ConnectOptions,
) -> io::Result<TcpStream> {
    todo!("{transport:?} {remote} {options:?}")
}

/// Listens on `local` with SO_REUSEADDR. An MPTCP listener takes plain TCP clients too.
pub fn listen(
    transport: Transport,
    local: SocketAddr,
    options: &ListenOptions,
) -> io::Result<Listening> {
    todo!("{transport:?} {local} {options:?}")
}

/// What a connected socket speaks now. It may change from MPTCP to TCP while the connection runs
/// (RFC 8684 section 3.7).
pub fn negotiated(socket: impl AsFd) -> io::Result<Transport> {
    todo!("{:?}", socket.as_fd())
}

/// Tries to open an MPTCP socket and says what came of it.
pub fn probe() -> io::Result<KernelSupport> {
    todo!()
}

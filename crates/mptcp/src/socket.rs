//! MPTCP and TCP stream sockets, and whether this kernel has MPTCP at all.

use std::fmt;
use std::io;
use std::mem::offset_of;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use serde::Serialize;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};

use crate::abi::{
    self, Fields, MPTCP_INFO, MPTCP_INFO_FLAG_FALLBACK, MptcpInfo, SOL_MPTCP, TCP_IS_MPTCP,
};

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
    if transport == Transport::Mptcp {
        match new_socket(domain, Protocol::MPTCP) {
            Ok(socket) => return Ok(Opened { socket, transport }),
            Err(error) if Refusal::of(&error).is_some() => {}
            Err(error) => return Err(error),
        }
    }
    let socket = new_socket(domain, Protocol::TCP)?;
    Ok(Opened {
        socket,
        transport: Transport::Tcp,
    })
}

/// Connects to `remote`, with TCP_NODELAY set. An MPTCP request may end as plain TCP, because of
/// this kernel or of the peer; [`negotiated`] tells. Of an MPTCP connection to an IPv4 address the
/// socket's own addresses are IPv4-mapped IPv6 ones, where the kernel has IPv6.
pub async fn connect(
    transport: Transport,
    remote: SocketAddr,
    options: &ConnectOptions,
) -> io::Result<TcpStream> {
    let (socket, spelling) = open_for(transport, remote)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(mark) = options.mark {
        socket.set_mark(mark)?;
    }
    if let Some(interface) = &options.interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    if let Some(local) = options.local {
        socket.bind(&spelling.spell(SocketAddr::new(local, 0)).into())?;
    }
    TcpSocket::from_std_stream(socket.into())
        .connect(spelling.spell(remote))
        .await
}

/// How a socket wants its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    AsIs,
    Mapped,
}

impl Spelling {
    fn spell(self, address: SocketAddr) -> SocketAddr {
        match (self, address.ip()) {
            (Self::Mapped, IpAddr::V4(ip)) => {
                SocketAddr::new(ip.to_ipv6_mapped().into(), address.port())
            }
            _ => address,
        }
    }
}

/// MPTCP to an IPv4 address gets an IPv6 socket (RFC 3493 section 3.7), where there is IPv6: an IPv4 socket
/// never gets a subflow over IPv6 (`mptcp_pm_addr_families_match`, Linux 5.16 to 6.18).
fn open_for(transport: Transport, remote: SocketAddr) -> io::Result<(Socket, Spelling)> {
    if transport == Transport::Mptcp
        && remote.is_ipv4()
        && let Ok(socket) = new_socket(Domain::IPV6, Protocol::MPTCP)
    {
        socket.set_only_v6(false)?;
        return Ok((socket, Spelling::Mapped));
    }
    let Opened { socket, .. } = open(transport, Domain::for_address(remote))?;
    Ok((socket, Spelling::AsIs))
}

/// Listens on `local` with SO_REUSEADDR. An MPTCP listener takes plain TCP clients too.
pub fn listen(
    transport: Transport,
    local: SocketAddr,
    options: &ListenOptions,
) -> io::Result<Listening> {
    let Opened { socket, transport } = open(transport, Domain::for_address(local))?;
    socket.set_reuse_address(true)?;
    if local.is_ipv6() {
        socket.set_only_v6(options.only_v6)?;
    }
    if options.transparent {
        if local.is_ipv6() {
            socket.set_ip_transparent_v6(true)?;
        } else {
            socket.set_ip_transparent_v4(true)?;
        }
    }
    socket.bind(&local.into())?;
    socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
    Ok(Listening {
        listener: socket.into(),
        transport,
    })
}

/// What a connected socket speaks now. It may change from MPTCP to TCP while the connection runs
/// (RFC 8684 section 3.7).
pub fn negotiated(socket: impl AsFd) -> io::Result<Transport> {
    let socket = socket.as_fd();
    let mut yes = [0u8; 4];
    match abi::getsockopt(socket, libc::IPPROTO_TCP, TCP_IS_MPTCP, &mut yes) {
        Ok(_) if yes == [0; 4] => return Ok(Transport::Tcp),
        Ok(_) => return Ok(Transport::Mptcp),
        Err(error) if abi::is_unknown_option(&error) => {}
        Err(error) => return Err(error),
    }
    negotiated_before_6_10(socket)
}

/// Without TCP_IS_MPTCP: a socket that speaks TCP knows no option of level SOL_MPTCP.
pub(crate) fn negotiated_before_6_10(socket: BorrowedFd<'_>) -> io::Result<Transport> {
    let mut info = [0u8; size_of::<MptcpInfo>()];
    match abi::getsockopt(socket, SOL_MPTCP, MPTCP_INFO, &mut info) {
        Ok(length) => {
            let flags = Fields(&info[..length]).u32(offset_of!(MptcpInfo, flags));
            let fallback = flags & MPTCP_INFO_FLAG_FALLBACK != 0;
            Ok(if fallback {
                Transport::Tcp
            } else {
                Transport::Mptcp
            })
        }
        Err(error) if abi::is_unknown_option(&error) => Ok(Transport::Tcp),
        Err(error) => Err(error),
    }
}

/// Tries to open an MPTCP socket and says what came of it.
pub fn probe() -> io::Result<KernelSupport> {
    match new_socket(Domain::IPV4, Protocol::MPTCP) {
        Ok(_) => Ok(KernelSupport::Available),
        Err(error) => match Refusal::of(&error) {
            Some(Refusal::Disabled) => Ok(KernelSupport::Disabled),
            Some(Refusal::NotBuilt) => Ok(KernelSupport::NotBuilt),
            None => Err(error),
        },
    }
}

/// Why a kernel doesn't open an MPTCP socket.
enum Refusal {
    /// ENOPROTOOPT: `net.mptcp.enabled` is 0.
    Disabled,
    /// EPROTONOSUPPORT; EINVAL before Linux 5.6, which takes no protocol number above 255.
    NotBuilt,
}

impl Refusal {
    fn of(error: &io::Error) -> Option<Self> {
        match error.raw_os_error()? {
            libc::ENOPROTOOPT => Some(Self::Disabled),
            libc::EPROTONOSUPPORT | libc::EINVAL => Some(Self::NotBuilt),
            _ => None,
        }
    }
}

fn new_socket(domain: Domain, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, Some(protocol))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

//! Datagrams with the address that they were sent to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::message::{self, address, switch_on};

/// What the kernel may keep until it is read, in bytes.
const BUFFER: usize = 1 << 20;

/// A socket for one family that `tproxy` hands datagrams to.
#[derive(Debug)]
pub struct Listener(UdpSocket);

/// One datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intercepted {
    /// Its length in the buffer.
    pub length: usize,
    /// Who has sent it.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
}

impl Listener {
    /// Binds to all addresses of the family; port 0 stands for any free one.
    ///
    /// # Errors
    /// When the port is taken, or without CAP_NET_ADMIN.
    pub fn bind(domain: Domain, port: u16) -> io::Result<Self> {
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        let any: IpAddr = if domain == Domain::IPV6 {
            socket.set_only_v6(true)?;
            socket.set_ip_transparent_v6(true)?;
            switch_on(socket.as_fd(), libc::SOL_IPV6, libc::IPV6_RECVORIGDSTADDR)?;
            Ipv6Addr::UNSPECIFIED.into()
        } else {
            socket.set_ip_transparent_v4(true)?;
            switch_on(socket.as_fd(), libc::SOL_IP, libc::IP_RECVORIGDSTADDR)?;
            Ipv4Addr::UNSPECIFIED.into()
        };
        // What is not granted costs datagrams in a burst, nothing else.
        let _granted = socket.set_recv_buffer_size(BUFFER);
        socket.bind(&SocketAddr::new(any, port).into())?;
        Ok(Self(UdpSocket::from_std(socket.into())?))
    }

    /// The port.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.0.local_addr()?.port())
    }

    /// The next datagram. One that is longer than `buffer` is cut. May be cancelled at any time.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn receive(&self, buffer: &mut [u8]) -> io::Result<Intercepted> {
        let socket = self.0.as_fd();
        self.0
            .async_io(Interest::READABLE, || receive(socket, buffer))
            .await
    }
}

fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Intercepted> {
    let message = message::receive(socket, buffer, 0, |level, kind, content| {
        let destination = [
            (libc::SOL_IP, libc::IP_ORIGDSTADDR),
            (libc::SOL_IPV6, libc::IPV6_ORIGDSTADDR),
        ];
        let is_it = destination.contains(&(level, kind));
        is_it.then(|| address(content)).flatten()
    })?;
    match (message.address, message.control) {
        (Some(from), Some(to)) => Ok(Intercepted {
            length: message.length,
            from,
            to,
        }),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the kernel has not said where a datagram was to go",
        )),
    }
}

//! That nobody listens where a datagram was sent to: heard of our own, and told of others'.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::message::{self, switch_on};

/// Has the kernel keep what comes back about datagrams of this socket (`IP_RECVERR`, ip(7)), for [`refused`]. From then
/// on sending fails once for each: who sends has to try again.
///
/// # Errors
/// When the kernel refuses.
pub fn hear_refusals(socket: BorrowedFd<'_>, domain: Domain) -> io::Result<()> {
    match domain == Domain::IPV6 {
        true => switch_on(socket, libc::SOL_IPV6, libc::IPV6_RECVERR),
        false => switch_on(socket, libc::SOL_IP, libc::IP_RECVERR),
    }
}

/// The next address at which nobody listens that the socket has sent to: ICMP port unreachable came back. Other
/// errors are passed over. May be cancelled at any time.
///
/// # Errors
/// When the socket fails.
pub async fn refused(socket: &UdpSocket) -> io::Result<SocketAddr> {
    loop {
        let next = || next_error(socket.as_fd());
        if let Some(peer) = socket.async_io(Interest::ERROR, next).await? {
            return Ok(peer);
        }
    }
}

/// The next error in the socket's queue, if it is a refusal.
fn next_error(socket: BorrowedFd<'_>) -> io::Result<Option<SocketAddr>> {
    let message = message::receive(
        socket,
        &mut [],
        libc::MSG_ERRQUEUE,
        |level, kind, content| {
            let errors = [
                (libc::SOL_IP, libc::IP_RECVERR),
                (libc::SOL_IPV6, libc::IPV6_RECVERR),
            ];
            let is_it = errors.contains(&(level, kind));
            is_it.then(|| is_refusal(content))
        },
    )?;
    Ok(message.address.filter(|_| message.control == Some(true)))
}

/// Of a `struct sock_extended_err` (linux/errqueue.h): number of the error (4 bytes), and who says so (1).
fn is_refusal(error: &[u8]) -> bool {
    let Some(([a, b, c, d], [origin, ..])) = error.split_first_chunk() else {
        return false;
    };
    let is_icmp = [libc::SO_EE_ORIGIN_ICMP, libc::SO_EE_ORIGIN_ICMP6].contains(origin);
    is_icmp && i32::from_ne_bytes([*a, *b, *c, *d]) == libc::ECONNREFUSED
}

/// Tells programs that nobody listens where they have sent to. Needs CAP_NET_RAW.
#[derive(Debug)]
pub struct Refusals {
    v4: Socket,
    /// Absent on a machine without IPv6.
    v6: Option<Socket>,
}

impl Refusals {
    /// Opens its sockets.
    ///
    /// # Errors
    /// Without CAP_NET_RAW.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            v4: raw(Domain::IPV4, Protocol::ICMPV4)?,
            v6: raw(Domain::IPV6, Protocol::ICMPV6).ok(),
        })
    }

    /// Tells `client` that its datagram has come to no socket at `peer`: port unreachable (RFC 792; RFC 4443 section
    /// 3.1). It comes from an address of this machine, as it may from any router.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn tell(&self, client: SocketAddr, peer: SocketAddr) -> io::Result<()> {
        let ports = [client.port().to_be_bytes(), peer.port().to_be_bytes()].concat();
        let (socket, message) = match (client.ip(), peer.ip(), &self.v6) {
            (IpAddr::V4(from), IpAddr::V4(to), _) => (&self.v4, unreachable4(from, to, &ports)),
            (IpAddr::V6(from), IpAddr::V6(to), Some(v6)) => (v6, unreachable6(from, to, &ports)),
            _ => return Ok(()),
        };
        match socket.send_to(&message, &SocketAddr::new(client.ip(), 0).into()) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _sent_or_dropped => Ok(()),
        }
    }
}

fn raw(domain: Domain, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
    socket.set_nonblocking(true)?;
    // It is never read.
    let _granted = socket.set_recv_buffer_size(0);
    Ok(socket)
}

const UDP: u8 = 17;
/// Length of a UDP datagram without content, and its checksum that nobody has computed.
const UDP_REST: [u8; 4] = [0, 8, 0, 0];

/// The message quotes the head of the datagram, by which the client knows its socket.
fn unreachable4(from: Ipv4Addr, to: Ipv4Addr, ports: &[u8]) -> Vec<u8> {
    let mut head = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, UDP, 0, 0].to_vec();
    head.extend([from.octets(), to.octets()].concat());
    let sum = checksum(&head);
    head[10..12].copy_from_slice(&sum);
    let mut message = [&[3, 3, 0, 0, 0, 0, 0, 0][..], &head, ports, &UDP_REST].concat();
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum);
    message
}

/// The kernel computes the checksum of ICMPv6 (RFC 3542 section 3.1).
fn unreachable6(from: Ipv6Addr, to: Ipv6Addr, ports: &[u8]) -> Vec<u8> {
    let mut head = [0x60, 0, 0, 0, 0, 8, UDP, 64].to_vec();
    head.extend([from.octets(), to.octets()].concat());
    [&[1, 4, 0, 0, 0, 0, 0, 0][..], &head, ports, &UDP_REST].concat()
}

/// The Internet's checksum (RFC 1071) of an even number of bytes.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let words = bytes.chunks_exact(2);
    let sum: u32 = words
        .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    (!(folded as u16)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1071 section 3.
    #[test]
    fn the_checksum_is_that_of_the_rfc() {
        assert_eq!(
            checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]),
            (!0xddf2_u16).to_be_bytes()
        );
    }

    /// One to a port of this machine that nobody listens on, with another socket's answer in between.
    #[tokio::test]
    async fn a_refusal_is_heard_with_the_address_that_refuses() {
        for local in ["127.0.0.1:0", "[::1]:0"] {
            let local: SocketAddr = local.parse().unwrap();
            let socket = UdpSocket::bind(local).await.unwrap();
            hear_refusals(socket.as_fd(), Domain::for_address(local)).unwrap();
            let listening = UdpSocket::bind(local).await.unwrap();
            let closed = {
                let closing = UdpSocket::bind(local).await.unwrap();
                closing.local_addr().unwrap()
            };
            socket
                .send_to(b"hello", listening.local_addr().unwrap())
                .await
                .unwrap();
            socket.send_to(b"hello", closed).await.unwrap();
            assert_eq!(refused(&socket).await.unwrap(), closed);
        }
    }
}

//! A packet socket that speaks UDP on one interface, with or without an address on it.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::num::NonZeroU32;
use std::os::fd::AsFd;

use rustix::net::{RecvFlags, SendFlags, SocketAddrAny, netdevice};
use socket2::{Domain, SockFilter, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{frame, link_address};
use crate::{InterfaceIndex, MacAddress};

/// Longer packets are cut and then not understood. A DHCP server keeps to 1472 bytes as we ask.
const LONGEST_PACKET: usize = 4096;
const IPPROTO_UDP: u32 = 17;
/// A lost interface makes the socket fail, not readable.
const INCOMING: Interest = Interest::READABLE.add(Interest::ERROR);

/// One UDP datagram and the MAC of the frame around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// IPv4 address and port of the sender.
    pub source: SocketAddrV4,
    /// IPv4 address and port of the receiver.
    pub destination: SocketAddrV4,
    /// The other side: the frame's sender if received, its receiver if to be sent.
    pub mac: MacAddress,
    /// What UDP carries.
    pub payload: Vec<u8>,
}

/// Why there is no packet socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The kernel refused the socket.
    #[error("cannot open a packet socket for DHCP: run as root or with CAP_NET_RAW")]
    Open(#[source] io::Error),
    /// The kernel refused the packet filter.
    #[error("cannot filter the packet socket for DHCP: the kernel needs classic BPF")]
    Filter(#[source] io::Error),
    /// The interface can't be used.
    #[error("cannot use interface {interface} for DHCP: check that it still exists")]
    Interface {
        /// The interface asked for.
        interface: InterfaceIndex,
        /// The kernel's reason.
        #[source]
        source: io::Error,
    },
}

/// Receives and sends UDP datagrams of one port on one interface, past the IP stack.
///
/// It lives in the network namespace of the thread that opened it.
#[derive(Debug)]
pub struct PacketSocket {
    interface: InterfaceIndex,
    socket: AsyncFd<Socket>,
    /// Keeps the kernel from answering with "port unreachable" to what only we can see.
    _port_holder: Option<Socket>,
}

impl PacketSocket {
    /// Opens the socket for datagrams to `port`. Needs a tokio runtime.
    ///
    /// # Errors
    /// No right to open it, or no such interface.
    pub fn open(interface: InterfaceIndex, port: u16) -> Result<Self, SocketError> {
        // Protocol 0 receives nothing, so no packet passes before filter and interface are set.
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, None).map_err(SocketError::Open)?;
        socket.set_nonblocking(true).map_err(SocketError::Open)?;
        socket
            .attach_filter(&filter(port))
            .map_err(SocketError::Filter)?;
        let address = link_address::encode(interface, None);
        rustix::net::bind(&socket, &address).map_err(|errno| SocketError::Interface {
            interface,
            source: errno.into(),
        })?;
        let port_holder = hold_port(interface, port)
            .inspect_err(
                |error| tracing::debug!(%interface, port, %error, "port not held for DHCP"),
            )
            .ok();
        let socket = register(socket).map_err(SocketError::Open)?;
        Ok(Self {
            interface,
            socket,
            _port_holder: port_holder,
        })
    }

    /// Waits for the next datagram; what is not plain UDP in IPv4 is skipped.
    ///
    /// # Errors
    /// `ENETDOWN` once when the interface goes down or away; the socket works again when it is up.
    pub async fn receive(&self) -> io::Result<Datagram> {
        let mut buffer = [0; LONGEST_PACKET];
        loop {
            let receive = |socket: &Socket| {
                rustix::net::recvfrom(socket, buffer.as_mut_slice(), RecvFlags::empty())
                    .map_err(io::Error::from)
            };
            let (length, _, from) = self.socket.async_io(INCOMING, receive).await?;
            let packet = buffer.get(..length).unwrap_or_default();
            if let Some(datagram) = datagram(packet, from.as_ref()) {
                return Ok(datagram);
            }
        }
    }

    /// Sends one datagram. A full queue drops it, as the network may.
    ///
    /// # Errors
    /// The interface is down or gone, or the payload is too long for IPv4.
    pub fn send(&self, datagram: &Datagram) -> io::Result<()> {
        let packet = frame::wrap(datagram.source, datagram.destination, &datagram.payload)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let address = link_address::encode(self.interface, Some(datagram.mac));
        match rustix::net::sendto(self.socket.get_ref(), &packet, SendFlags::empty(), &address) {
            Ok(_) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::NOBUFS) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Whether the interface has left this namespace.
    #[must_use]
    pub fn interface_is_gone(&self) -> bool {
        netdevice::index_to_name(self.socket.get_ref().as_fd(), self.interface.0).is_err()
    }
}

#[expect(
    unsafe_code,
    reason = "tokio has no safe way to watch a foreign file descriptor"
)]
fn register(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    // SAFETY: a `Socket` owns its descriptor, never changes it and closes it on drop.
    unsafe { AsyncFd::register_with_interest(socket, INCOMING) }.map_err(io::Error::from)
}

fn datagram(packet: &[u8], from: Option<&SocketAddrAny>) -> Option<Datagram> {
    let (source, destination, payload) = frame::unwrap(packet)?;
    let mac = link_address::mac(from?)?;
    Some(Datagram {
        source,
        destination,
        mac,
        payload: payload.to_vec(),
    })
}

/// A UDP socket that owns the port on this interface and is never read. Without it the kernel
/// refuses unicast replies to an address that is configured, which some servers take as "gone".
fn hold_port(interface: InterfaceIndex, port: u16) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.bind_device_by_index_v4(NonZeroU32::new(interface.0))?;
    // The smallest buffer that the kernel allows: nobody reads what comes in.
    socket.set_recv_buffer_size(0)?;
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port).into())?;
    Ok(socket)
}

/// Classic BPF on the IP packet: for us, UDP, not a later fragment, to `port`.
fn filter(port: u16) -> [SockFilter; 11] {
    let load = |mode, offset| SockFilter::new(code(libc::BPF_LD | mode), 0, 0, offset);
    let jump = |test, value, yes, no| SockFilter::new(code(libc::BPF_JMP | test), yes, no, value);
    let packet_type = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE).cast_unsigned();
    [
        load(libc::BPF_W | libc::BPF_ABS, packet_type),
        // 0 to 2 are: to this host, broadcast, multicast. Above: to others, or sent by us.
        jump(libc::BPF_JGT, u32::from(libc::PACKET_MULTICAST), 7, 0),
        load(libc::BPF_B | libc::BPF_ABS, 9),
        jump(libc::BPF_JEQ, IPPROTO_UDP, 0, 5),
        load(libc::BPF_H | libc::BPF_ABS, 6),
        jump(libc::BPF_JSET, 0x1fff, 3, 0),
        SockFilter::new(code(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH), 0, 0, 0),
        load(libc::BPF_H | libc::BPF_IND, 2),
        jump(libc::BPF_JEQ, port.into(), 1, 0),
        SockFilter::new(code(libc::BPF_RET), 0, 0, 0),
        SockFilter::new(code(libc::BPF_RET), 0, 0, u32::MAX),
    ]
}

fn code(parts: u32) -> u16 {
    u16::try_from(parts).expect("BPF codes are below 256")
}

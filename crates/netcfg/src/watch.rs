//! Notifications of the kernel: something about the network has changed.

use std::collections::VecDeque;
use std::io;

use netlink_packet_core::NetlinkBuffer;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::error::Error;
use crate::netlink::open_socket;
use crate::netns::NetNs;
use crate::types::InterfaceIndex;

/// `RTNLGRP_*` of linux/rtnetlink.h: link, IPv4 and IPv6 address, route, rule.
const GROUPS: [u32; 7] = [1, 5, 9, 7, 11, 8, 19];
/// In `ifinfomsg` and `ifaddrmsg` alike, the interface's number comes after four bytes.
const INDEX_OFFSET: usize = 4;

/// What has changed. It says where to look again, not what is there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// An interface came, went, or changed: name, state, carrier, MTU, Ethernet address.
    Link(InterfaceIndex),
    /// An address of an interface came, went or changed.
    Address(InterfaceIndex),
    /// A route came, went or changed.
    Route,
    /// A rule came or went.
    Rule,
    /// Notifications were lost, because they came faster than they were read: look at everything
    /// again. What changes after that is notified again.
    Overrun,
}

/// The notifications of one namespace, in their order. Made by
/// [`Netlink::watch`](crate::Netlink::watch).
///
/// The kernel keeps them until they are read, in a buffer of `net.core.rmem_default` bytes.
#[derive(Debug)]
pub struct Watch {
    socket: AsyncFd<Socket>,
    ready: VecDeque<Change>,
}

impl Watch {
    pub(crate) fn new(netns: &NetNs) -> Result<Self, Error> {
        let groups = GROUPS.iter().fold(0, |mask, group| mask | 1 << (group - 1));
        let socket = open_socket(netns, NETLINK_ROUTE, "watch the network", |socket| {
            socket.bind(&SocketAddr::new(0, groups))
        })?;
        Ok(Self {
            socket,
            ready: VecDeque::new(),
        })
    }

    /// Waits for the next change. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Change, Error> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                return Ok(change);
            }
            match self.socket.async_io(Interest::READABLE, receive).await {
                // Anyone may send to a netlink socket; only the kernel has port 0.
                Ok((_, sender)) if sender.port_number() != 0 => {}
                Ok((datagram, _)) => self.ready.extend(changes(&datagram)),
                Err(error) if is_loss(&error) => return Ok(Change::Overrun),
                Err(source) => {
                    return Err(Error::Socket {
                        operation: "watch the network".to_owned(),
                        source,
                    });
                }
            }
        }
    }
}

/// Receives a datagram. After a loss (`ENOBUFS`) nothing is left in the socket.
fn receive(socket: &Socket) -> io::Result<(Vec<u8>, SocketAddr)> {
    let received = socket.recv_from_full();
    if received.as_ref().is_err_and(is_loss) {
        // The kernel reports a loss before what it kept from earlier, and says nothing of further
        // ones until all of that is read (NETLINK_S_CONGESTED). Who looks at the network before
        // that could miss what comes in between.
        while socket
            .recv_from_full()
            .err()
            .is_none_or(|error| is_loss(&error))
        {}
    }
    received
}

fn is_loss(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOBUFS)
}

/// Reads the headers alone: what a newer kernel adds to a message cannot hide the message.
fn changes(mut datagram: &[u8]) -> Vec<Change> {
    let mut changes = Vec::new();
    while let Ok(message) = NetlinkBuffer::new_checked(datagram) {
        changes.extend(change(message.message_type(), message.payload()));
        let next = (message.length() as usize).next_multiple_of(4);
        datagram = datagram.get(next..).unwrap_or_default();
    }
    changes
}

fn change(kind: u16, payload: &[u8]) -> Option<Change> {
    let index = || {
        let bytes = payload.get(INDEX_OFFSET..)?.first_chunk()?;
        Some(InterfaceIndex(u32::from_ne_bytes(*bytes)))
    };
    match kind {
        libc::RTM_NEWLINK | libc::RTM_DELLINK => index().map(Change::Link),
        libc::RTM_NEWADDR | libc::RTM_DELADDR => index().map(Change::Address),
        libc::RTM_NEWROUTE | libc::RTM_DELROUTE => Some(Change::Route),
        libc::RTM_NEWRULE | libc::RTM_DELRULE => Some(Change::Rule),
        _ => None,
    }
}

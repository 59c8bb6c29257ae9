//! Notifications that nftables rules have changed.

use std::io;

use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket, SocketAddr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::error::Error;
use crate::netlink::open_socket;
use crate::netns::NetNs;

/// `NFNLGRP_NFTABLES` of linux/netfilter/nfnetlink.h.
const GROUP: u32 = 7;

/// Tells when anyone has changed any table of a namespace: another program's `flush ruleset` takes
/// ours away too.
#[derive(Debug)]
pub struct Watch {
    socket: AsyncFd<Socket>,
}

impl Watch {
    /// For the namespace of the calling thread.
    ///
    /// # Errors
    /// If the kernel has no netfilter netlink.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O enabled.
    pub fn new() -> Result<Self, Error> {
        let socket = open_socket(
            &NetNs::current()?,
            NETLINK_NETFILTER,
            "watch nftables",
            |socket| socket.bind(&SocketAddr::new(0, 1 << (GROUP - 1))),
        )?;
        Ok(Self { socket })
    }

    /// Waits until something has changed since the last call. Dropping the future loses nothing.
    ///
    /// # Errors
    /// If the socket fails.
    pub async fn changed(&mut self) -> Result<(), Error> {
        let drained = self.socket.async_io(Interest::READABLE, drain).await;
        drained.map_err(|source| Error::Socket {
            operation: "watch nftables".to_owned(),
            source,
        })
    }
}

/// Reads all that is there, which is one change to whoever looks at the whole afterwards. Lost
/// notifications (ENOBUFS) are news as well.
fn drain(socket: &Socket) -> io::Result<()> {
    let mut news = false;
    loop {
        match socket.recv_from_full() {
            Ok(_) => news = true,
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => news = true,
            Err(error) if news && error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

//! Answers in the name of others.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use lru::LruCache;
use socket2::{Domain, Protocol, Socket, Type};

/// One socket for each address that is answered for, the least used of which make room.
#[derive(Debug)]
pub struct Replies {
    sockets: LruCache<SocketAddr, Socket>,
    mark: u32,
}

impl Replies {
    /// At most so many sockets, whose packets have this mark (SO_MARK).
    pub fn new(most: NonZeroUsize, mark: u32) -> Self {
        let sockets = LruCache::new(most);
        Self { sockets, mark }
    }

    /// Sends a datagram to `to` that seems to come from `from`, or drops it if there is no room.
    ///
    /// # Errors
    /// When the kernel refuses: as a rule a program of this machine has the port.
    pub fn send(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) -> io::Result<()> {
        let mark = self.mark;
        let socket = self.sockets.try_get_or_insert(from, || bind(from, mark))?;
        match socket.send_to(payload, &to.into()) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn bind(from: SocketAddr, mark: u32) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(from), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // Listeners on all addresses may have the port.
    socket.set_reuse_address(true)?;
    if from.is_ipv6() {
        socket.set_only_v6(true)?;
        socket.set_ip_transparent_v6(true)?;
    } else {
        socket.set_ip_transparent_v4(true)?;
    }
    socket.set_mark(mark)?;
    // It is never read: what is sent to that address is handed to the listener.
    let _granted = socket.set_recv_buffer_size(0);
    socket.bind(&from.into())?;
    Ok(socket)
}

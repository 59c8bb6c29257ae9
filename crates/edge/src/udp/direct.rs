//! UDP of programs that use the proxy, straight to its destination.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wire::{Destination, Host};

/// Any address of this machine: the routes send by the best uplink.
pub const ANY: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    IpAddr::V6(Ipv6Addr::UNSPECIFIED),
];

/// A socket for each family, until this is dropped.
#[derive(Debug)]
pub struct Sockets {
    sockets: Vec<Bound>,
    _listening: JoinSet<()>,
}

#[derive(Clone, Debug)]
struct Bound {
    from: IpAddr,
    socket: Arc<UdpSocket>,
}

impl Sockets {
    /// From the first of these addresses of each family. What comes goes to `queue`, or is lost when that is full.
    ///
    /// # Errors
    /// When there is no socket for any family.
    pub fn open(from: &[IpAddr], queue: &mpsc::Sender<(SocketAddr, Bytes)>) -> io::Result<Self> {
        let first = |v4| from.iter().find(move |from| from.is_ipv4() == v4);
        let (mut sockets, mut listening) = (Vec::new(), JoinSet::new());
        let mut failed = io::ErrorKind::AddrNotAvailable.into();
        for from in [first(true), first(false)].into_iter().flatten() {
            match std::net::UdpSocket::bind((*from, 0)).and_then(registered) {
                Ok(socket) => {
                    let socket = Arc::new(socket);
                    listening.spawn(listen(Arc::clone(&socket), queue.clone()));
                    sockets.push(Bound {
                        from: *from,
                        socket,
                    });
                }
                // Such as a machine without IPv6.
                Err(error) => {
                    tracing::debug!(%error, "no UDP from {from}");
                    failed = error;
                }
            }
        }
        match sockets.is_empty() {
            true => Err(failed),
            false => Ok(Self {
                sockets,
                _listening: listening,
            }),
        }
    }

    /// Sends a datagram, or drops it.
    pub fn send(&self, to: &Destination, payload: &[u8]) {
        match &to.host {
            Host::Ip(ip) => {
                let to = SocketAddr::new(ip.to_canonical(), to.port);
                send(&self.sockets, to, payload);
            }
            Host::Name(name) => {
                let (name, port) = (name.as_str().to_owned(), to.port);
                let (sockets, payload) = (self.sockets.clone(), payload.to_vec());
                tokio::spawn(async move {
                    let found = tokio::net::lookup_host((name.as_str(), port)).await;
                    let fits = |to: &SocketAddr| {
                        let mut sockets = sockets.iter();
                        sockets.any(|it| it.from.is_ipv4() == to.is_ipv4())
                    };
                    if let Some(to) = found.ok().and_then(|mut found| found.find(fits)) {
                        send(&sockets, to, &payload);
                    }
                });
            }
        }
    }
}

fn registered(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

fn send(sockets: &[Bound], to: SocketAddr, payload: &[u8]) {
    let fits = |it: &&Bound| it.from.is_ipv4() == to.is_ipv4();
    if let Some(bound) = sockets.iter().find(fits)
        // Not by tokio, which would first wait to hear that it may.
        && let Err(error) = SockRef::from(&*bound.socket).send_to(payload, &to.into())
    {
        tracing::debug!("a program's datagram can't be sent: {error}");
    }
}

async fn listen(socket: Arc<UdpSocket>, queue: mpsc::Sender<(SocketAddr, Bytes)>) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        // An error is an ICMP message about one of many peers.
        if let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let _taken_or_lost = queue.try_send((from, Bytes::copy_from_slice(&buffer[..length])));
        }
    }
}

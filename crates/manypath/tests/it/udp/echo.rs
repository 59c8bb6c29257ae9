//! Who sends everything back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use lab::topology::{Lab, Node};

/// Where it listens, at the origin.
pub const PORT: u16 = 7007;

/// Sends back what comes, with the address that it came from before it.
pub struct Echo {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    pub fn start(lab: &Lab) -> Self {
        Self::start_at(lab, PORT)
    }

    pub fn start_at(lab: &Lab, port: u16) -> Self {
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        let socket = lab.namespace(Node::Origin).run(|| UdpSocket::bind(any));
        let socket = socket.unwrap();
        let limit = Some(Duration::from_millis(50));
        socket.set_read_timeout(limit).unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&ends);
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while !ended.load(Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    let mut answer = format!("{} ", from.ip().to_canonical()).into_bytes();
                    answer.extend(&buffer[..length]);
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Self {
            ends,
            thread: Some(thread),
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Every address of the family of this one.
pub fn any_like(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

//! UDP datagrams with the kernel's time of arrival, so that a busy machine that wakes the receiver
//! late doesn't change what is measured.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use netcfg::NetNs;

/// Bytes of IPv4, UDP and Ethernet headers.
pub const HEADERS: usize = 20 + 8 + 14;

const RECEIVE_BUFFER: libc::c_int = 64 << 20;

pub struct Stamped {
    socket: UdpSocket,
}

#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    pub number: u64,
    /// From just before sending to the arrival in the receiver's kernel.
    pub delay: Duration,
    /// Since 1970.
    pub at: Duration,
    pub length: usize,
}

impl Stamped {
    pub fn bind(namespace: &NetNs, address: SocketAddr) -> Self {
        let socket = namespace.run(|| UdpSocket::bind(address).unwrap());
        set_option(&socket, libc::SO_TIMESTAMPNS, 1);
        set_option(&socket, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER);
        Self { socket }
    }

    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// Sends a datagram that makes an Ethernet frame of `frame` bytes over IPv4.
    pub fn send(&self, to: SocketAddr, number: u64, frame: usize) -> io::Result<()> {
        let mut payload = vec![0; frame - HEADERS];
        payload[..8].copy_from_slice(&number.to_ne_bytes());
        payload[8..16].copy_from_slice(&(now().as_nanos() as u64).to_ne_bytes());
        self.socket.send_to(&payload, to).map(drop)
    }

    /// Every datagram until `most` have come, or none has for `quiet`.
    pub fn receive_up_to(&self, most: usize, quiet: Duration) -> Vec<Arrival> {
        self.socket.set_read_timeout(Some(quiet)).unwrap();
        std::iter::from_fn(|| self.receive()).take(most).collect()
    }

    #[expect(
        unsafe_code,
        reason = "the standard library doesn't show when a datagram came"
    )]
    fn receive(&self) -> Option<Arrival> {
        let mut payload = [0_u8; 65536];
        let mut control = [0_u64; 16];
        let mut vector = libc::iovec {
            iov_base: payload.as_mut_ptr().cast(),
            iov_len: payload.len(),
        };
        // SAFETY: zero is a valid msghdr; the pointers set below outlive the call.
        let mut message: libc::msghdr = unsafe { zeroed() };
        message.msg_iov = &raw mut vector;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control) as _;
        // SAFETY: the message describes writable memory of the given lengths.
        let length = unsafe { libc::recvmsg(self.socket.as_raw_fd(), &raw mut message, 0) };
        let length = usize::try_from(length).ok()?;
        // SAFETY: the kernel has filled the control buffer; the first header is the time stamp,
        // the only kind of control message that was asked for.
        let at = unsafe {
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            assert!(!header.is_null() && (*header).cmsg_type == libc::SCM_TIMESTAMPNS);
            libc::CMSG_DATA(header)
                .cast::<libc::timespec>()
                .read_unaligned()
        };
        let at = Duration::new(at.tv_sec as u64, at.tv_nsec as u32);
        let word = |from: usize| u64::from_ne_bytes(payload[from..from + 8].try_into().unwrap());
        Some(Arrival {
            number: word(0),
            delay: at.saturating_sub(Duration::from_nanos(word(8))),
            at,
            length,
        })
    }
}

pub fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values[values.len() / 2]
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

#[expect(unsafe_code, reason = "socket2 doesn't know these options")]
fn set_option(socket: &UdpSocket, option: libc::c_int, value: libc::c_int) {
    // SAFETY: the pointer and the length describe `value`, which outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

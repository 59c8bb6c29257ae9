//! recvmsg(2) with control messages (cmsg(3)).
#![expect(
    unsafe_code,
    reason = "no crate that is used here wraps the control messages of UDP"
)]

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd};

/// What has come.
pub struct Message<T> {
    /// Bytes in the buffer.
    pub length: usize,
    /// The address beside it.
    pub address: Option<SocketAddr>,
    /// What was read from its control messages.
    pub control: Option<T>,
}

/// Room for control messages, aligned as `struct cmsghdr` has to be. The largest that is asked for is an error with
/// a `struct sockaddr_in6`.
#[repr(C, align(8))]
struct Control([u8; 128]);

/// Room for any address (`struct sockaddr_storage`).
#[repr(C, align(8))]
struct Name([u8; 128]);

/// Receives one message. `read` is shown level, type and content of each control message, until it finds something.
pub fn receive<T>(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
    flags: libc::c_int,
    read: impl Fn(libc::c_int, libc::c_int, &[u8]) -> Option<T>,
) -> io::Result<Message<T>> {
    let (mut name, mut control) = (Name([0; 128]), Control([0; 128]));
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    // SAFETY: zeroes are a valid `msghdr`: null pointers and lengths of 0.
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_name = name.0.as_mut_ptr().cast();
    header.msg_namelen = size_of::<Name>() as libc::socklen_t;
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = control.0.len();
    // SAFETY: every pointer in `header` leads to memory of the length beside it, which lives until the call is
    // over; the descriptor is open for as long as it is borrowed.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    let control = first_of(&header, read);
    Ok(Message {
        length,
        address: address(&name.0),
        control,
    })
}

fn first_of<T>(
    header: &libc::msghdr,
    read: impl Fn(libc::c_int, libc::c_int, &[u8]) -> Option<T>,
) -> Option<T> {
    // SAFETY: `header` is as recvmsg(2) has left it, so that its control messages lie within the buffer.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !next.is_null() {
        // SAFETY: it is not null, and so leads to a whole header in the buffer, which is aligned for it.
        let control = unsafe { &*next };
        // SAFETY: 0 is the length of some content.
        let before = unsafe { libc::CMSG_LEN(0) } as usize;
        let length = control.cmsg_len.saturating_sub(before);
        // SAFETY: the kernel says that so many bytes of content, which it has written, follow the header, and cuts
        // that number where the buffer ends (put_cmsg in net/core/scm.c).
        let content = unsafe { std::slice::from_raw_parts(libc::CMSG_DATA(next), length) };
        if let Some(found) = read(control.cmsg_level, control.cmsg_type, content) {
            return Some(found);
        }
        // SAFETY: as with the first.
        next = unsafe { libc::CMSG_NXTHDR(header, next) };
    }
    None
}

/// Sets an option whose value is a boolean.
pub fn switch_on(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open for as long as it is borrowed, and the option's value is an int
    // (ip(7), ipv6(7)), which lives until the call is over.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A `struct sockaddr_in` or `sockaddr_in6`.
pub fn address(bytes: &[u8]) -> Option<SocketAddr> {
    let (family, rest) = bytes.split_first_chunk()?;
    let (port, rest) = rest.split_first_chunk()?;
    let port = u16::from_be_bytes(*port);
    match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => {
            let ip: [u8; 4] = *rest.first_chunk()?;
            Some((Ipv4Addr::from(ip), port).into())
        }
        libc::AF_INET6 => {
            // Behind the flow's label.
            let ip: [u8; 16] = *rest.get(4..)?.first_chunk()?;
            Some((Ipv6Addr::from(ip), port).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        let family = |family: i32| (family as u16).to_ne_bytes();
        let v4 = [&family(libc::AF_INET)[..], &[0, 53, 192, 0, 2, 1], &[0; 8]].concat();
        assert_eq!(address(&v4), Some("192.0.2.1:53".parse().unwrap()));
        let mut v6 = [&family(libc::AF_INET6)[..], &[1, 187, 9, 9, 9, 9], &[0; 20]].concat();
        v6[23] = 1;
        assert_eq!(address(&v6), Some("[::1]:443".parse().unwrap()));
        assert_eq!(address(&v6[..20]), None);
        assert_eq!(address(&[0; 16]), None);
    }
}

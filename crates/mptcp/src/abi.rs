//! Layouts of the kernel's structures and the one system call that reads them.
//!
//! Kernels append fields to these structures, so a kernel may give less or more than what is
//! declared here. [`Fields`] reads what is there and takes the rest for 0.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Socket option level of MPTCP (linux/socket.h).
pub(crate) const SOL_MPTCP: i32 = 284;
/// Options of level [`SOL_MPTCP`] (linux/mptcp.h).
pub(crate) const MPTCP_INFO: i32 = 1;
pub(crate) const MPTCP_TCPINFO: i32 = 2;
pub(crate) const MPTCP_SUBFLOW_ADDRS: i32 = 3;
pub(crate) const MPTCP_FULL_INFO: i32 = 4;
/// Option of level IPPROTO_TCP (linux/tcp.h, Linux 6.10).
pub(crate) const TCP_IS_MPTCP: i32 = 43;
/// Bit of [`MptcpInfo::flags`].
pub(crate) const MPTCP_INFO_FLAG_FALLBACK: u32 = 1 << 0;

/// `struct tcp_info` of linux/tcp.h up to what [`crate::SubflowInfo`] needs (Linux 4.19).
#[repr(C)]
pub(crate) struct TcpInfo {
    pub state: u8,
    pub ca_state: u8,
    pub retransmits: u8,
    pub probes: u8,
    pub backoff: u8,
    pub options: u8,
    pub wscale: u8,
    pub app_limited: u8,
    pub rto: u32,
    pub ato: u32,
    pub snd_mss: u32,
    pub rcv_mss: u32,
    pub unacked: u32,
    pub sacked: u32,
    pub lost: u32,
    pub retrans: u32,
    pub fackets: u32,
    pub last_data_sent: u32,
    pub last_ack_sent: u32,
    pub last_data_recv: u32,
    pub last_ack_recv: u32,
    pub pmtu: u32,
    pub rcv_ssthresh: u32,
    pub rtt: u32,
    pub rttvar: u32,
    pub snd_ssthresh: u32,
    pub snd_cwnd: u32,
    pub advmss: u32,
    pub reordering: u32,
    pub rcv_rtt: u32,
    pub rcv_space: u32,
    pub total_retrans: u32,
    pub pacing_rate: u64,
    pub max_pacing_rate: u64,
    pub bytes_acked: u64,
    pub bytes_received: u64,
    pub segs_out: u32,
    pub segs_in: u32,
    pub notsent_bytes: u32,
    pub min_rtt: u32,
    pub data_segs_in: u32,
    pub data_segs_out: u32,
    pub delivery_rate: u64,
    pub busy_time: u64,
    pub rwnd_limited: u64,
    pub sndbuf_limited: u64,
    pub delivered: u32,
    pub delivered_ce: u32,
    pub bytes_sent: u64,
    pub bytes_retrans: u64,
}

/// `struct mptcp_info` of linux/mptcp.h as of Linux 6.10.
#[repr(C)]
pub(crate) struct MptcpInfo {
    pub subflows: u8,
    pub add_addr_signal: u8,
    pub add_addr_accepted: u8,
    pub subflows_max: u8,
    pub add_addr_signal_max: u8,
    pub add_addr_accepted_max: u8,
    pub flags: u32,
    pub token: u32,
    pub write_seq: u64,
    pub snd_una: u64,
    pub rcv_nxt: u64,
    pub local_addr_used: u8,
    pub local_addr_max: u8,
    pub csum_enabled: u8,
    pub retransmits: u32,
    pub bytes_retrans: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub bytes_acked: u64,
    pub subflows_total: u8,
    pub reserved: [u8; 3],
    pub last_data_sent: u32,
    pub last_data_recv: u32,
    pub last_ack_recv: u32,
}

/// `struct mptcp_full_info` of linux/mptcp.h (Linux 6.5).
#[repr(C)]
pub(crate) struct FullInfo {
    pub size_tcpinfo_kernel: u32,
    pub size_tcpinfo_user: u32,
    pub size_sfinfo_kernel: u32,
    pub size_sfinfo_user: u32,
    pub num_subflows: u32,
    pub size_arrays_user: u32,
    pub subflow_info: u64,
    pub tcp_info: u64,
    pub mptcp_info: MptcpInfo,
}

/// `struct sockaddr_storage`.
#[repr(C, align(8))]
pub(crate) struct SockaddrStorage([u8; 128]);

/// `struct mptcp_subflow_addrs` of linux/mptcp.h (Linux 5.16).
#[repr(C)]
pub(crate) struct SubflowAddrs {
    pub local: SockaddrStorage,
    pub remote: SockaddrStorage,
}

/// `struct mptcp_subflow_info` of linux/mptcp.h (Linux 6.5). The id is a running number of the
/// subflow within its connection, not an address id.
#[repr(C)]
pub(crate) struct SubflowInfoEntry {
    pub id: u32,
    pub addrs: SubflowAddrs,
}

/// `struct mptcp_subflow_data` of linux/mptcp.h (Linux 5.16).
#[repr(C, align(8))]
pub(crate) struct SubflowData {
    pub size_subflow_data: u32,
    pub num_subflows: u32,
    pub size_kernel: u32,
    pub size_user: u32,
}

/// Bytes that the kernel filled in the layout of one of the structures above.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub &'a [u8]);

impl Fields<'_> {
    /// Whether the kernel gave the `N` bytes at `offset`.
    pub fn has<const N: usize>(self, offset: usize) -> bool {
        self.bytes::<N>(offset).is_some()
    }

    pub fn u8(self, offset: usize) -> u8 {
        self.bytes(offset).map_or(0, u8::from_ne_bytes)
    }

    pub fn u32(self, offset: usize) -> u32 {
        self.bytes(offset).map_or(0, u32::from_ne_bytes)
    }

    pub fn u64(self, offset: usize) -> u64 {
        self.bytes(offset).map_or(0, u64::from_ne_bytes)
    }

    /// A `struct sockaddr_in` or `sockaddr_in6`; the error is another family's number. An
    /// IPv4-mapped address, which a dual-stack socket has, comes as IPv4.
    pub fn socket_address(self, offset: usize) -> Result<SocketAddr, u16> {
        let family = self.bytes(offset).map_or(0, u16::from_ne_bytes);
        let port = self.bytes(offset + 2).map_or(0, u16::from_be_bytes);
        let address: IpAddr = match i32::from(family) {
            libc::AF_INET => Ipv4Addr::from(self.bytes(offset + 4).unwrap_or([0; 4])).into(),
            libc::AF_INET6 => Ipv6Addr::from(self.bytes(offset + 8).unwrap_or([0; 16])).into(),
            _ => return Err(family),
        };
        Ok(SocketAddr::new(address.to_canonical(), port))
    }

    pub fn bytes<const N: usize>(self, offset: usize) -> Option<[u8; N]> {
        self.0.get(offset..)?.first_chunk().copied()
    }
}

/// Writes `value` at `offset` of a structure to be given to the kernel.
pub(crate) fn put<const N: usize>(buffer: &mut [u8], offset: usize, value: [u8; N]) {
    buffer[offset..offset + N].copy_from_slice(&value);
}

/// Reads a socket option into `buffer`, and gives the length the kernel says it has. `buffer`
/// may be the option's argument as well as its result; it must not hold pointers.
pub(crate) fn getsockopt(
    socket: BorrowedFd<'_>,
    level: i32,
    option: i32,
    buffer: &mut [u8],
) -> io::Result<usize> {
    // SAFETY: no pointers in the buffer, by this function's contract.
    #[expect(unsafe_code, reason = "forwards to the unsafe function below")]
    unsafe {
        getsockopt_with_pointers(socket, level, option, buffer)
    }
}

/// As [`getsockopt`], for a `buffer` that holds pointers.
///
/// # Safety
/// What the option writes through pointers in `buffer` must be valid memory for that.
#[expect(
    unsafe_code,
    reason = "no crate wraps getsockopt for options of any layout"
)]
pub(crate) unsafe fn getsockopt_with_pointers(
    socket: BorrowedFd<'_>,
    level: i32,
    option: i32,
    buffer: &mut [u8],
) -> io::Result<usize> {
    let mut length = libc::socklen_t::try_from(buffer.len()).map_err(io::Error::other)?;
    // SAFETY: the kernel writes at most `length` bytes to `buffer`, which has as many; the caller
    // vouches for what the option writes elsewhere.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            buffer.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((length as usize).min(buffer.len()))
}

/// How many bytes that were written the peer has not acknowledged, of the whole connection (SIOCOUTQ,
/// with MPTCP since Linux 5.17).
#[expect(unsafe_code, reason = "no crate wraps SIOCOUTQ")]
pub(crate) fn unacknowledged(socket: BorrowedFd<'_>) -> io::Result<i32> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: this request writes one int, for which there is room.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(bytes)
}

/// Sets from how many bytes on a socket is readable (SO_RCVLOWAT).
#[expect(unsafe_code, reason = "no crate wraps SO_RCVLOWAT")]
pub(crate) fn set_receive_low_water(socket: BorrowedFd<'_>, bytes: libc::c_int) -> io::Result<()> {
    // SAFETY: the option takes one int, and the pointer is to one that lives until after the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVLOWAT,
            (&raw const bytes).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// The kernel's answer to an option of MPTCP on a socket that is, or became, plain TCP.
pub(crate) fn is_unknown_option(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EOPNOTSUPP | libc::ENOPROTOOPT)
    )
}

#[cfg(test)]
mod tests {
    use std::mem::{offset_of, size_of};

    use super::*;

    /// Numbers printed by a C program that includes linux/tcp.h and linux/mptcp.h.
    #[test]
    fn layouts_are_those_of_the_uapi_headers() {
        assert_eq!(offset_of!(TcpInfo, rto), 8);
        assert_eq!(offset_of!(TcpInfo, rtt), 68);
        assert_eq!(offset_of!(TcpInfo, total_retrans), 100);
        assert_eq!(offset_of!(TcpInfo, pacing_rate), 104);
        assert_eq!(offset_of!(TcpInfo, min_rtt), 148);
        assert_eq!(offset_of!(TcpInfo, delivery_rate), 160);
        assert_eq!(offset_of!(TcpInfo, bytes_sent), 200);
        assert_eq!(offset_of!(MptcpInfo, flags), 8);
        assert_eq!(offset_of!(MptcpInfo, token), 12);
        assert_eq!(offset_of!(MptcpInfo, csum_enabled), 42);
        assert_eq!(size_of::<SubflowAddrs>(), 256);
        assert_eq!(size_of::<SubflowData>(), 16);
    }

    #[test]
    fn fields_beyond_the_kernels_length_are_zero() {
        let bytes = 7u32.to_ne_bytes();
        let fields = Fields(&bytes);
        assert_eq!(fields.u32(0), 7);
        assert_eq!(
            (fields.u32(1), fields.u32(4), fields.u64(0), fields.u8(400)),
            (0, 0, 0, 0)
        );
        assert!(fields.has::<4>(0) && !fields.has::<4>(1));
    }

    #[test]
    fn reads_addresses_of_both_families() {
        let mut v4 = [0u8; 16];
        put(&mut v4, 0, (libc::AF_INET as u16).to_ne_bytes());
        put(&mut v4, 2, 443u16.to_be_bytes());
        put(&mut v4, 4, [192, 0, 2, 1]);
        assert_eq!(
            Fields(&v4).socket_address(0),
            Ok("192.0.2.1:443".parse().unwrap())
        );

        let mut mapped = [0u8; 28];
        put(&mut mapped, 0, (libc::AF_INET6 as u16).to_ne_bytes());
        put(&mut mapped, 2, 80u16.to_be_bytes());
        put(&mut mapped, 18, [0xff, 0xff, 192, 0, 2, 1]);
        assert_eq!(
            Fields(&mapped).socket_address(0),
            Ok("192.0.2.1:80".parse().unwrap())
        );
        assert_eq!(Fields(&[1, 0]).socket_address(0), Err(1));
    }
}

//! Reading a socket's state, by whichever socket options the kernel has.

use std::io;
use std::mem::{offset_of, size_of};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::SockRef;

use super::{ConnectionInfo, InfoError, SubflowInfo, TcpState};
use crate::abi::{
    self, Fields, FullInfo, MPTCP_FULL_INFO, MPTCP_INFO, MPTCP_INFO_FLAG_FALLBACK,
    MPTCP_SUBFLOW_ADDRS, MPTCP_TCPINFO, MptcpInfo, SOL_MPTCP, SubflowAddrs, SubflowData,
    SubflowInfoEntry, TcpInfo,
};

/// Room for subflows: the initial one and 8 more, which is all that the path manager's limits
/// allow. There may be more while old ones close; then the read is done again with more room.
const USUAL_SUBFLOWS: usize = 9;

/// The connection's local token, by which path manager events name it. `None` for plain TCP.
pub fn token(socket: impl AsFd) -> Option<u32> {
    let mut info = [0u8; size_of::<MptcpInfo>()];
    let length = abi::getsockopt(socket.as_fd(), SOL_MPTCP, MPTCP_INFO, &mut info).ok()?;
    let info = Fields(&info[..length]);
    let fallback = info.u32(offset_of!(MptcpInfo, flags)) & MPTCP_INFO_FLAG_FALLBACK != 0;
    (!fallback).then(|| info.u32(offset_of!(MptcpInfo, token)))
}

/// Reads the state of a connected MPTCP or TCP socket. Address ids and backup flags are not to be
/// had from a socket: [`crate::Diag::complete`] adds them.
pub fn connection_info(socket: impl AsFd) -> Result<ConnectionInfo, InfoError> {
    let socket = socket.as_fd();
    match full_info(socket, USUAL_SUBFLOWS) {
        Err(InfoError::Option { source, .. }) if abi::is_unknown_option(&source) => {}
        result => return result,
    }
    match info_before_6_5(socket) {
        Err(InfoError::Option { source, .. }) if abi::is_unknown_option(&source) => {}
        result => return result,
    }
    tcp_info(socket)
}

/// MPTCP_FULL_INFO (Linux 6.5): everything at one moment.
fn full_info(socket: BorrowedFd<'_>, room: usize) -> Result<ConnectionInfo, InfoError> {
    const ADDRS: usize = size_of::<SubflowInfoEntry>();
    const TCP: usize = size_of::<TcpInfo>();

    let mut addrs = vec![0u8; room * ADDRS];
    let mut tcp = vec![0u8; room * TCP];
    let mut head = [0u8; size_of::<FullInfo>()];
    abi::put(
        &mut head,
        offset_of!(FullInfo, size_tcpinfo_user),
        (TCP as u32).to_ne_bytes(),
    );
    abi::put(
        &mut head,
        offset_of!(FullInfo, size_sfinfo_user),
        (ADDRS as u32).to_ne_bytes(),
    );
    abi::put(
        &mut head,
        offset_of!(FullInfo, size_arrays_user),
        (room as u32).to_ne_bytes(),
    );
    let pointer = |array: &mut [u8]| (array.as_mut_ptr().expose_provenance() as u64).to_ne_bytes();
    abi::put(
        &mut head,
        offset_of!(FullInfo, subflow_info),
        pointer(&mut addrs),
    );
    abi::put(&mut head, offset_of!(FullInfo, tcp_info), pointer(&mut tcp));
    // SAFETY: the two pointers are those of arrays that live until after the call and have room
    // for `size_arrays_user` elements of the sizes given.
    #[expect(unsafe_code, reason = "MPTCP_FULL_INFO takes pointers in its argument")]
    let length =
        unsafe { abi::getsockopt_with_pointers(socket, SOL_MPTCP, MPTCP_FULL_INFO, &mut head) }
            .map_err(failed("MPTCP_FULL_INFO"))?;

    let head = Fields(&head[..length]);
    let count = head.u32(offset_of!(FullInfo, num_subflows)) as usize;
    if count > room {
        return full_info(socket, count);
    }
    let subflows = addrs
        .chunks_exact(ADDRS)
        .zip(tcp.chunks_exact(TCP))
        .take(count)
        .map(|(addrs, tcp)| {
            let addrs = &addrs[offset_of!(SubflowInfoEntry, addrs)..];
            subflow(Fields(addrs), Fields(tcp))
        })
        .collect::<Result<_, _>>()?;
    let connection = Fields(
        head.0
            .get(offset_of!(FullInfo, mptcp_info)..)
            .unwrap_or_default(),
    );
    from_mptcp_info(socket, connection, subflows)
}

/// MPTCP_INFO, MPTCP_SUBFLOW_ADDRS and MPTCP_TCPINFO (Linux 5.16), for kernels before 6.5.
fn info_before_6_5(socket: BorrowedFd<'_>) -> Result<ConnectionInfo, InfoError> {
    let mut info = [0u8; size_of::<MptcpInfo>()];
    let length =
        abi::getsockopt(socket, SOL_MPTCP, MPTCP_INFO, &mut info).map_err(failed("MPTCP_INFO"))?;
    // Three calls are not one moment. Subflows are listed in the order in which they came, so the
    // same addresses before and after mean that the figures belong to them.
    let mut addrs = subflow_array(socket, MPTCP_SUBFLOW_ADDRS, size_of::<SubflowAddrs>())?;
    let tcp = loop {
        let tcp = subflow_array(socket, MPTCP_TCPINFO, size_of::<TcpInfo>())?;
        let again = subflow_array(socket, MPTCP_SUBFLOW_ADDRS, size_of::<SubflowAddrs>())?;
        if again == addrs {
            break tcp;
        }
        addrs = again;
    };
    let subflows = addrs
        .iter()
        .zip(&tcp)
        .map(|(addrs, tcp)| subflow(Fields(addrs), Fields(tcp)))
        .collect::<Result<_, _>>()?;
    from_mptcp_info(socket, Fields(&info[..length]), subflows)
}

/// An option that gives a `struct mptcp_subflow_data` and one element per subflow after it.
fn subflow_array(
    socket: BorrowedFd<'_>,
    option: i32,
    element: usize,
) -> Result<Vec<Vec<u8>>, InfoError> {
    const HEAD: usize = size_of::<SubflowData>();
    let name = if option == MPTCP_TCPINFO {
        "MPTCP_TCPINFO"
    } else {
        "MPTCP_SUBFLOW_ADDRS"
    };
    let mut room = USUAL_SUBFLOWS;
    loop {
        let mut buffer = vec![0u8; HEAD + room * element];
        let size = (HEAD as u32).to_ne_bytes();
        abi::put(
            &mut buffer,
            offset_of!(SubflowData, size_subflow_data),
            size,
        );
        let size = (element as u32).to_ne_bytes();
        abi::put(&mut buffer, offset_of!(SubflowData, size_user), size);
        abi::getsockopt(socket, SOL_MPTCP, option, &mut buffer).map_err(failed(name))?;
        let count = Fields(&buffer).u32(offset_of!(SubflowData, num_subflows)) as usize;
        if count <= room {
            let elements = buffer[HEAD..].chunks_exact(element).take(count);
            return Ok(elements.map(<[u8]>::to_vec).collect());
        }
        room = count;
    }
}

/// TCP_INFO, for a TCP socket and for an MPTCP socket that fell back.
fn tcp_info(socket: BorrowedFd<'_>) -> Result<ConnectionInfo, InfoError> {
    let mut info = [0u8; size_of::<TcpInfo>()];
    let length = abi::getsockopt(socket, libc::IPPROTO_TCP, libc::TCP_INFO, &mut info)
        .map_err(failed("TCP_INFO"))?;
    let (local, remote) = ends(socket)?;
    Ok(ConnectionInfo {
        fallback: true,
        token: None,
        local,
        remote,
        bytes_sent: None,
        bytes_received: None,
        bytes_acked: None,
        bytes_reinjected: None,
        subflows: vec![SubflowInfo::from_tcp_info(
            local,
            remote,
            Fields(&info[..length]),
        )],
    })
}

fn from_mptcp_info(
    socket: BorrowedFd<'_>,
    raw: Fields<'_>,
    subflows: Vec<SubflowInfo>,
) -> Result<ConnectionInfo, InfoError> {
    let (local, remote) = ends(socket)?;
    Ok(ConnectionInfo::from_mptcp_info(
        local, remote, raw, subflows,
    ))
}

impl ConnectionInfo {
    /// From the kernel's `struct mptcp_info`, which may be shorter or longer than ours.
    pub(crate) fn from_mptcp_info(
        local: SocketAddr,
        remote: SocketAddr,
        raw: Fields<'_>,
        mut subflows: Vec<SubflowInfo>,
    ) -> Self {
        subflows.retain(|subflow| subflow.state != TcpState::Closed);
        let bytes = |offset| raw.has::<8>(offset).then(|| raw.u64(offset));
        Self {
            fallback: raw.u32(offset_of!(MptcpInfo, flags)) & MPTCP_INFO_FLAG_FALLBACK != 0,
            token: Some(raw.u32(offset_of!(MptcpInfo, token))),
            local,
            remote,
            bytes_sent: bytes(offset_of!(MptcpInfo, bytes_sent)),
            bytes_received: bytes(offset_of!(MptcpInfo, bytes_received)),
            bytes_acked: bytes(offset_of!(MptcpInfo, bytes_acked)),
            bytes_reinjected: bytes(offset_of!(MptcpInfo, bytes_retrans)),
            subflows,
        }
    }
}

fn subflow(addrs: Fields<'_>, tcp: Fields<'_>) -> Result<SubflowInfo, InfoError> {
    let end = |offset| {
        addrs
            .socket_address(offset)
            .map_err(|family| InfoError::Family { family })
    };
    let local = end(offset_of!(SubflowAddrs, local))?;
    let remote = end(offset_of!(SubflowAddrs, remote))?;
    Ok(SubflowInfo::from_tcp_info(local, remote, tcp))
}

fn ends(socket: BorrowedFd<'_>) -> Result<(SocketAddr, SocketAddr), InfoError> {
    let socket = SockRef::from(&socket);
    let ip = |address: socket2::SockAddr| {
        let address = address.as_socket().ok_or(InfoError::Family {
            family: address.family(),
        })?;
        Ok(SocketAddr::new(address.ip().to_canonical(), address.port()))
    };
    let local = socket.local_addr().map_err(failed("local address"))?;
    let remote = socket.peer_addr().map_err(failed("peer address"))?;
    Ok((ip(local)?, ip(remote)?))
}

fn failed(option: &'static str) -> impl FnOnce(io::Error) -> InfoError {
    move |source| InfoError::Option { option, source }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;

//! The messages of sock_diag (linux/inet_diag.h).

use std::mem::offset_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use netlink_bindings::traits::{NetlinkRequest, Protocol};
use netlink_bindings::utils::find_attr;

use crate::abi::{self, Fields};
use crate::info::{ConnectionInfo, SubflowInfo};
use crate::pm::EndpointId;

pub(super) const TCP: u32 = libc::IPPROTO_TCP as u32;
pub(super) const MPTCP: u32 = libc::IPPROTO_MPTCP as u32;

/// linux/sock_diag.h
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// Request attribute: the protocol, as the field of the header has 8 bits and MPTCP is 262.
const INET_DIAG_REQ_PROTOCOL: u16 = 3;
/// Attributes of an answer.
const INET_DIAG_INFO: u16 = 2;
const INET_DIAG_ULP_INFO: u16 = 19;
/// Attributes of INET_DIAG_ULP_INFO.
const INET_ULP_INFO_MPTCP: u16 = 3;
/// Attributes of INET_ULP_INFO_MPTCP (linux/mptcp.h).
const MPTCP_SUBFLOW_ATTR_TOKEN_LOC: u16 = 2;
const MPTCP_SUBFLOW_ATTR_FLAGS: u16 = 8;
const MPTCP_SUBFLOW_ATTR_ID_REM: u16 = 9;
const MPTCP_SUBFLOW_ATTR_ID_LOC: u16 = 10;
const MPTCP_SUBFLOW_FLAG_BKUP_REM: u32 = 1 << 4;
const MPTCP_SUBFLOW_FLAG_BKUP_LOC: u32 = 1 << 5;

/// The states of a socket that has a peer: ESTABLISHED, SYN_SENT, FIN_WAIT1, FIN_WAIT2,
/// CLOSE_WAIT, LAST_ACK and CLOSING.
const CONNECTED: u32 = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 11;

/// `struct inet_diag_sockid`.
#[repr(C)]
struct SockId {
    sport: u16,
    dport: u16,
    src: [u8; 16],
    dst: [u8; 16],
    interface: u32,
    cookie: [u32; 2],
}

/// `struct inet_diag_req_v2`.
#[repr(C)]
struct Request {
    family: u8,
    protocol: u8,
    extensions: u8,
    pad: u8,
    states: u32,
    id: SockId,
}

/// `struct inet_diag_msg`.
#[repr(C)]
struct Message {
    family: u8,
    state: u8,
    timer: u8,
    retrans: u8,
    id: SockId,
    expires: u32,
    rqueue: u32,
    wqueue: u32,
    uid: u32,
    inode: u32,
}

/// A request for all connected sockets of one family and protocol.
pub(super) struct DiagDump(Vec<u8>);

impl DiagDump {
    pub fn new(family: i32, protocol: u32) -> Self {
        let mut request = vec![0u8; size_of::<Request>()];
        request[offset_of!(Request, family)] = family as u8;
        request[offset_of!(Request, protocol)] = libc::IPPROTO_TCP as u8;
        request[offset_of!(Request, extensions)] = 1 << (INET_DIAG_INFO - 1);
        abi::put(
            &mut request,
            offset_of!(Request, states),
            CONNECTED.to_ne_bytes(),
        );
        request.extend(8u16.to_ne_bytes());
        request.extend(INET_DIAG_REQ_PROTOCOL.to_ne_bytes());
        request.extend(protocol.to_ne_bytes());
        Self(request)
    }
}

impl NetlinkRequest for DiagDump {
    type ReplyType<'buf> = DiagReply<'buf>;

    fn protocol(&self) -> Protocol {
        Protocol::Raw {
            protonum: libc::NETLINK_SOCK_DIAG as u16,
            request_type: SOCK_DIAG_BY_FAMILY,
        }
    }

    fn flags(&self) -> u16 {
        libc::NLM_F_DUMP as u16
    }

    fn payload(&self) -> &[u8] {
        &self.0
    }

    fn decode_reply(buffer: &[u8]) -> DiagReply<'_> {
        let (header, attributes) = buffer
            .split_at_checked(size_of::<Message>())
            .unwrap_or((buffer, &[]));
        DiagReply {
            header: Fields(header),
            attributes,
        }
    }
}

/// One socket.
pub(super) struct DiagReply<'a> {
    header: Fields<'a>,
    attributes: &'a [u8],
}

impl DiagReply<'_> {
    /// A connection without its subflows, if this is one of MPTCP.
    pub fn connection(&self) -> Option<ConnectionInfo> {
        let info = Fields(find_attr(self.attributes, INET_DIAG_INFO)?);
        let (local, remote) = self.ends()?;
        Some(ConnectionInfo::from_mptcp_info(
            local,
            remote,
            info,
            Vec::new(),
        ))
    }

    /// A subflow and its connection's token, if this is a TCP socket that belongs to MPTCP.
    pub fn subflow(&self) -> Option<(u32, SubflowInfo)> {
        let ulp = find_attr(self.attributes, INET_DIAG_ULP_INFO)?;
        let mptcp = find_attr(ulp, INET_ULP_INFO_MPTCP)?;
        let u32 = |attribute| find_attr(mptcp, attribute).map(|value| Fields(value).u32(0));
        let id =
            |attribute| find_attr(mptcp, attribute).map(|value| EndpointId(Fields(value).u8(0)));

        let token = u32(MPTCP_SUBFLOW_ATTR_TOKEN_LOC)?;
        let (local, remote) = self.ends()?;
        let info = Fields(find_attr(self.attributes, INET_DIAG_INFO)?);
        let mut subflow = SubflowInfo::from_tcp_info(local, remote, info);
        subflow.local_id = id(MPTCP_SUBFLOW_ATTR_ID_LOC);
        subflow.remote_id = id(MPTCP_SUBFLOW_ATTR_ID_REM);
        // Either side's wish makes the scheduler take it as a backup (Linux 6.1 to 6.18).
        let backup = MPTCP_SUBFLOW_FLAG_BKUP_REM | MPTCP_SUBFLOW_FLAG_BKUP_LOC;
        subflow.backup = u32(MPTCP_SUBFLOW_ATTR_FLAGS).map(|flags| flags & backup != 0);
        Some((token, subflow))
    }

    fn ends(&self) -> Option<(SocketAddr, SocketAddr)> {
        const ID: usize = offset_of!(Message, id);
        let local = self.end(ID + offset_of!(SockId, src), ID + offset_of!(SockId, sport))?;
        let remote = self.end(ID + offset_of!(SockId, dst), ID + offset_of!(SockId, dport))?;
        Some((local, remote))
    }

    fn end(&self, address: usize, port: usize) -> Option<SocketAddr> {
        let address: IpAddr = match i32::from(self.header.u8(offset_of!(Message, family))) {
            libc::AF_INET => Ipv4Addr::from(self.header.bytes(address)?).into(),
            libc::AF_INET6 => Ipv6Addr::from(self.header.bytes(address)?).into(),
            _ => return None,
        };
        let port = u16::from_be_bytes(self.header.bytes(port)?);
        Some(SocketAddr::new(address.to_canonical(), port))
    }
}

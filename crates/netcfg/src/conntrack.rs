//! The connections that the kernel tracks (`linux/netfilter/nfnetlink_conntrack.h`).
//!
//! Calls are blocking and act on the network namespace of the calling thread, as those of
//! [`nft`](crate::nft) do.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

use crate::netfilter::attrs::{self, Attrs};
use crate::netfilter::{Answer, Meaning, NetfilterSocket, push};

/// Why tracked connections could not be read or forgotten. Some may be forgotten already.
#[derive(Debug, Error)]
pub enum ConntrackError {
    /// The kernel tells nobody what it tracks.
    #[error(
        "this kernel does not list the connections that it tracks: load the module \
         nf_conntrack_netlink, or use a kernel with CONFIG_NF_CT_NETLINK"
    )]
    Unsupported(#[source] io::Error),
    /// It refused, or gave no answer that makes sense.
    #[error("cannot {0} tracked connections: run as root or with the capability CAP_NET_ADMIN")]
    Failed(&'static str, #[source] io::Error),
}

/// Forgets the connections with this mark that have been given one of these addresses by source NAT:
/// their next packet begins a new one, which takes the way and the address that there is then.
/// Returns how many there were.
///
/// # Errors
/// See [`ConntrackError`].
pub fn forget(mark: u32, sources: &BTreeSet<IpAddr>) -> Result<usize, ConntrackError> {
    let list = |source| ConntrackError::Failed("list", source);
    let socket = NetfilterSocket::open().map_err(list)?;
    let mut forgotten = 0;
    for connection in marked(&socket, mark)? {
        if connection.source().is_some_and(|it| sources.contains(&it)) {
            forgotten += usize::from(connection.forget(&socket)?);
        }
    }
    Ok(forgotten)
}

/// One of the kernel's, as far as it is needed here.
struct Connection {
    /// `AF_INET` or `AF_INET6`.
    family: u8,
    attributes: Vec<u8>,
}

/// Before Linux 6.11 the kernel filters nothing but marks when it deletes, and addresses never: so they are
/// listed first.
fn marked(socket: &NetfilterSocket, mark: u32) -> Result<Vec<Connection>, ConntrackError> {
    let filter = Attrs::new()
        .u32(CTA_MARK, mark)
        .u32(CTA_MARK_MASK, u32::MAX)
        .into_bytes();
    let failed = |source| ConntrackError::Failed("list", source);
    send(socket, IPCTNL_MSG_CT_GET, libc::NLM_F_DUMP, 0, &filter).map_err(failed)?;
    let mut connections = Vec::new();
    while let Some(datagram) = socket.receive().map_err(failed)? {
        for answer in Answer::all(&datagram) {
            match answer.meaning() {
                Meaning::Object(attributes) => connections.push(Connection {
                    family: answer.family(),
                    attributes: attributes.to_vec(),
                }),
                Meaning::Success => return Ok(connections),
                Meaning::Failure(complaint) => {
                    let source = io::Error::from_raw_os_error(complaint.errno);
                    return Err(match complaint.errno {
                        // What nfnetlink answers when nobody has registered for connections.
                        libc::EINVAL | libc::EOPNOTSUPP => ConntrackError::Unsupported(source),
                        _ => failed(source),
                    });
                }
            }
        }
    }
    Err(failed(io::ErrorKind::UnexpectedEof.into()))
}

impl Connection {
    /// The address that answers go to, which is the one that source NAT has given it.
    fn source(&self) -> Option<IpAddr> {
        let tuple = attrs::find(&self.attributes, CTA_TUPLE_REPLY)?;
        let addresses = attrs::find(tuple, CTA_TUPLE_IP)?;
        let v4 = attrs::find(addresses, CTA_IP_V4_DST).and_then(|it| it.first_chunk::<4>());
        let v6 = attrs::find(addresses, CTA_IP_V6_DST).and_then(|it| it.first_chunk::<16>());
        v4.map(|it| Ipv4Addr::from(*it).into())
            .or_else(|| v6.map(|it| Ipv6Addr::from(*it).into()))
    }

    /// Whether it was still there. One that has the same ends since is another one: its id differs.
    fn forget(&self, socket: &NetfilterSocket) -> Result<bool, ConntrackError> {
        let failed = |source| ConntrackError::Failed("forget", source);
        let identity = [CTA_TUPLE_ORIG, CTA_ZONE, CTA_ID]
            .into_iter()
            .filter_map(|kind| Some((kind, attrs::find(&self.attributes, kind)?)));
        let identity = identity.fold(Attrs::new(), |attrs, (kind, value)| match kind {
            CTA_TUPLE_ORIG => attrs.bytes(kind | libc::NLA_F_NESTED as u16, value),
            _ => attrs.bytes(kind, value),
        });
        let identity = identity.into_bytes();
        send(
            socket,
            IPCTNL_MSG_CT_DELETE,
            libc::NLM_F_ACK,
            self.family,
            &identity,
        )
        .map_err(failed)?;
        while let Some(datagram) = socket.receive().map_err(failed)? {
            for answer in Answer::all(&datagram) {
                match answer.meaning() {
                    Meaning::Success => return Ok(true),
                    Meaning::Failure(complaint) if complaint.errno == libc::ENOENT => {
                        return Ok(false);
                    }
                    Meaning::Failure(complaint) => {
                        return Err(failed(io::Error::from_raw_os_error(complaint.errno)));
                    }
                    Meaning::Object(_) => {}
                }
            }
        }
        Err(failed(io::ErrorKind::UnexpectedEof.into()))
    }
}

fn send(
    socket: &NetfilterSocket,
    kind: libc::c_int,
    flags: libc::c_int,
    family: u8,
    attributes: &[u8],
) -> io::Result<()> {
    let kind = (libc::NFNL_SUBSYS_CTNETLINK << 8) | kind;
    let mut message = Vec::new();
    push(&mut message, kind, flags, 1, family, 0, attributes);
    socket.send(&message)
}

/// `enum cntl_msg_types`.
const IPCTNL_MSG_CT_GET: libc::c_int = 1;
const IPCTNL_MSG_CT_DELETE: libc::c_int = 2;

/// `enum ctattr_type`.
const CTA_TUPLE_ORIG: u16 = 1;
const CTA_TUPLE_REPLY: u16 = 2;
const CTA_MARK: u16 = 8;
const CTA_ID: u16 = 12;
const CTA_ZONE: u16 = 18;
const CTA_MARK_MASK: u16 = 21;
/// `enum ctattr_tuple` and `enum ctattr_ip`.
const CTA_TUPLE_IP: u16 = 1;
const CTA_IP_V4_DST: u16 = 2;
const CTA_IP_V6_DST: u16 = 4;

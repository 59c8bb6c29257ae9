//! The netfilter netlink socket and its message headers (`linux/netlink.h`, `linux/nfnetlink.h`).

use std::io;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};

pub(crate) mod attrs;

/// `struct nlmsghdr`.
const NLMSGHDR: usize = 16;
/// `struct nfgenmsg`.
const NFGENMSG: usize = 4;

/// A socket that never waits: the kernel works inside `send`, so its answers are there at once.
pub(crate) struct NetfilterSocket(Socket);

impl NetfilterSocket {
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_NETFILTER)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_non_blocking(true)?;
        // An error then comes with the kernel's explanation, and without a copy of what was sent.
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        Ok(Self(socket))
    }

    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.0.send(bytes, 0) {
            if error.raw_os_error() != Some(libc::EMSGSIZE) {
                return Err(error);
            }
            // The default of 208 KiB is some thousand addresses. Beyond it takes CAP_NET_ADMIN.
            rustix::net::sockopt::set_socket_send_buffer_size_force(&self.0, bytes.len() + 4096)?;
            self.0.send(bytes, 0)?;
        }
        Ok(())
    }

    /// The next datagram of answers; `None` if there is no more.
    pub fn receive(&self) -> io::Result<Option<Vec<u8>>> {
        // The kernel fills at most 32 KiB at a time.
        let mut buffer = Vec::with_capacity(64 * 1024);
        match self.0.recv(&mut buffer, 0) {
            Ok(_) => Ok(Some(buffer)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A message from the kernel.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    kind: u16,
    flags: u16,
    pub seq: u32,
    body: &'a [u8],
}

/// What a message from the kernel says.
#[derive(Debug)]
pub(crate) enum Meaning<'a> {
    /// An object, by its attributes.
    Object(&'a [u8]),
    /// Done, without error.
    Success,
    /// The error of one message.
    Failure(Complaint),
}

impl<'a> Answer<'a> {
    /// The messages in one datagram, up to the first that is cut off.
    pub fn all(mut bytes: &'a [u8]) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || {
            let len = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
            let answer = Self {
                kind: u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?),
                flags: u16::from_ne_bytes(*bytes.get(6..)?.first_chunk()?),
                seq: u32::from_ne_bytes(*bytes.get(8..)?.first_chunk()?),
                body: bytes.get(NLMSGHDR..len)?,
            };
            bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
            Some(answer)
        })
    }

    /// The family of the object (`nfgen_family`).
    pub fn family(&self) -> u8 {
        self.body.first().copied().unwrap_or_default()
    }

    /// Whether what is listed changed meanwhile, so that the list may be wrong.
    pub fn interrupted(&self) -> bool {
        self.flags & libc::NLM_F_DUMP_INTR as u16 != 0
    }

    pub fn meaning(&self) -> Meaning<'a> {
        match i32::from(self.kind) {
            libc::NLMSG_ERROR | libc::NLMSG_DONE => self.outcome(),
            _ => Meaning::Object(self.body.get(NFGENMSG..).unwrap_or_default()),
        }
    }

    fn outcome(&self) -> Meaning<'a> {
        // Both begin with the error number, negative. An error goes on with the header of the
        // message that it is about, then attributes.
        let errno = self
            .body
            .first_chunk()
            .map_or(0, |bytes| -i32::from_ne_bytes(*bytes));
        if errno == 0 {
            return Meaning::Success;
        }
        let extended = self.flags & libc::NLM_F_ACK_TLVS as u16 != 0;
        let notes = match self.body.get(4 + NLMSGHDR..) {
            Some(notes) if extended => notes,
            _ => &[],
        };
        let offset = attrs::find(notes, NLMSGERR_ATTR_OFFS)
            .and_then(|value| value.first_chunk())
            .map(|bytes| u32::from_ne_bytes(*bytes) as usize)
            .and_then(|offset| offset.checked_sub(NLMSGHDR + NFGENMSG));
        let says = attrs::find_text(notes, NLMSGERR_ATTR_MSG).map(str::to_owned);
        Meaning::Failure(Complaint {
            errno,
            says,
            offset,
        })
    }
}

/// An error of the kernel about one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// Number of the error, above 0.
    pub errno: i32,
    /// The kernel's own words (`NLMSGERR_ATTR_MSG`, since 4.12), mostly absent.
    pub says: Option<String>,
    /// Where in the message's attributes the culprit begins (`NLMSGERR_ATTR_OFFS`).
    pub offset: Option<usize>,
}

const NLMSGERR_ATTR_MSG: u16 = 1;
const NLMSGERR_ATTR_OFFS: u16 = 2;

/// Appends a message: `kind` holds the subsystem, `resource` is of use to few.
pub(crate) fn push(
    buffer: &mut Vec<u8>,
    kind: libc::c_int,
    flags: libc::c_int,
    seq: u32,
    family: u8,
    resource: u16,
    attrs: &[u8],
) {
    let len = (NLMSGHDR + NFGENMSG + attrs.len()) as u32;
    buffer.extend_from_slice(&len.to_ne_bytes());
    buffer.extend_from_slice(&(kind as u16).to_ne_bytes());
    buffer.extend_from_slice(&((libc::NLM_F_REQUEST | flags) as u16).to_ne_bytes());
    buffer.extend_from_slice(&seq.to_ne_bytes());
    buffer.extend_from_slice(&0u32.to_ne_bytes());
    buffer.extend_from_slice(&[family, libc::NFNETLINK_V0 as u8]);
    buffer.extend_from_slice(&resource.to_be_bytes());
    buffer.extend_from_slice(attrs);
}

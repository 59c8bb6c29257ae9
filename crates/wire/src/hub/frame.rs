//! The frames and their encoding.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use super::code::{OpenRefusal, Refusal};
use crate::{Destination, Host};

/// The bytes before a frame's payload: type and length.
pub const HEADER: usize = 3;

/// The most bytes of payload: a frame fills one TLS record (RFC 8446 section 5.1) at most.
pub const MAX_PAYLOAD: usize = (1 << 14) - HEADER;

/// The versions of the protocol that this code speaks.
pub const VERSIONS: RangeInclusive<u8> = 1..=1;

/// The most bytes of the name of the software in [`Hello`] and [`Welcome`].
pub const MAX_SOFTWARE: usize = 64;

/// The most bytes of the text in [`Refused`] and [`OpenRefused`].
pub const MAX_TEXT: usize = 255;

pub(super) const MAGIC: [u8; 8] = *b"manypath";
pub(super) const TCP: u8 = 1;
pub(super) const IPV4: u8 = 1;
pub(super) const NAME: u8 = 3;
pub(super) const IPV6: u8 = 4;

/// One message between edge and hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// The edge's first frame.
    Hello(Hello),
    /// The hub agrees.
    Welcome(Welcome),
    /// The hub does not, and closes.
    Refused(Refused),
    /// The edge wants a user connection.
    Open(Open),
    /// The hub has connected to the destination.
    Opened(Opened),
    /// The hub could not, or does not want to.
    OpenRefused(OpenRefused),
    /// 1 to [`MAX_PAYLOAD`] bytes of the user connection.
    Data(&'a [u8]),
    /// No more data comes in this direction.
    Fin,
    /// The user connection was reset.
    Abort,
    /// The edge asks whether the hub is still there.
    Ping([u8; 8]),
    /// It is: the same bytes.
    Pong([u8; 8]),
    /// The hub takes no further OPEN on this connection.
    GoAway,
}

/// Which frame it is; the number is the type byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// [`Frame::Hello`]
    Hello = 0x01,
    /// [`Frame::Welcome`]
    Welcome = 0x02,
    /// [`Frame::Refused`]
    Refused = 0x03,
    /// [`Frame::Open`]
    Open = 0x10,
    /// [`Frame::Opened`]
    Opened = 0x11,
    /// [`Frame::OpenRefused`]
    OpenRefused = 0x12,
    /// [`Frame::Data`]
    Data = 0x13,
    /// [`Frame::Fin`]
    Fin = 0x14,
    /// [`Frame::Abort`]
    Abort = 0x15,
    /// [`Frame::Ping`]
    Ping = 0x20,
    /// [`Frame::Pong`]
    Pong = 0x21,
    /// [`Frame::GoAway`]
    GoAway = 0x22,
}

/// What the edge says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The versions that the edge speaks: never empty, never 0.
    pub versions: RangeInclusive<u8>,
    /// The edge's program and its version, for the hub's log: at most [`MAX_SOFTWARE`] bytes without
    /// control characters. Encoding cuts and cleans what is not.
    pub software: String,
}

/// What the hub answers to a [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The version that is spoken from here on.
    pub version: u8,
    /// The hub's program and its version, as in [`Hello`].
    pub software: String,
}

/// What the hub answers to a [`Hello`] that it turns down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub code: Refusal,
    /// The versions that the hub speaks: never empty, never 0.
    pub versions: RangeInclusive<u8>,
    /// Why, in words for people: at most [`MAX_TEXT`] bytes without control characters. Encoding cuts
    /// and cleans what is not.
    pub text: String,
}

/// The wish for a user connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Where it is to go.
    pub destination: Destination,
}

/// The answer to an [`Open`] that went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The address that the destination sees.
    pub bound: SocketAddr,
}

/// The answer to an [`Open`] that did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRefused {
    /// Why.
    pub code: OpenRefusal,
    /// Why, in words for people, as in [`Refused`].
    pub text: String,
}

/// The header of a DATA frame with `len` bytes, for callers whose bytes already lie behind it.
///
/// # Panics
/// If `len` is more than [`MAX_PAYLOAD`], or 0.
pub fn data_header(len: usize) -> [u8; HEADER] {
    assert!((1..=MAX_PAYLOAD).contains(&len), "DATA of {len} bytes");
    header(Kind::Data, len)
}

impl Hello {
    /// The highest version of `ours` that the edge speaks too.
    pub fn common_version(&self, ours: RangeInclusive<u8>) -> Option<u8> {
        let highest = *self.versions.end().min(ours.end());
        (highest >= *self.versions.start() && highest >= *ours.start()).then_some(highest)
    }
}

impl Frame<'_> {
    /// Which frame it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Hello(_) => Kind::Hello,
            Self::Welcome(_) => Kind::Welcome,
            Self::Refused(_) => Kind::Refused,
            Self::Open(_) => Kind::Open,
            Self::Opened(_) => Kind::Opened,
            Self::OpenRefused(_) => Kind::OpenRefused,
            Self::Data(_) => Kind::Data,
            Self::Fin => Kind::Fin,
            Self::Abort => Kind::Abort,
            Self::Ping(_) => Kind::Ping,
            Self::Pong(_) => Kind::Pong,
            Self::GoAway => Kind::GoAway,
        }
    }

    /// Appends header and payload.
    ///
    /// # Panics
    /// If DATA has no byte or more than [`MAX_PAYLOAD`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        if let Self::Data(bytes) = self {
            out.extend(data_header(bytes.len()));
            return out.extend_from_slice(bytes);
        }
        let start = out.len();
        out.extend([0; HEADER]);
        self.encode_payload(out);
        let header = header(self.kind(), out.len() - start - HEADER);
        out[start..start + HEADER].copy_from_slice(&header);
    }

    fn encode_payload(&self, out: &mut Vec<u8>) {
        match self {
            Self::Hello(hello) => {
                out.extend(MAGIC);
                out.extend([*hello.versions.start(), *hello.versions.end()]);
                encode_software(&hello.software, out);
            }
            Self::Welcome(welcome) => {
                out.push(welcome.version);
                encode_software(&welcome.software, out);
            }
            Self::Refused(refused) => {
                out.extend(u16::from(refused.code).to_be_bytes());
                out.extend([*refused.versions.start(), *refused.versions.end()]);
                encode_text(&refused.text, MAX_TEXT, out);
            }
            Self::Open(open) => {
                out.push(TCP);
                out.extend(open.destination.port.to_be_bytes());
                encode_host(&open.destination.host, out);
            }
            Self::Opened(opened) => {
                encode_ip(opened.bound.ip(), out);
                out.extend(opened.bound.port().to_be_bytes());
            }
            Self::OpenRefused(refused) => {
                out.extend(u16::from(refused.code).to_be_bytes());
                encode_text(&refused.text, MAX_TEXT, out);
            }
            Self::Data(bytes) => out.extend_from_slice(bytes),
            Self::Ping(opaque) | Self::Pong(opaque) => out.extend(opaque),
            Self::Fin | Self::Abort | Self::GoAway => {}
        }
    }
}

fn header(kind: Kind, len: usize) -> [u8; HEADER] {
    let [high, low] = u16::try_from(len)
        .expect("no payload has more than MAX_PAYLOAD bytes")
        .to_be_bytes();
    [kind as u8, high, low]
}

fn encode_software(software: &str, out: &mut Vec<u8>) {
    let start = out.len();
    out.push(0);
    encode_text(software, MAX_SOFTWARE, out);
    out[start] = u8::try_from(out.len() - start - 1).expect("MAX_SOFTWARE fits into a byte");
}

/// Appends at most `max` bytes of whole characters; the other end refuses control characters.
fn encode_text(text: &str, max: usize, out: &mut Vec<u8>) {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let start = out.len();
    for character in text.chars().map(clean) {
        if out.len() - start + character.len_utf8() > max {
            break;
        }
        out.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

fn encode_host(host: &Host, out: &mut Vec<u8>) {
    match host {
        Host::Ip(ip) => encode_ip(*ip, out),
        Host::Name(name) => {
            let name = name.as_str().as_bytes();
            let len = u8::try_from(name.len()).expect("the type allows 255 bytes at most");
            out.extend([NAME, len]);
            out.extend_from_slice(name);
        }
    }
}

fn encode_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => {
            out.push(IPV4);
            out.extend(ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(IPV6);
            out.extend(ip.octets());
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hello => "HELLO",
            Self::Welcome => "WELCOME",
            Self::Refused => "REFUSED",
            Self::Open => "OPEN",
            Self::Opened => "OPENED",
            Self::OpenRefused => "OPEN_REFUSED",
            Self::Data => "DATA",
            Self::Fin => "FIN",
            Self::Abort => "ABORT",
            Self::Ping => "PING",
            Self::Pong => "PONG",
            Self::GoAway => "GOAWAY",
        })
    }
}

//! Frames out of a TLS record.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use super::frame::{
    Frame, HEADER, Hello, IPV4, IPV6, Kind, MAGIC, MAX_SOFTWARE, MAX_TEXT, NAME, Open, OpenRefused,
    Opened, Refused, TCP, Welcome,
};
use crate::{Destination, DomainNameError, Host};

/// Types from here on are skipped by who does not know them.
const OPTIONAL: u8 = 0x80;

/// What is wrong with a record. The other end broke the protocol, or speaks another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The record ends inside a frame.
    #[error("a record of {record} bytes ends inside the frame that begins at byte {start}")]
    Cut {
        /// The bytes of the record.
        record: usize,
        /// Where the frame begins, counted from 0.
        start: usize,
    },
    /// A type that must be known and is not.
    #[error("a frame of the unknown type {0:#04x}; is the other end newer?")]
    UnknownType(u8),
    /// A payload that is shorter or longer than its frame allows.
    #[error("{kind}: {len} bytes of payload are not what this frame has")]
    Length {
        /// Which frame.
        kind: Kind,
        /// The bytes of its payload.
        len: usize,
    },
    /// A HELLO that does not begin with the magic bytes.
    #[error("HELLO does not begin with \"manypath\"; the other end speaks another protocol")]
    Magic,
    /// An empty range of versions, or version 0.
    #[error("{kind}: {lowest} to {highest} are no versions")]
    Versions {
        /// Which frame.
        kind: Kind,
        /// The lowest version.
        lowest: u8,
        /// The highest version.
        highest: u8,
    },
    /// Text that is too long, not UTF-8, or has control characters.
    #[error("{0}: the text is too long, no UTF-8 or holds control characters")]
    Text(Kind),
    /// An OPEN of something else than a TCP stream.
    #[error("OPEN: kind {0} is not 1 (TCP)")]
    OpenKind(u8),
    /// Neither IPv4 nor a name nor IPv6.
    #[error("{kind}: the address type is {found}, not 1, 3 or 4")]
    AddressType {
        /// Which frame.
        kind: Kind,
        /// The type.
        found: u8,
    },
    /// The name can't be one.
    #[error("OPEN: the name of the host is wrong")]
    Name(#[source] DomainNameError),
}

/// The frames in the plaintext of one TLS record, without those of unknown types from 0x80 on. After
/// an error nothing follows.
pub fn frames(record: &[u8]) -> impl Iterator<Item = Result<Frame<'_>, FrameError>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let next = next_frame(record, &mut start);
        if let Some(Err(_)) = next {
            start = record.len();
        }
        next
    })
}

fn next_frame<'a>(record: &'a [u8], start: &mut usize) -> Option<Result<Frame<'a>, FrameError>> {
    while *start < record.len() {
        let (number, payload) = match split(record, *start) {
            Ok(frame) => frame,
            Err(error) => return Some(Err(error)),
        };
        *start += HEADER + payload.len();
        match Kind::from_number(number) {
            Some(kind) => return Some(parse(kind, payload)),
            None if number < OPTIONAL => return Some(Err(FrameError::UnknownType(number))),
            None => {}
        }
    }
    None
}

fn split(record: &[u8], start: usize) -> Result<(u8, &[u8]), FrameError> {
    let cut = FrameError::Cut {
        record: record.len(),
        start,
    };
    let Some(([number, high, low], rest)) = record[start..].split_first_chunk() else {
        return Err(cut);
    };
    let len = usize::from(u16::from_be_bytes([*high, *low]));
    Ok((*number, rest.get(..len).ok_or(cut)?))
}

impl Kind {
    fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0x01 => Self::Hello,
            0x02 => Self::Welcome,
            0x03 => Self::Refused,
            0x10 => Self::Open,
            0x11 => Self::Opened,
            0x12 => Self::OpenRefused,
            0x13 => Self::Data,
            0x14 => Self::Fin,
            0x15 => Self::Abort,
            0x20 => Self::Ping,
            0x21 => Self::Pong,
            0x22 => Self::GoAway,
            _ => return None,
        })
    }
}

fn parse(kind: Kind, payload: &[u8]) -> Result<Frame<'_>, FrameError> {
    let len = payload.len();
    let mut fields = Fields {
        kind,
        len,
        rest: payload,
    };
    let frame = match kind {
        Kind::Data if len > 0 => Frame::Data(fields.all()),
        Kind::Data => return Err(fields.wrong_length()),
        Kind::Hello => return fields.hello().map(Frame::Hello),
        Kind::Welcome => return fields.welcome().map(Frame::Welcome),
        Kind::Refused => Frame::Refused(fields.refused()?),
        Kind::Open => Frame::Open(fields.open()?),
        Kind::Opened => Frame::Opened(fields.opened()?),
        Kind::OpenRefused => Frame::OpenRefused(fields.open_refused()?),
        Kind::Fin => Frame::Fin,
        Kind::Abort => Frame::Abort,
        Kind::Ping => Frame::Ping(fields.array()?),
        Kind::Pong => Frame::Pong(fields.array()?),
        Kind::GoAway => Frame::GoAway,
    };
    match fields.rest {
        [] => Ok(frame),
        _ => Err(fields.wrong_length()),
    }
}

/// What is left of a frame's payload.
struct Fields<'a> {
    kind: Kind,
    len: usize,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Bytes behind the known fields are left alone: a later version may put more there.
    fn hello(&mut self) -> Result<Hello, FrameError> {
        if self.array()? != MAGIC {
            return Err(FrameError::Magic);
        }
        Ok(Hello {
            versions: self.versions()?,
            software: self.software()?,
        })
    }

    /// As with [`Self::hello`].
    fn welcome(&mut self) -> Result<Welcome, FrameError> {
        let version = self.u8()?;
        self.check_versions(version, version)?;
        Ok(Welcome {
            version,
            software: self.software()?,
        })
    }

    fn refused(&mut self) -> Result<Refused, FrameError> {
        Ok(Refused {
            code: self.u16()?.into(),
            versions: self.versions()?,
            text: self.text()?,
        })
    }

    fn open(&mut self) -> Result<Open, FrameError> {
        match self.u8()? {
            TCP => {}
            other => return Err(FrameError::OpenKind(other)),
        }
        let port = self.u16()?;
        let host = match self.u8()? {
            NAME => {
                let len = self.u8()?.into();
                Host::try_from(self.take(len)?).map_err(FrameError::Name)?
            }
            other => Host::Ip(self.ip(other)?),
        };
        let destination = Destination { host, port };
        Ok(Open { destination })
    }

    fn opened(&mut self) -> Result<Opened, FrameError> {
        let address_type = self.u8()?;
        let ip = self.ip(address_type)?;
        let bound = SocketAddr::new(ip, self.u16()?);
        Ok(Opened { bound })
    }

    fn open_refused(&mut self) -> Result<OpenRefused, FrameError> {
        Ok(OpenRefused {
            code: self.u16()?.into(),
            text: self.text()?,
        })
    }

    fn versions(&mut self) -> Result<RangeInclusive<u8>, FrameError> {
        let [lowest, highest] = self.array()?;
        self.check_versions(lowest, highest)?;
        Ok(lowest..=highest)
    }

    fn check_versions(&self, lowest: u8, highest: u8) -> Result<(), FrameError> {
        let kind = self.kind;
        if lowest == 0 || lowest > highest {
            return Err(FrameError::Versions {
                kind,
                lowest,
                highest,
            });
        }
        Ok(())
    }

    fn ip(&mut self, address_type: u8) -> Result<IpAddr, FrameError> {
        match address_type {
            IPV4 => Ok(self.array::<4>()?.into()),
            IPV6 => Ok(self.array::<16>()?.into()),
            found => Err(FrameError::AddressType {
                kind: self.kind,
                found,
            }),
        }
    }

    fn software(&mut self) -> Result<String, FrameError> {
        let len = self.u8()?.into();
        let bytes = self.take(len)?;
        self.checked_text(bytes, MAX_SOFTWARE)
    }

    fn text(&mut self) -> Result<String, FrameError> {
        let bytes = self.all();
        self.checked_text(bytes, MAX_TEXT)
    }

    /// Refuses what could disturb a log or a terminal.
    fn checked_text(&self, bytes: &[u8], max: usize) -> Result<String, FrameError> {
        match str::from_utf8(bytes) {
            Ok(text) if bytes.len() <= max && !text.contains(char::is_control) => Ok(text.into()),
            _ => Err(FrameError::Text(self.kind)),
        }
    }

    fn u8(&mut self) -> Result<u8, FrameError> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16, FrameError> {
        self.array().map(u16::from_be_bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| self.wrong_length())?;
        self.rest = rest;
        Ok(*taken)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], FrameError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or_else(|| self.wrong_length())?;
        self.rest = rest;
        Ok(taken)
    }

    fn all(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    fn wrong_length(&self) -> FrameError {
        FrameError::Length {
            kind: self.kind,
            len: self.len,
        }
    }
}

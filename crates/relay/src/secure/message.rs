//! A frame that has come and is kept.

use bytes::Bytes;
use wire::hub::{Frame, Hello, Open, OpenRefused, Opened, Refused, Welcome};

/// What the other end has said: a [`Frame`] with bytes of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// [`Frame::Hello`]
    Hello(Hello),
    /// [`Frame::Welcome`]
    Welcome(Welcome),
    /// [`Frame::Refused`]
    Refused(Refused),
    /// [`Frame::Open`]
    Open(Open),
    /// [`Frame::Opened`]
    Opened(Opened),
    /// [`Frame::OpenRefused`]
    OpenRefused(OpenRefused),
    /// [`Frame::Data`]
    Data(Bytes),
    /// [`Frame::Fin`]
    Fin,
    /// [`Frame::Abort`]
    Abort,
    /// [`Frame::Ping`]
    Ping([u8; 8]),
    /// [`Frame::Pong`]
    Pong([u8; 8]),
    /// [`Frame::GoAway`]
    GoAway,
}

impl From<Frame<'_>> for Message {
    fn from(frame: Frame<'_>) -> Self {
        match frame {
            Frame::Hello(hello) => Self::Hello(hello),
            Frame::Welcome(welcome) => Self::Welcome(welcome),
            Frame::Refused(refused) => Self::Refused(refused),
            Frame::Open(open) => Self::Open(open),
            Frame::Opened(opened) => Self::Opened(opened),
            Frame::OpenRefused(refused) => Self::OpenRefused(refused),
            Frame::Data(bytes) => Self::Data(Bytes::copy_from_slice(bytes)),
            Frame::Fin => Self::Fin,
            Frame::Abort => Self::Abort,
            Frame::Ping(opaque) => Self::Ping(opaque),
            Frame::Pong(opaque) => Self::Pong(opaque),
            Frame::GoAway => Self::GoAway,
        }
    }
}

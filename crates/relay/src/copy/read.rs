//! Reading from a socket, once.

use std::io::{self, IoSliceMut};

use tokio::io::Interest;
use tokio::net::TcpStream;
use wire::hub::HEADER;

/// What there was to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// Nothing yet.
    Nothing,
    /// So many bytes, and there were no more.
    All(usize),
    /// So many bytes, all there was room for. Maybe there is more.
    Part(usize),
    /// The end of data.
    End,
}

/// The most frames that are read at once, but for short ones into a large buffer. Of full records, so
/// many fit into a large buffer when sealed.
pub(super) const FRAMES: usize = 15;

/// The most frames of any length.
const MOST: usize = 64;

/// Reads into `buffer`.
pub(super) fn read(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<Got> {
    let room = buffer.len();
    once(stream, room, || Ok(rustix::io::read(stream, &mut *buffer)?))
}

/// Reads into the payloads of up to `most` DATA frames, of which each takes `stride` bytes of `buffer`.
/// The headers are left as they are.
pub(super) fn read_framed(
    stream: &TcpStream,
    buffer: &mut [u8],
    stride: usize,
    most: usize,
) -> io::Result<Got> {
    let mut payloads: [_; MOST] = std::array::from_fn(|_| IoSliceMut::new(&mut []));
    let mut count = 0;
    let mut room = 0;
    let frames = buffer.chunks_mut(stride).filter(|it| it.len() > HEADER);
    for (payload, frame) in payloads.iter_mut().zip(frames.take(most)) {
        *payload = IoSliceMut::new(&mut frame[HEADER..]);
        room += payload.len();
        count += 1;
    }
    once(stream, room, || {
        Ok(rustix::io::readv(stream, &mut payloads[..count])?)
    })
}

/// After a read that did not fill the buffer the socket is empty: saying so to tokio, by
/// `WouldBlock`, saves the second read that would find nothing. Tokio's own `AsyncRead` does the same
/// with epoll; data that comes after the read is announced anew.
fn once(
    stream: &TcpStream,
    room: usize,
    read: impl FnOnce() -> io::Result<usize>,
) -> io::Result<Got> {
    let mut got = Got::Nothing;
    let result = stream.try_io(Interest::READABLE, || {
        let bytes = read()?;
        got = match bytes {
            0 => Got::End,
            bytes if bytes == room => Got::Part(bytes),
            bytes => Got::All(bytes),
        };
        match got {
            Got::All(_) => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        }
    });
    match result {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(got),
    }
}

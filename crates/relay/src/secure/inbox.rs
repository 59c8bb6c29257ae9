//! What has come on a connection and was not asked for yet.

use std::io;

use rustix::buffer::spare_capacity;
use tls::{Channel, MAX_INCOMING};
use tokio::io::Interest;
use tokio::net::TcpStream;
use wire::hub::{Frame, HEADER, frames};

use super::SecureError;

/// Bytes between the socket and whoever asks for frames. It holds memory only while there are some.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// From the socket, and not a whole record yet.
    cipher: Vec<u8>,
    /// Whole frames.
    plain: Vec<u8>,
    /// How much of `plain` was taken out.
    taken: usize,
    /// `plain` ends with what is no frame.
    is_broken: bool,
    /// What comes behind `plain` is not to be used.
    trouble: Option<SecureError>,
}

impl Inbox {
    /// Reads once. Tells whether there was something.
    ///
    /// # Errors
    /// Also when there was something, but nothing to be used.
    pub(super) fn fill(
        &mut self,
        tcp: &TcpStream,
        channel: &mut Channel,
    ) -> Result<bool, SecureError> {
        // No more than that: while a record is not whole, it is kept.
        self.cipher.reserve_exact(MAX_INCOMING);
        let cipher = &mut self.cipher;
        let read = tcp.try_io(Interest::READABLE, || {
            Ok(rustix::io::read(tcp, spare_capacity(cipher))?)
        });
        let result = match read {
            Ok(0) if channel.peer_closed() => Err(SecureError::Closed),
            Ok(0) => Err(SecureError::Cut),
            Ok(_) => self.decrypt(channel).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(SecureError::Io(error)),
        };
        if self.cipher.is_empty() {
            self.cipher = Vec::new();
        }
        result
    }

    fn decrypt(&mut self, channel: &mut Channel) -> Result<(), SecureError> {
        let mut cipher = std::mem::take(&mut self.cipher);
        let received = channel.receive(&mut cipher, &mut |record| self.keep(record));
        cipher.drain(..received?.used);
        self.cipher = cipher;
        Ok(())
    }

    /// Keeps the frames of one record. Nothing is kept behind what is no frame: it must not be taken
    /// for the beginning of one.
    pub(super) fn keep(&mut self, record: &[u8]) {
        if !self.is_broken {
            self.plain.extend_from_slice(record);
            self.is_broken = frames(record).any(|frame| frame.is_err());
        }
    }

    /// Keeps records that somebody else has read. Whole ones are opened at once: nothing more may come
    /// that would be a reason to look at them.
    ///
    /// What is wrong with them concerns who asks for the frames behind those that are right.
    pub(super) fn keep_cipher(&mut self, bytes: &[u8], channel: &mut Channel) {
        self.cipher.extend_from_slice(bytes);
        self.trouble = self.decrypt(channel).err();
        self.cipher.shrink_to_fit();
    }

    /// The beginning of a record, for whoever reads the rest of it.
    pub(super) fn take_cipher(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.cipher)
    }

    /// All frames that are left, for whoever takes them at once.
    pub(super) fn take_plain(&mut self) -> Vec<u8> {
        let mut plain = std::mem::take(&mut self.plain);
        plain.drain(..std::mem::take(&mut self.taken));
        plain
    }

    /// How many bytes wait to be taken.
    pub(super) fn waiting(&self) -> usize {
        self.plain.len() - self.taken
    }

    /// Whether one of the frames is an ABORT.
    pub(super) fn holds_abort(&self) -> bool {
        frames(&self.plain[self.taken..]).any(|frame| frame == Ok(Frame::Abort))
    }

    /// How many bytes of memory it takes.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.cipher.capacity() + self.plain.capacity()
    }

    /// The next frame, which stays.
    ///
    /// # Errors
    /// If what follows is none, or was damaged.
    pub(super) fn peek(&mut self) -> Result<Option<Frame<'_>>, SecureError> {
        self.skip_unknown();
        match frames(&self.plain[self.taken..]).next() {
            Some(frame) => Ok(Some(frame?)),
            None => self.trouble.take().map_or(Ok(None), Err),
        }
    }

    /// Goes past the frame that [`Self::peek`] has shown.
    pub(super) fn advance(&mut self) {
        self.taken += frame_len(&self.plain[self.taken..]);
        if self.taken >= self.plain.len() {
            (self.plain, self.taken) = (Vec::new(), 0);
        }
    }

    /// Frames of unknown types are void.
    fn skip_unknown(&mut self) {
        while self.waiting() > 0 {
            let rest = &self.plain[self.taken..];
            let first = rest.get(..frame_len(rest)).unwrap_or(rest);
            if frames(first).next().is_some() {
                return;
            }
            self.advance();
        }
    }
}

/// How long the frame is that begins here; of one that is cut, all there is.
pub(super) fn frame_len(bytes: &[u8]) -> usize {
    match bytes.first_chunk() {
        Some([_, high, low]) => {
            let len = HEADER + usize::from(u16::from_be_bytes([*high, *low]));
            len.min(bytes.len())
        }
        None => bytes.len(),
    }
}

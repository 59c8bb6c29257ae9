//! What the relay does with an open user connection: many records at once, in buffers of its own.

use std::ops::Range;

use tls::Channel;
use wire::hub::{Conversation, Frame, Kind, Role, frames};

use super::inbox::frame_len;
use super::{RECORD, SecureError, SecureStream};

/// How many records are decrypted at once: more full ones than a large buffer holds.
const RECORDS: usize = 64;

/// How many pieces of payload are told apart: as many as a large buffer holds full records.
const PIECES: usize = 16;

/// Pieces of payload smaller than this are moved together: that costs less than a piece of its own in
/// a vectored write.
const SMALL_PIECE: usize = 4 * 1024;

/// Where in a buffer the payload is, in order.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    ranges: [Range<usize>; PIECES],
    count: usize,
}

/// What [`SecureStream::open`] has done.
#[derive(Debug)]
pub(crate) struct Opened {
    /// How many bytes are done with.
    pub(crate) used: usize,
    /// What comes behind the payload.
    pub(crate) then: Then,
}

/// What follows on payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Maybe more of it.
    More,
    /// Nothing before more bytes have come.
    Wait,
    /// The orderly end of this direction.
    Fin,
    /// The end of the user connection, or of the whole connection before its time.
    Abort,
}

impl Parts {
    /// The pieces, and how many bytes they are together.
    pub(crate) fn ranges(&self) -> &[Range<usize>] {
        &self.ranges[..self.count]
    }

    /// How many bytes of payload there are.
    pub(crate) fn len(&self) -> usize {
        self.ranges().iter().map(Range::len).sum()
    }

    fn add(&mut self, buffer: &mut [u8], payload: Range<usize>) {
        if let Some(last) = self.ranges[..self.count].last_mut()
            && (payload.len() < SMALL_PIECE || self.count == PIECES)
        {
            let end = last.end;
            last.end += payload.len();
            return buffer.copy_within(payload, end);
        }
        self.ranges[self.count] = payload;
        self.count += 1;
    }
}

impl SecureStream {
    /// Decrypts records at the beginning of `cipher` into `plain`, and finds the payload there. What
    /// comes behind a FIN is kept for [`Self::receive`].
    ///
    /// # Errors
    /// If the other end, or somebody between, does not keep to TLS or the protocol.
    pub(crate) fn open(
        &mut self,
        cipher: &mut [u8],
        plain: &mut Vec<u8>,
        parts: &mut Parts,
    ) -> Result<Opened, SecureError> {
        self.inflow.after_read(&*self.tcp, cipher.len());
        let mut records = Records::new();
        let whole = whole_records(cipher);
        if whole == 0 {
            let (used, then) = (0, Then::Wait);
            return Ok(Opened { used, then });
        }
        let used = match records.decrypt(&mut self.channel, &mut cipher[..whole], plain) {
            Ok(used) => used,
            Err(error) => {
                self.send_alert();
                return Err(error);
            }
        };
        let then = self.gather(plain, &records, parts)?;
        if then == Then::Fin {
            self.inbox.keep_cipher(&cipher[used..], &mut self.channel);
            return Ok(Opened {
                used: cipher.len(),
                then,
            });
        }
        Ok(Opened {
            used,
            then: match then {
                Then::More if self.channel.peer_closed() => Then::Abort,
                then => then,
            },
        })
    }

    /// The frames that [`Self::receive`] would give next, as one piece for [`Self::open_plain`].
    pub(crate) fn take_plain(&mut self) -> Vec<u8> {
        self.inbox.take_plain()
    }

    /// The beginning of a record, with which the relay goes on reading.
    pub(crate) fn take_cipher(&mut self) -> Vec<u8> {
        self.inbox.take_cipher()
    }

    /// Bytes that come first of all, and whether nothing comes after them.
    pub(crate) fn take_unread(&mut self) -> (bytes::Bytes, bool) {
        (std::mem::take(&mut self.unread), self.peer_finished)
    }

    /// As [`Self::open`], with frames that were decrypted already.
    ///
    /// # Errors
    /// If the other end does not keep to the protocol.
    pub(crate) fn open_plain(
        &mut self,
        plain: &mut [u8],
        parts: &mut Parts,
    ) -> Result<Then, SecureError> {
        let mut record = Records::new();
        record.add(0..plain.len());
        self.gather(plain, &record, parts)
    }

    /// Looks at what comes behind a FIN, reading once at most.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub(crate) fn look_behind_fin(&mut self) -> Result<Behind, SecureError> {
        let mut may_read = true;
        loop {
            match self.inbox.peek()? {
                Some(Frame::Abort) => return Ok(Behind::Abort),
                // It belongs to the next user connection.
                Some(Frame::Open(_)) => return Ok(Behind::Next),
                Some(frame) => {
                    self.conversation.received(&frame)?;
                    self.inbox.advance();
                    continue;
                }
                None => {}
            }
            if self.channel.peer_closed() {
                return Err(SecureError::Closed);
            }
            if !may_read || !self.try_fill()? {
                return Ok(Behind::Nothing);
            }
            may_read = false;
        }
    }

    /// What waits to go along with the next frames, see [`Self::hold`].
    pub(crate) fn take_held(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.unsent)
    }

    /// Whether something waits to go along with the next frames.
    pub(crate) fn is_holding(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Seals DATA frames into `out`, behind what was held, to be written at once. `framed` holds them, each of `stride` bytes
    /// but for the last; the headers are there already.
    ///
    /// # Errors
    /// If there is no open user connection.
    pub(crate) fn seal_data(
        &mut self,
        framed: &[u8],
        stride: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), SecureError> {
        self.conversation.sent(Kind::Data)?;
        self.bursts.before_write(&*self.tcp, framed.len());
        self.backlog.before_write(&*self.tcp, framed.len());
        out.append(&mut self.unsent);
        if stride == RECORD {
            return Ok(self.channel.seal(framed, out)?);
        }
        for frame in framed.chunks(stride) {
            self.channel.seal(frame, out)?;
        }
        Ok(())
    }

    /// To be called when the socket has taken nothing for a while.
    pub(crate) fn while_full(&mut self) {
        self.backlog.while_full(&*self.tcp);
    }

    /// Whether what is written closely behind the next write may take a slower path.
    pub(crate) fn may_scatter(&mut self) -> bool {
        self.scatter.is_likely(&*self.tcp)
    }

    /// Seals a FIN, and gives what is to be written now, behind what was held.
    ///
    /// That is nothing at the edge if the hub has sent its FIN before. Nobody waits for that of the edge then, and
    /// while it is under way, MPTCP's scheduler would send the next OPEN by another path, which may be a slower one
    /// (Linux 6.18, `mptcp_subflow_get_send`). So it goes along with that, or with [`Self::flush`].
    ///
    /// # Errors
    /// If there is no open user connection.
    pub(crate) fn seal_fin(&mut self) -> Result<Vec<u8>, SecureError> {
        self.hold(&Frame::Fin)?;
        if self.role == Role::Edge && self.is_idle() {
            return Ok(Vec::new());
        }
        Ok(self.take_held())
    }

    /// Seals an ABORT and close_notify into `out`, behind what was held.
    ///
    /// # Errors
    /// If the connection is at its end already.
    pub(crate) fn seal_abort(&mut self, out: &mut Vec<u8>) -> Result<(), SecureError> {
        self.sent(Kind::Abort)?;
        out.append(&mut self.unsent);
        self.seal_frame(&Frame::Abort, out)?;
        self.channel.close();
        out.append(self.channel.outgoing());
        Ok(())
    }

    fn seal_frame(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<(), SecureError> {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        Ok(self.channel.seal(&bytes, out)?)
    }

    fn gather(
        &mut self,
        buffer: &mut [u8],
        records: &Records,
        parts: &mut Parts,
    ) -> Result<Then, SecureError> {
        for (index, record) in records.ranges().iter().enumerate() {
            let mut at = record.start;
            while at < record.end {
                let payload = next_payload(&mut self.conversation, &buffer[at..record.end])?;
                let len = frame_len(&buffer[at..record.end]);
                match payload {
                    Step::Data(payload) => {
                        parts.add(buffer, at + payload.start..at + payload.end);
                    }
                    Step::Void => {}
                    Step::Abort => return Ok(Then::Abort),
                    Step::Fin => {
                        self.peer_finished = true;
                        self.note_end();
                        self.keep_rest(buffer, at + len, &records.ranges()[index..]);
                        return Ok(Then::Fin);
                    }
                }
                at += len;
            }
        }
        Ok(Then::More)
    }

    /// Keeps what comes behind a FIN, `at` in the first of `records`.
    fn keep_rest(&mut self, buffer: &[u8], at: usize, records: &[Range<usize>]) {
        let Some((first, others)) = records.split_first() else {
            return;
        };
        self.inbox.keep(&buffer[at..first.end]);
        for record in others {
            self.inbox.keep(&buffer[record.clone()]);
        }
    }
}

/// What was found behind a FIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// Nothing yet.
    Nothing,
    /// The user connection was aborted after all.
    Abort,
    /// The next user connection.
    Next,
}

/// Where in a buffer the plaintext of records is.
struct Records {
    ranges: [Range<usize>; RECORDS],
    count: usize,
}

impl Records {
    fn ranges(&self) -> &[Range<usize>] {
        &self.ranges[..self.count]
    }

    fn new() -> Self {
        Self {
            ranges: [const { 0..0 }; RECORDS],
            count: 0,
        }
    }

    fn add(&mut self, record: Range<usize>) {
        self.ranges[self.count] = record;
        self.count += 1;
    }

    /// Decrypts at most [`RECORDS`] records.
    fn decrypt(
        &mut self,
        channel: &mut Channel,
        cipher: &mut [u8],
        plain: &mut Vec<u8>,
    ) -> Result<usize, SecureError> {
        plain.clear();
        let received = channel.receive(cipher, &mut |record| {
            let start = plain.len();
            plain.extend_from_slice(record);
            self.add(start..plain.len());
        })?;
        Ok(received.used)
    }
}

enum Step {
    Data(Range<usize>),
    Fin,
    Abort,
    /// Nothing that moves a byte.
    Void,
}

/// The first frame of `bytes`, as far as it matters to a relay.
fn next_payload(conversation: &mut Conversation, bytes: &[u8]) -> Result<Step, SecureError> {
    let len = frame_len(bytes);
    let Some(frame) = frames(&bytes[..len]).next() else {
        return Ok(Step::Void);
    };
    let frame = frame?;
    conversation.received(&frame)?;
    Ok(match frame {
        Frame::Data(payload) => Step::Data(len - payload.len()..len),
        Frame::Fin => Step::Fin,
        Frame::Abort => Step::Abort,
        _ => Step::Void,
    })
}

/// How many bytes the first whole records take, at most [`RECORDS`] of them. What can't be one is
/// TLS' affair.
fn whole_records(bytes: &[u8]) -> usize {
    const HEADER: usize = 5;
    let mut end = 0;
    for _ in 0..RECORDS {
        let Some([_, _, _, high, low]) = bytes[end..].first_chunk() else {
            break;
        };
        let len = HEADER + usize::from(u16::from_be_bytes([*high, *low]));
        if bytes.len() - end < len {
            return if len > tls::MAX_INCOMING {
                bytes.len()
            } else {
                end
            };
        }
        end += len;
    }
    end
}

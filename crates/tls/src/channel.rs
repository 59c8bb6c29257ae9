//! One end of one TLS connection, on rustls' unbuffered interface: it holds keys and no buffers.

use std::fmt;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use wire::hub::UserKey;

use self::connection::{AtHand, Connection, Next, Task};
use crate::config::{ALPN, EdgeConfig, HubConfig};
use crate::error::TlsError;
use crate::record::{HEADER, MAX_INCOMING};

mod connection;

/// One end of a TLS connection. It does no I/O: bytes go in and out of the methods.
///
/// Bytes for the other end come from [`Self::outgoing`] and [`Self::seal`]. What was sealed before
/// something came into `outgoing` is to be sent first; sealing takes what is in `outgoing` along.
pub struct Channel {
    connection: Connection,
    outgoing: Vec<u8>,
    phase: Phase,
    peer_closed: bool,
    /// How many of the bytes that the caller keeps were given to rustls already.
    held: usize,
}

/// What [`Channel::receive`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Received {
    /// How many bytes from the front are done with. The others must come again, exactly as they are
    /// now, with more behind them: decrypting may have changed them.
    pub used: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Handshake,
    Established,
    /// We have sent close_notify: nothing more can be sealed.
    Closed,
    Failed,
}

impl Channel {
    /// The edge's end. [`Self::outgoing`] holds the first flight already.
    ///
    /// # Errors
    /// If there are no random numbers.
    pub fn edge(config: &EdgeConfig) -> Result<Self, TlsError> {
        // It is never sent nor looked at: the pin alone says who the hub is.
        let name = ServerName::try_from("hub").expect("this is a name");
        let connection = UnbufferedClientConnection::new(config.tls.clone(), name)
            .map_err(TlsError::Internal)?;
        let mut channel = Self::new(Connection::Edge(connection));
        let _ = channel.receive(&mut [], &mut |_| {})?;
        Ok(channel)
    }

    /// The hub's end.
    ///
    /// # Errors
    /// If there are no random numbers.
    pub fn hub(config: &HubConfig) -> Result<Self, TlsError> {
        let connection =
            UnbufferedServerConnection::new(config.tls.clone()).map_err(TlsError::Internal)?;
        Ok(Self::new(Connection::Hub(connection)))
    }

    fn new(connection: Connection) -> Self {
        Self {
            connection,
            outgoing: Vec::new(),
            phase: Phase::Handshake,
            peer_closed: false,
            held: 0,
        }
    }

    /// Takes what came from the other end, behind what was left of earlier bytes, and calls `plain`
    /// with the plaintext of each whole record. See [`Received`] for what to do with the rest, and
    /// [`MAX_INCOMING`] for how long that can be. Afterwards [`Self::outgoing`] may hold an answer.
    ///
    /// # Errors
    /// See [`TlsError`]; what `plain` was called with before is good. The channel is then at its end:
    /// send what `outgoing` holds and drop it.
    pub fn receive(
        &mut self,
        incoming: &mut [u8],
        plain: &mut dyn FnMut(&[u8]),
    ) -> Result<Received, TlsError> {
        if self.phase == Phase::Failed {
            return Err(TlsError::NotOpen);
        }
        let (mut used, mut given) = (0, self.held);
        loop {
            let task = match self.phase {
                Phase::Handshake => Task::Nothing,
                _ => Task::Receive(plain),
            };
            let (discard, next) = self.step(&mut incoming[used..given], task);
            used += discard;
            let next = next.and_then(|next| self.establish().map(|()| next));
            if next.map_err(|error| self.fail(error))? == Next::Again {
                continue;
            }
            if self.peer_closed {
                // RFC 8446 section 6.1: whatever comes behind close_notify is to be ignored.
                (used, given) = (incoming.len(), incoming.len());
            }
            match self.next_record(given - used, &incoming[given..]) {
                Ok(0) => break,
                Ok(len) => given += len,
                Err(error) => return Err(self.fail(error)),
            }
        }
        self.held = given - used;
        if used == 0 && incoming.len() >= MAX_INCOMING {
            return Err(self.fail(TlsError::TooLong));
        }
        Ok(Received { used })
    }

    /// How many bytes rustls is to be given next: those of one record; none if it is not whole.
    ///
    /// One at a time, because rustls must see what it has not discarded again in its next call, and
    /// panics if it does not. Of a record whose handshake message goes on in the next one it discards
    /// nothing. Once there is traffic such messages are refused, so that [`Self::seal`] can call it
    /// without any input.
    fn next_record(&self, held: usize, rest: &[u8]) -> Result<usize, TlsError> {
        let in_handshake = self.phase == Phase::Handshake;
        if held > 0 && !in_handshake {
            return Err(TlsError::bad_record());
        }
        // RFC 8446 section 5.2: in traffic the header is always the same, and is authenticated. rustls
        // looks at the length only.
        match rest.first() {
            None => return Ok(0),
            Some(20..=23) if in_handshake => {}
            Some(23) => {}
            Some(_) if in_handshake => return Err(TlsError::not_tls()),
            Some(_) => return Err(TlsError::bad_record()),
        }
        let Some([_, major, minor, high, low]) = rest.first_chunk() else {
            return Ok(0);
        };
        match (major, minor) {
            (3, 3) => {}
            (3, _) if in_handshake => {}
            _ if in_handshake => return Err(TlsError::not_tls()),
            _ => return Err(TlsError::bad_record()),
        }
        match HEADER + usize::from(u16::from_be_bytes([*high, *low])) {
            len if len > MAX_INCOMING => Err(TlsError::TooLong),
            len if len > rest.len() => Ok(0),
            len => Ok(len),
        }
    }

    /// TLS bytes to be sent: the handshake, alerts. Take them out, or remove from the front what was
    /// sent. Empty and without capacity when there is nothing.
    pub fn outgoing(&mut self) -> &mut Vec<u8> {
        if self.outgoing.is_empty() {
            self.outgoing = Vec::new();
        }
        &mut self.outgoing
    }

    /// Appends to `out` what [`Self::outgoing`] holds and the records of `frames`: one for each 16384
    /// bytes or part thereof. Where that is more than one, the caller sees to it that no frame spans
    /// two. [`sealed_len`] says how much room it takes.
    ///
    /// # Errors
    /// [`TlsError::NotOpen`] before the handshake is over and after [`Self::close`].
    pub fn seal(&mut self, frames: &[u8], out: &mut Vec<u8>) -> Result<(), TlsError> {
        if self.phase != Phase::Established {
            return Err(TlsError::NotOpen);
        }
        out.append(&mut self.outgoing);
        loop {
            let (_, next) = self.step(&mut [], Task::Seal(frames, out));
            match next {
                Ok(Next::Wait) => return Ok(()),
                Ok(Next::Again) => out.append(&mut self.outgoing),
                Err(error) => return Err(self.fail(error)),
            }
        }
    }

    /// Puts close_notify into [`Self::outgoing`]: the other end knows then that nothing is missing.
    /// Before the handshake is over there is nothing that could be missing, and nothing is sent.
    pub fn close(&mut self) {
        if self.phase != Phase::Established {
            return;
        }
        self.phase = Phase::Closed;
        while let (_, Ok(Next::Again)) = self.step(&mut [], Task::Close) {}
    }

    /// Whether the handshake is over: the other end is who it says, and [`Self::seal`] works (until
    /// [`Self::close`]).
    pub fn is_established(&self) -> bool {
        matches!(self.phase, Phase::Established | Phase::Closed)
    }

    /// Whether the other end's close_notify came: all that it ever sent has been received.
    pub fn peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// The hub's end: the key that the edge has proved to own; `None` before the handshake is over.
    /// The edge's end: `None`.
    pub fn peer(&self) -> Option<UserKey> {
        self.connection.user().filter(|_| self.is_established())
    }

    fn step<'a>(
        &'a mut self,
        incoming: &mut [u8],
        task: Task<'a>,
    ) -> (usize, Result<Next, TlsError>) {
        let at_hand = AtHand {
            outgoing: &mut self.outgoing,
            peer_closed: &mut self.peer_closed,
            task,
        };
        let step = self.connection.step(incoming, at_hand);
        let next = step.next.map_err(|error| match self.phase {
            Phase::Handshake => TlsError::in_handshake(error),
            _ => TlsError::in_traffic(error),
        });
        (step.discard, next)
    }

    /// Notices the end of the handshake.
    fn establish(&mut self) -> Result<(), TlsError> {
        if self.phase != Phase::Handshake || self.connection.is_handshaking() {
            return Ok(());
        }
        // An end that offers no protocol at all gets through rustls.
        if self.connection.alpn() != Some(ALPN) {
            return Err(TlsError::OtherProtocol);
        }
        self.phase = Phase::Established;
        Ok(())
    }

    /// Ends it; the alert for the other end, if rustls has made one, goes to `outgoing`.
    fn fail(&mut self, error: TlsError) -> TlsError {
        self.phase = Phase::Failed;
        // rustls looks at no input as long as it has something to say.
        while self.connection.wants_write() {
            let _ = self.step(&mut [], Task::Nothing);
        }
        error
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match self.connection {
            Connection::Edge(_) => "edge",
            Connection::Hub(_) => "hub",
        };
        f.debug_struct("Channel")
            .field("end", &end)
            .field("phase", &self.phase)
            .field("peer_closed", &self.peer_closed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

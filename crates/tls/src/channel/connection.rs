//! One state of rustls after the other: the unbuffered interface of both ends as one.

use rustls::Error;
use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};
use wire::hub::UserKey;

use crate::key;
use crate::record::sealed_len;

pub(super) enum Connection {
    Edge(UnbufferedClientConnection),
    Hub(UnbufferedServerConnection),
}

/// What one call of rustls came to.
pub(super) struct Step {
    /// How many bytes of the input it needs no more.
    pub(super) discard: usize,
    pub(super) next: Result<Next, Error>,
}

#[derive(PartialEq, Eq)]
pub(super) enum Next {
    Again,
    /// Nothing more can be done without more bytes from the other end.
    Wait,
}

/// What is wanted of rustls once it has nothing left to say.
pub(super) enum Task<'a> {
    Nothing,
    Receive(&'a mut dyn FnMut(&[u8])),
    Seal(&'a [u8], &'a mut Vec<u8>),
    Close,
}

impl Connection {
    /// Calls rustls once. `incoming` begins with all that it has not discarded before.
    pub(super) fn step(&mut self, incoming: &mut [u8], at_hand: AtHand<'_>) -> Step {
        match self {
            Self::Edge(edge) => at_hand.handle(edge.process_tls_records(incoming)),
            Self::Hub(hub) => at_hand.handle(hub.process_tls_records(incoming)),
        }
    }

    /// Whether the next step has something to send, and so looks at no input.
    pub(super) fn wants_write(&self) -> bool {
        match self {
            Self::Edge(edge) => edge.wants_write(),
            Self::Hub(hub) => hub.wants_write(),
        }
    }

    pub(super) fn is_handshaking(&self) -> bool {
        match self {
            Self::Edge(edge) => edge.is_handshaking(),
            Self::Hub(hub) => hub.is_handshaking(),
        }
    }

    pub(super) fn alpn(&self) -> Option<&[u8]> {
        match self {
            Self::Edge(edge) => edge.alpn_protocol(),
            Self::Hub(hub) => hub.alpn_protocol(),
        }
    }

    /// The key that the edge showed, not necessarily proved yet.
    pub(super) fn user(&self) -> Option<UserKey> {
        match self {
            Self::Edge(_) => None,
            Self::Hub(hub) => key::user_of_spki(hub.peer_certificates()?.first()?),
        }
    }
}

/// What is needed to handle one state of rustls.
pub(super) struct AtHand<'a> {
    pub(super) outgoing: &'a mut Vec<u8>,
    pub(super) peer_closed: &'a mut bool,
    pub(super) task: Task<'a>,
}

impl AtHand<'_> {
    fn handle<Side>(self, status: UnbufferedStatus<'_, '_, Side>) -> Step {
        Step {
            discard: status.discard,
            next: status.state.and_then(|state| self.handle_state(state)),
        }
    }

    fn handle_state<Side>(self, state: ConnectionState<'_, '_, Side>) -> Result<Next, Error> {
        match state {
            ConnectionState::ReadTraffic(mut traffic) => {
                let Task::Receive(plain) = self.task else {
                    return Err(Error::General("plaintext that nobody asked for".into()));
                };
                while let Some(record) = traffic.next_record() {
                    plain(record?.payload);
                }
                Ok(Next::Again)
            }
            ConnectionState::EncodeTlsData(data) => encode(data, self.outgoing),
            ConnectionState::TransmitTlsData(transmit) => {
                // The caller transmits `outgoing`; nobody waits for that here.
                transmit.done();
                Ok(Next::Again)
            }
            ConnectionState::PeerClosed => {
                *self.peer_closed = true;
                Ok(Next::Again)
            }
            ConnectionState::WriteTraffic(mut traffic) => {
                match self.task {
                    Task::Nothing | Task::Receive(_) => {}
                    Task::Seal(frames, out) => encrypt(&mut traffic, frames, out)?,
                    Task::Close => queue_close(&mut traffic, self.outgoing)?,
                }
                Ok(Next::Wait)
            }
            ConnectionState::BlockedHandshake | ConnectionState::Closed => Ok(Next::Wait),
            state => Err(Error::General(format!("unexpected state {state:?}"))),
        }
    }
}

fn encode<Side>(mut data: EncodeTlsData<'_, Side>, out: &mut Vec<u8>) -> Result<Next, Error> {
    let start = out.len();
    // The first call tells the size, the second does it.
    while let Err(error) = data.encode(&mut out[start..]) {
        match error {
            EncodeError::InsufficientSize(needed) => out.resize(start + needed.required_size, 0),
            error => return Err(Error::General(error.to_string())),
        }
    }
    Ok(Next::Again)
}

fn encrypt<Side>(
    traffic: &mut WriteTraffic<'_, Side>,
    frames: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    append(out, sealed_len(frames.len()), |room| {
        traffic.encrypt(frames, room)
    })
}

fn queue_close<Side>(traffic: &mut WriteTraffic<'_, Side>, out: &mut Vec<u8>) -> Result<(), Error> {
    append(out, 0, |room| traffic.queue_close_notify(room))
}

/// Lets `write` append to `out`, in `guess` bytes if these are enough. It may want more: when a key
/// update (RFC 8446 section 4.6.3) goes first.
fn append(
    out: &mut Vec<u8>,
    guess: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, EncryptError>,
) -> Result<(), Error> {
    let start = out.len();
    out.resize(start + guess, 0);
    loop {
        match write(&mut out[start..]) {
            Ok(written) => {
                out.truncate(start + written);
                return Ok(());
            }
            Err(EncryptError::InsufficientSize(needed)) => {
                out.resize(start + needed.required_size, 0);
            }
            Err(EncryptError::EncryptExhausted) => {
                out.truncate(start);
                return Err(Error::EncryptError);
            }
        }
    }
}

//! Two TLS channels with somebody between them. Keys are always the same; what TLS draws at random
//! is not, so the same input takes the same way and not quite the same bytes.

use std::sync::LazyLock;

use tls::{Channel, EdgeConfig, HubConfig, HubKey, MAX_INCOMING, TlsError, user_key};
use wire::hub::UserSecret;

/// The seed of RFC 8032 section 7.1, test 1.
const HUB_KEY: &[u8] = b"-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
    -----END PRIVATE KEY-----\n";

static CONFIGS: LazyLock<(EdgeConfig, HubConfig)> = LazyLock::new(|| {
    let key = HubKey::from_pem(HUB_KEY).expect("a key");
    let edge = EdgeConfig::new(&key.pin(), &secret());
    (edge, HubConfig::new(&key))
});

fn secret() -> UserSecret {
    UserSecret::from_bytes([7; 32])
}

/// What the genuine end says.
pub const SAID: [&[u8]; 3] = [b"first", &[0x5a; 1000], b"last"];

pub fn edge() -> Channel {
    Channel::edge(&CONFIGS.0).expect("an edge")
}

pub fn hub() -> Channel {
    Channel::hub(&CONFIGS.1).expect("a hub")
}

/// How far the genuine other end goes before the hostile bytes come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// There is none: hostile bytes only.
    Nothing,
    /// Its first flight.
    FirstFlight,
    /// Both ends are established.
    Established,
}

/// What is done to the genuine bytes: every three bytes of `how` are a position and what to do there;
/// 0 cuts, anything else flips bits. Whether that was anything.
pub fn meddle(bytes: &mut Vec<u8>, how: &[u8]) -> bool {
    let before = bytes.clone();
    for edit in how.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]]));
        match edit[2] {
            0 => bytes.truncate(at),
            bits => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= bits;
                }
            }
        }
    }
    *bytes != before
}

/// The end that is attacked, with the buffer that it reads into.
pub struct Victim {
    pub channel: Channel,
    pub records: Vec<Vec<u8>>,
    pub end: Result<(), TlsError>,
    buffer: Vec<u8>,
}

impl Victim {
    pub fn new(channel: Channel) -> Self {
        Self {
            channel,
            records: Vec::new(),
            end: Ok(()),
            buffer: Vec::new(),
        }
    }

    /// Gives it `bytes` in pieces of `piece` bytes (0: all at once), with answers in between, as a
    /// relay would.
    pub fn take(&mut self, bytes: &[u8], piece: u8) {
        let piece = match piece {
            0 => MAX_INCOMING,
            piece => piece.into(),
        };
        for bytes in bytes.chunks(piece) {
            self.take_piece(bytes);
            let _ = self.channel.seal(b"an answer", &mut Vec::new());
        }
        self.channel.close();
        self.channel.outgoing().clear();
        assert_eq!(self.channel.outgoing().capacity(), 0);
    }

    pub fn take_piece(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        let records = &mut self.records;
        let mut plain = |record: &[u8]| records.push(record.to_vec());
        match self.channel.receive(&mut self.buffer, &mut plain) {
            Ok(received) => {
                assert!(self.end.is_ok(), "an error is for ever");
                self.buffer.drain(..received.used);
                assert!(
                    self.buffer.len() < MAX_INCOMING,
                    "it wants to keep too much"
                );
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                assert!(!self.channel.is_established());
                self.end = Err(error);
            }
        }
    }

    /// Nothing came out that was not said, in its order and from the beginning; and if the victim is
    /// the hub, only from the genuine user.
    pub fn check(&self, said: &[&[u8]]) {
        assert!(self.records.len() <= said.len(), "records from nowhere");
        for (record, said) in self.records.iter().zip(said) {
            assert_eq!(record, said);
        }
        if let Some(peer) = self.channel.peer() {
            assert_eq!(peer, user_key(&secret()));
        }
    }
}

/// Carries what both have to say until neither has.
pub fn shake_hands(edge: &mut Channel, hub: &mut Channel) {
    loop {
        let mut to_hub = std::mem::take(edge.outgoing());
        let mut to_edge = std::mem::take(hub.outgoing());
        if to_hub.is_empty() && to_edge.is_empty() {
            break;
        }
        let _ = hub.receive(&mut to_hub, &mut |_| {}).expect("genuine");
        let _ = edge.receive(&mut to_edge, &mut |_| {}).expect("genuine");
    }
    assert!(edge.is_established() && hub.is_established());
}

/// The records of what is said, and close_notify.
pub fn say(from: &mut Channel) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in SAID {
        from.seal(record, &mut bytes).expect("established");
    }
    from.close();
    bytes.append(from.outgoing());
    bytes
}

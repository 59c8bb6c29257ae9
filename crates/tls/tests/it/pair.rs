//! An edge and a hub, joined in memory.

use std::sync::LazyLock;

use tls::{Channel, EdgeConfig, HubConfig, HubKey, TlsError};
use wire::hub::UserSecret;

/// One hub and one user, for all tests: what they share does not change.
pub struct World {
    pub key: HubKey,
    pub secret: UserSecret,
    pub edge: EdgeConfig,
    pub hub: HubConfig,
}

pub static WORLD: LazyLock<World> = LazyLock::new(|| {
    let key = HubKey::generate();
    let secret = tls::generate_secret();
    World {
        edge: EdgeConfig::new(&key.pin(), &secret),
        hub: HubConfig::new(&key),
        key,
        secret,
    }
});

pub struct Pair {
    pub edge: Channel,
    pub hub: Channel,
}

impl Pair {
    pub fn new() -> Self {
        Self::with(&WORLD.edge, &WORLD.hub)
    }

    pub fn with(edge: &EdgeConfig, hub: &HubConfig) -> Self {
        Self {
            edge: Channel::edge(edge).expect("an edge"),
            hub: Channel::hub(hub).expect("a hub"),
        }
    }

    /// A pair with the handshake done.
    pub fn established() -> Self {
        let mut pair = Self::new();
        pair.shake_hands().expect("they know each other");
        assert!(pair.edge.is_established() && pair.hub.is_established());
        pair
    }

    /// Carries bytes to and fro until there are none.
    pub fn shake_hands(&mut self) -> Result<(), TlsError> {
        loop {
            let mut to_hub = std::mem::take(self.edge.outgoing());
            let mut to_edge = std::mem::take(self.hub.outgoing());
            if to_hub.is_empty() && to_edge.is_empty() {
                return Ok(());
            }
            let records = receive(&mut self.edge, &mut to_edge)?;
            assert!(records.is_empty(), "no hub speaks first");
            let records = receive(&mut self.hub, &mut to_hub)?;
            assert!(records.is_empty(), "nothing was sealed yet");
        }
    }
}

/// Gives bytes to a channel that is to make sense of all of them; the records in them.
pub fn receive(channel: &mut Channel, bytes: &mut [u8]) -> Result<Vec<Vec<u8>>, TlsError> {
    let mut records = Vec::new();
    let received = channel.receive(bytes, &mut |record| records.push(record.to_vec()))?;
    assert_eq!(received.used, bytes.len(), "whole records");
    Ok(records)
}

/// The records of `plain`.
pub fn sealed(channel: &mut Channel, plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    channel.seal(plain, &mut out).expect("it is established");
    out
}

/// A receiver with a buffer, as one with a socket has.
#[derive(Default)]
pub struct Inbox {
    buffer: Vec<u8>,
    pub records: Vec<Vec<u8>>,
}

impl Inbox {
    pub fn take(&mut self, channel: &mut Channel, bytes: &[u8]) -> Result<(), TlsError> {
        self.buffer.extend_from_slice(bytes);
        let records = &mut self.records;
        let received = channel.receive(&mut self.buffer, &mut |record| {
            records.push(record.to_vec())
        })?;
        self.buffer.drain(..received.used);
        Ok(())
    }

    pub fn is_waiting(&self) -> bool {
        !self.buffer.is_empty()
    }
}

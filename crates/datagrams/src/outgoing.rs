//! How a user's datagram leaves: whole, in parts, or twice.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn::Connection;
use wire::hub::datagram::{FlowId, MAX_PARTS, ONCE_OVERHEAD, PART_OVERHEAD, Packet};

use crate::session::lock;

/// What a flow may send twice: a call's worth, in bytes per second and at once.
const TWICE_RATE: f64 = 40_000.0;
const TWICE_BURST: f64 = 8_000.0;

/// One direction of a flow, at its sender.
#[derive(Debug)]
pub struct Outgoing {
    flow: FlowId,
    number: AtomicU32,
    allowance: Mutex<Allowance>,
}

/// A bucket of bytes that may be sent twice.
#[derive(Debug)]
struct Allowance {
    bytes: f64,
    at: Instant,
}

/// The connections that are to be sent over.
#[derive(Clone, Debug)]
pub struct Ways {
    /// Over this, always.
    pub first: Connection,
    /// Small, steady flows over this one as well.
    pub second: Option<Connection>,
}

impl Outgoing {
    pub fn new(flow: FlowId) -> Self {
        Self {
            flow,
            number: AtomicU32::new(0),
            allowance: Mutex::new(Allowance {
                bytes: TWICE_BURST,
                at: Instant::now(),
            }),
        }
    }

    /// Sends, or drops: a datagram that waits is worth nothing.
    pub fn send(&self, content: &[u8], ways: &Ways) {
        let flow = self.flow;
        if let Some(second) = &ways.second
            && self.may_send_twice(content.len())
        {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            let packet = Packet::Twice {
                flow,
                number,
                content,
            };
            let packet = Bytes::from(packet.encode());
            put(second, packet.clone());
            return put(&ways.first, packet);
        }
        let most = ways.first.max_datagram_size().unwrap_or(0);
        if content.len() + ONCE_OVERHEAD <= most {
            let packet = Packet::Once { flow, content }.encode();
            return put(&ways.first, packet.into());
        }
        self.send_parts(content, most, &ways.first);
    }

    /// Tells the edge that nobody listens at an address that the flow has sent to.
    pub fn refuse(&self, peer: SocketAddr, ways: &Ways) {
        let flow = self.flow;
        let packet = Packet::Unreachable { flow, peer }.encode();
        put(&ways.first, packet.into());
    }

    fn send_parts(&self, content: &[u8], most: usize, way: &Connection) {
        let Some(room @ 1..) = most.checked_sub(PART_OVERHEAD) else {
            return;
        };
        let parts = content.len().div_ceil(room);
        let Some(last) = u8::try_from(parts - 1).ok().filter(|_| parts <= MAX_PARTS) else {
            tracing::debug!(
                bytes = content.len(),
                "a datagram is too large and was dropped"
            );
            return;
        };
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        for (index, bytes) in (0..=last).zip(content.chunks(room)) {
            let part = Packet::Part {
                flow: self.flow,
                number,
                index,
                last,
                bytes,
            };
            put(way, part.encode().into());
        }
    }

    fn may_send_twice(&self, len: usize) -> bool {
        // More would not fit into one QUIC datagram on every path.
        len <= 1100 && lock(&self.allowance).take(len, Instant::now())
    }
}

impl Allowance {
    fn take(&mut self, len: usize, now: Instant) -> bool {
        let passed = now
            .saturating_duration_since(self.at)
            .min(Duration::from_secs(60));
        self.at = now;
        self.bytes = (self.bytes + passed.as_secs_f64() * TWICE_RATE).min(TWICE_BURST);
        let wanted = len as f64;
        let enough = self.bytes >= wanted;
        if enough {
            self.bytes -= wanted;
        }
        enough
    }
}

/// When there is no room the oldest that waits is dropped. A connection that is over takes nothing, which its
/// own task notices.
fn put(way: &Connection, packet: Bytes) {
    if let Err(error) = way.send_datagram(packet) {
        tracing::trace!("a datagram was dropped: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_sent_twice_and_a_download_is_not() {
        let mut now = Instant::now();
        let mut allowance = Allowance {
            bytes: TWICE_BURST,
            at: now,
        };
        for _ in 0..500 {
            now += Duration::from_millis(20);
            assert!(allowance.take(200, now));
        }
        let mut twice = 0;
        for _ in 0..1000 {
            now += Duration::from_millis(1);
            twice += usize::from(allowance.take(1000, now));
        }
        assert!((40..=50).contains(&twice), "{twice}");
    }
}

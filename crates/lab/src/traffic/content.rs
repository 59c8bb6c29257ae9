//! The bytes that every transfer carries, known at both ends, so that a receiver can check each one.

use std::sync::OnceLock;

/// Length of the repeating block. A prime, so that a byte lost or sent twice, or a segment put in
/// the place of another, shifts the pattern against every segment size and buffer size in use.
const PERIOD: usize = 1_000_003;

/// How much can be handed out in one piece from any offset.
const WINDOW: usize = 256 * 1024;

/// A position in the endless test stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Content {
    offset: u64,
}

impl Content {
    /// The stream from `offset` bytes on.
    pub fn at(offset: u64) -> Self {
        Self { offset }
    }

    /// The next piece to send: at most `limit` bytes, without a copy.
    pub fn peek(&self, limit: u64) -> &'static [u8] {
        let start = (self.offset % PERIOD as u64) as usize;
        let length = WINDOW.min(usize::try_from(limit).unwrap_or(WINDOW));
        &block()[start..start + length]
    }

    /// Moves on by `count` bytes, which were sent.
    pub fn advance(&mut self, count: usize) {
        self.offset += count as u64;
    }

    /// Checks received bytes against the stream and moves on past them.
    pub fn verify(&mut self, mut received: &[u8]) -> bool {
        while !received.is_empty() {
            let expected = self.peek(received.len() as u64);
            let (now, later) = received.split_at(expected.len());
            if now != expected {
                return false;
            }
            self.advance(now.len());
            received = later;
        }
        true
    }
}

fn block() -> &'static [u8] {
    static BLOCK: OnceLock<Vec<u8>> = OnceLock::new();
    BLOCK.get_or_init(|| {
        // xorshift64*: fast, and no two stretches alike. One window more than the period, so that a
        // piece that starts near the end needs no wrap.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut bytes: Vec<u8> = (0..PERIOD)
            .map(|_| {
                state ^= state >> 12;
                state ^= state << 25;
                state ^= state >> 27;
                (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
            })
            .collect();
        bytes.extend_from_within(..WINDOW);
        bytes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(from: u64, length: usize) -> Vec<u8> {
        let mut content = Content::at(from);
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let piece = content.peek((length - bytes.len()) as u64);
            bytes.extend_from_slice(piece);
            content.advance(piece.len());
        }
        bytes
    }

    #[test]
    fn what_one_end_sends_the_other_accepts_in_any_pieces() {
        let bytes = take(0, 3 * PERIOD);
        let mut content = Content::default();
        assert!(bytes.chunks(1427).all(|piece| content.verify(piece)));
    }

    #[test]
    fn a_lost_byte_a_doubled_byte_and_a_swapped_segment_are_noticed() {
        let bytes = take(0, 10_000);
        let mut lost = bytes.clone();
        lost.remove(5_000);
        let mut doubled = bytes.clone();
        doubled.insert(5_000, bytes[5_000]);
        let swapped = [&bytes[1428..2856], &bytes[..1428]].concat();
        for wrong in [lost, doubled, swapped] {
            assert!(!Content::default().verify(&wrong));
        }
    }

    #[test]
    fn a_stream_of_several_gigabytes_does_not_repeat_at_powers_of_two() {
        assert_ne!(take(0, 64), take(1 << 32, 64));
        assert_ne!(take(0, 64), take(1 << 20, 64));
    }
}

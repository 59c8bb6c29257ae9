use std::sync::atomic::{AtomicU64, Ordering};

/// What has passed a link since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// From the access network to the guest.
    pub down: DirectionCounters,
    /// From the guest to the access network.
    pub up: DirectionCounters,
}

/// What has passed one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DirectionCounters {
    /// Frames handed to the receiving interface.
    pub frames: u64,
    /// Their bytes, Ethernet header included, preamble, FCS and gap not.
    pub bytes: u64,
    /// Frames that found the queue full.
    pub dropped_queue: u64,
    /// Frames lost at random, as the profile says.
    pub dropped_loss: u64,
    /// Frames that came while the link was silent.
    pub dropped_silence: u64,
    /// Frames that were queued when the carrier went, or came while it was gone.
    pub dropped_carrier: u64,
    /// Frames that the receiving interface refused, mostly because it was set down.
    pub dropped_receiver: u64,
}

impl DirectionCounters {
    /// Bits that the frames took on the wire: what a rate limits.
    #[must_use]
    pub const fn wire_bits(&self) -> u64 {
        (self.bytes + self.frames * super::WIRE_OVERHEAD) * 8
    }
}

/// The live counters of one direction: written by the link's thread only, read by anyone.
#[derive(Debug, Default)]
pub(super) struct LiveCounters {
    pub(super) frames: Counter,
    pub(super) bytes: Counter,
    pub(super) dropped_queue: Counter,
    pub(super) dropped_loss: Counter,
    pub(super) dropped_silence: Counter,
    pub(super) dropped_carrier: Counter,
    pub(super) dropped_receiver: Counter,
}

impl LiveCounters {
    pub(super) fn read(&self) -> DirectionCounters {
        DirectionCounters {
            frames: self.frames.get(),
            bytes: self.bytes.get(),
            dropped_queue: self.dropped_queue.get(),
            dropped_loss: self.dropped_loss.get(),
            dropped_silence: self.dropped_silence.get(),
            dropped_carrier: self.dropped_carrier.get(),
            dropped_receiver: self.dropped_receiver.get(),
        }
    }
}

/// Relaxed is enough: the numbers belong to no other data.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

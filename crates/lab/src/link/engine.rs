use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Instant;

use super::profile::{Direction, QueueLimit, WIRE_OVERHEAD};
use super::random::Random;

/// A held-back frame is late by the transmission time of this many full frames, so that as many
/// can overtake it on a busy link.
const OVERTAKEN_BY: u64 = 4;

/// A full frame on the wire: MTU 1500, Ethernet header 14, overhead 24.
const FULL_FRAME: u64 = 1538;

/// One direction of a link as a pure queueing model: frames in, frames out, the clock passed in.
///
/// A frame waits until the transmitter is free, occupies it for its length at the link's rate, and
/// is delivered after the delay. The transmitter has a clock of its own that never runs ahead of a
/// frame's arrival, so a caller who comes late gets the frames late but loses no rate.
///
/// `now` must not go backwards between calls.
#[derive(Debug)]
pub struct Engine<F> {
    direction: Direction,
    random: Random,
    waiting: VecDeque<Waiting<F>>,
    waiting_bytes: u64,
    /// When the transmitter has finished with the last frame that left `waiting`.
    free_at: Instant,
    /// No frame that keeps its place is delivered before this.
    last_delivery: Instant,
    in_flight: BinaryHeap<Reverse<InFlight<F>>>,
    next_sequence: u64,
}

/// A frame that has come to the end of the link.
#[derive(Debug, PartialEq, Eq)]
pub struct Departure<F> {
    /// What was given to [`Engine::enqueue`].
    pub frame: F,
    /// Whether it arrives.
    pub fate: Fate,
}

/// Whether a transmitted frame arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Hand it to the receiver.
    Delivered,
    /// It was lost on the way; the sender has paid for it all the same.
    Lost,
}

/// The frame that found no room in the queue.
#[derive(Debug, PartialEq, Eq)]
pub struct QueueFull<F>(pub F);

#[derive(Debug)]
struct Waiting<F> {
    frame: F,
    wire_bytes: u64,
    arrived: Instant,
}

#[derive(Debug)]
struct InFlight<F> {
    due: Instant,
    /// Keeps frames that are due together in order.
    sequence: u64,
    departure: Departure<F>,
}

impl<F> Engine<F> {
    /// An empty link. `seed` decides loss, jitter and reordering.
    #[must_use]
    pub fn new(direction: Direction, seed: u64, now: Instant) -> Self {
        Self {
            direction,
            random: Random::new(seed),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            free_at: now,
            last_delivery: now,
            in_flight: BinaryHeap::new(),
            next_sequence: 0,
        }
    }

    /// Changes the link. Frames whose transmission has begun keep what they were given.
    pub fn set_direction(&mut self, direction: Direction, now: Instant) {
        self.transmit(now);
        self.direction = direction;
    }

    /// Takes a frame of `length` bytes (Ethernet header included, FCS not).
    ///
    /// # Errors
    /// Hands the frame back if the queue has no room for it.
    pub fn enqueue(&mut self, frame: F, length: usize, now: Instant) -> Result<(), QueueFull<F>> {
        self.transmit(now);
        let wire_bytes = length as u64 + WIRE_OVERHEAD;
        if !self.has_room_for(wire_bytes) {
            return Err(QueueFull(frame));
        }
        self.waiting_bytes += wire_bytes;
        self.waiting.push_back(Waiting {
            frame,
            wire_bytes,
            arrived: now,
        });
        self.transmit(now);
        Ok(())
    }

    /// When to call [`Engine::pop_due`] next; `None` while the link is empty. May be a little
    /// earlier than the next departure, never later.
    #[must_use]
    pub fn next_departure(&self) -> Option<Instant> {
        let flying = self.in_flight.peek().map(|Reverse(first)| first.due);
        let waiting = self.waiting.front().map(|first| {
            let transmission = self.direction.rate.time_of(first.wire_bytes);
            let shortest = self.direction.delay.saturating_sub(self.direction.jitter);
            self.free_at.max(first.arrived) + transmission + shortest
        });
        match (flying, waiting) {
            (Some(flying), Some(waiting)) => Some(flying.min(waiting)),
            (flying, waiting) => flying.or(waiting),
        }
    }

    /// The next frame that has come to the end of the link by `now`.
    pub fn pop_due(&mut self, now: Instant) -> Option<Departure<F>> {
        self.transmit(now);
        if self.in_flight.peek()?.0.due > now {
            return None;
        }
        self.in_flight.pop().map(|Reverse(first)| first.departure)
    }

    /// Empties the link at once, as a pulled plug does. The frames come in no particular order.
    pub fn drain(&mut self, now: Instant) -> impl Iterator<Item = F> + '_ {
        self.waiting_bytes = 0;
        self.free_at = now;
        self.last_delivery = now;
        let waiting = self.waiting.drain(..).map(|waiting| waiting.frame);
        let flying = self.in_flight.drain();
        waiting.chain(flying.map(|Reverse(flying)| flying.departure.frame))
    }

    /// Starts every transmission that began by `now`.
    fn transmit(&mut self, now: Instant) {
        while let Some(first) = self.waiting.front() {
            let start = self.free_at.max(first.arrived);
            if start > now {
                return;
            }
            let Some(first) = self.waiting.pop_front() else {
                return;
            };
            self.waiting_bytes -= first.wire_bytes;
            self.free_at = start + self.direction.rate.time_of(first.wire_bytes);
            let (due, fate) = (self.delivery_time(), self.fate());
            self.in_flight.push(Reverse(InFlight {
                due,
                sequence: self.next_sequence,
                departure: Departure {
                    frame: first.frame,
                    fate,
                },
            }));
            self.next_sequence += 1;
        }
    }

    /// When the frame whose transmission ends at `free_at` arrives.
    fn delivery_time(&mut self) -> Instant {
        let jitter = self.direction.jitter;
        let latest = self.direction.delay + jitter;
        let early = jitter.mul_f64(2.0 * self.random.unit());
        let in_order = (self.free_at + latest.saturating_sub(early)).max(self.last_delivery);
        if self.random.unit() < self.direction.reorder.get() {
            return in_order + self.direction.rate.time_of(OVERTAKEN_BY * FULL_FRAME);
        }
        self.last_delivery = in_order;
        in_order
    }

    fn fate(&mut self) -> Fate {
        if self.random.unit() < self.direction.loss.get() {
            Fate::Lost
        } else {
            Fate::Delivered
        }
    }

    fn has_room_for(&self, wire_bytes: u64) -> bool {
        let queued = self.waiting_bytes + wire_bytes;
        self.waiting.is_empty()
            || match self.direction.queue {
                QueueLimit::Bytes(limit) => queued <= limit,
                QueueLimit::Time(limit) => self.direction.rate.time_of(queued) <= limit,
            }
    }
}

impl<F> PartialEq for InFlight<F> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<F> Eq for InFlight<F> {}

impl<F> PartialOrd for InFlight<F> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<F> Ord for InFlight<F> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.sequence).cmp(&(other.due, other.sequence))
    }
}

#[cfg(test)]
mod tests;

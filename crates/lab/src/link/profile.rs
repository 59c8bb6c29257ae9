use std::time::Duration;

/// What each frame costs on an Ethernet wire beside its own bytes: preamble and start delimiter 8,
/// frame check sequence 4, inter-frame gap 12 (IEEE 802.3 clauses 3 and 4).
pub const WIRE_OVERHEAD: u64 = 24;

/// Bytes of user data in a full MPTCP segment with timestamps: 1500 - IPv4 20 - TCP 20
/// - timestamps 12 - DSS 20 (RFC 8684 section 3.3).
const FULL_PAYLOAD: u64 = 1428;

/// What that segment occupies on the wire: 1500 + Ethernet header 14 + [`WIRE_OVERHEAD`].
const FULL_WIRE: u64 = 1538;

/// How an emulated link behaves, seen from the guest.
///
/// As text (`FromStr`, serde): `20mbit,300ms,loss=0.5%`. See [`Profile::from_str`].
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Profile {
    /// From the access network to the guest: downloads.
    pub down: Direction,
    /// From the guest to the access network: uploads.
    pub up: Direction,
    /// Where the random numbers for loss, jitter and reordering start. Two links with one seed and
    /// the same frames lose the same frames.
    pub seed: u64,
}

/// One direction of an emulated link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Direction {
    /// Ethernet wire rate: a frame costs its length and [`WIRE_OVERHEAD`].
    pub rate: Rate,
    /// From the end of the frame's transmission to its delivery.
    pub delay: Duration,
    /// Each frame's delay differs from `delay` by up to this much either way, evenly distributed.
    /// Frames don't overtake each other by jitter.
    pub jitter: Duration,
    /// Share of the frames that are transmitted but not delivered.
    pub loss: Fraction,
    /// Share of the frames that are held back until about four full frames have overtaken them.
    pub reorder: Fraction,
    /// What may wait for transmission before new frames are dropped.
    pub queue: QueueLimit,
}

/// Bits per second, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

/// A probability from 0.0 to 1.0.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Fraction(f64);

/// How much may wait for transmission. One frame always may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueLimit {
    /// Bytes on the wire, [`WIRE_OVERHEAD`] included.
    Bytes(u64),
    /// As much as the direction's rate transmits in this time.
    Time(Duration),
}

impl Profile {
    /// The seed of a profile that names none.
    pub const DEFAULT_SEED: u64 = 1;

    /// The standard fixed line: 35 Mb/s down, 10 up, 15 ms round trip.
    #[must_use]
    pub const fn vdsl() -> Self {
        Self::asymmetric(Rate::mbit(35), Rate::mbit(10), Duration::from_millis(15))
    }

    /// The standard mobile line: 40 Mb/s down, 20 up, 40 ms round trip.
    #[must_use]
    pub const fn lte() -> Self {
        Self::asymmetric(Rate::mbit(40), Rate::mbit(20), Duration::from_millis(40))
    }

    /// The same rate both ways; half of the round trip each way; a queue of 100 ms; no faults.
    #[must_use]
    pub const fn symmetric(rate: Rate, round_trip: Duration) -> Self {
        Self::asymmetric(rate, rate, round_trip)
    }

    /// Half of the round trip each way; a queue of 100 ms; no faults.
    #[must_use]
    pub const fn asymmetric(down: Rate, up: Rate, round_trip: Duration) -> Self {
        let delay = Duration::from_nanos(round_trip.as_nanos() as u64 / 2);
        Self {
            down: Direction::new(down, delay),
            up: Direction::new(up, delay),
            seed: Self::DEFAULT_SEED,
        }
    }

    /// The delays of both directions together. Transmission times come on top.
    #[must_use]
    pub const fn round_trip(&self) -> Duration {
        self.down.delay.saturating_add(self.up.delay)
    }
}

impl QueueLimit {
    /// Room for 100 ms is what home routers and LTE base stations have at least, and enough for a
    /// loss-based congestion control to fill links of up to 300 ms round trip.
    pub const DEFAULT: Self = Self::Time(Duration::from_millis(100));
}

impl Direction {
    /// A direction without jitter, loss and reordering and with a queue of 100 ms.
    #[must_use]
    pub const fn new(rate: Rate, delay: Duration) -> Self {
        Self {
            rate,
            delay,
            jitter: Duration::ZERO,
            loss: Fraction::ZERO,
            reorder: Fraction::ZERO,
            queue: QueueLimit::DEFAULT,
        }
    }

    /// User data in bits per second that full MPTCP segments can carry: rate × 1428 / 1538.
    #[must_use]
    pub const fn payload_capacity(&self) -> Rate {
        Rate::bits_per_second(self.rate.0 * FULL_PAYLOAD / FULL_WIRE)
    }
}

impl Rate {
    /// Zero becomes one: a link that carries nothing is a silent one, see `LinkHandle::silence`.
    #[must_use]
    pub const fn bits_per_second(bits: u64) -> Self {
        Self(if bits == 0 { 1 } else { bits })
    }

    /// Megabits (10⁶ bits) per second.
    #[must_use]
    pub const fn mbit(megabits: u64) -> Self {
        Self::bits_per_second(megabits * 1_000_000)
    }

    /// Bits per second.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// How long a frame of `length` bytes (Ethernet header included, FCS not) occupies the wire.
    #[must_use]
    pub const fn transmission(self, length: usize) -> Duration {
        self.time_of(length as u64 + WIRE_OVERHEAD)
    }

    /// How long `wire_bytes` bytes take. Rounded down to whole nanoseconds.
    pub(super) const fn time_of(self, wire_bytes: u64) -> Duration {
        let nanos = wire_bytes as u128 * 8 * 1_000_000_000 / self.0 as u128;
        Duration::from_nanos(if nanos > u64::MAX as u128 {
            u64::MAX
        } else {
            nanos as u64
        })
    }
}

impl Fraction {
    /// Never.
    pub const ZERO: Self = Self(0.0);

    /// `None` unless 0.0 ≤ `value` ≤ 1.0.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }

    /// From 0.0 to 1.0.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

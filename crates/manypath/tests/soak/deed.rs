//! What one connection does, drawn at random from a seed and known at both ends.

use std::time::Duration;

use lab::traffic::Content;

/// The longest that a connection lies idle. With [`Deed::random`] it is half of it on average.
const LONGEST_PAUSE: u64 = 16_000;

/// Bytes of a [`Deed`] on the wire.
pub const HEADER: usize = 24;

/// One connection's life: half of the bytes each way, a pause, the rest, the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deed {
    pub id: u64,
    /// Bytes from the client to the origin, after the header.
    pub up: u32,
    /// Bytes from the origin to the client.
    pub down: u32,
    /// How long nothing moves in the middle.
    pub pause: Duration,
    pub end: End,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The client ends its direction; the origin answers after that.
    ClientFirst,
    /// The origin ends its direction; the client sends after that.
    OriginFirst,
    /// The client resets the connection after the pause.
    ClientResets,
    /// The origin does.
    OriginResets,
}

impl End {
    const ALL: [Self; 4] = [
        Self::ClientFirst,
        Self::OriginFirst,
        Self::ClientResets,
        Self::OriginResets,
    ];
}

impl Deed {
    /// Small connections are the most frequent, as everywhere. Six of ten come to an orderly end.
    pub fn random(id: u64, random: &mut Random) -> Self {
        let end = match random.below(10) {
            0..4 => End::ClientFirst,
            4..6 => End::OriginFirst,
            6..8 => End::ClientResets,
            _ => End::OriginResets,
        };
        Self {
            id,
            up: random.size(),
            down: random.size(),
            pause: Duration::from_millis(random.below(LONGEST_PAUSE)),
            end,
        }
    }

    /// What the client sends after the header. Each connection has its own, so that bytes of another
    /// one are noticed.
    pub fn content_up(self) -> Content {
        self.content(0)
    }

    /// What the origin sends.
    pub fn content_down(self) -> Content {
        self.content(1)
    }

    /// Begins anywhere in the test stream, as id and direction say.
    fn content(self, direction: u64) -> Content {
        Content::at(Random(2 * self.id + direction).next() >> 24)
    }

    pub fn to_bytes(self) -> [u8; HEADER] {
        let pause = u32::try_from(self.pause.as_millis()).expect("seconds");
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&self.id.to_be_bytes());
        for (place, value) in [self.up, self.down, pause, self.end as u32]
            .iter()
            .enumerate()
        {
            bytes[8 + 4 * place..][..4].copy_from_slice(&value.to_be_bytes());
        }
        bytes
    }

    pub fn from_bytes(bytes: &[u8; HEADER]) -> Self {
        let number = |place: usize| {
            let four = bytes[8 + 4 * place..].first_chunk().expect("four bytes");
            u32::from_be_bytes(*four)
        };
        Self {
            id: u64::from_be_bytes(*bytes.first_chunk().expect("eight bytes")),
            up: number(0),
            down: number(1),
            pause: Duration::from_millis(number(2).into()),
            end: End::ALL[number(3) as usize],
        }
    }
}

/// splitmix64: any seed will do, and the same seed gives the same run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Each power of two up to 64 KiB is as likely as the others. At least 2: there is a byte before
    /// the pause, so that both ends know of each other.
    fn size(&mut self) -> u32 {
        let most = 1 << self.below(17);
        2 + u32::try_from(self.below(most)).expect("64 KiB at most")
    }
}

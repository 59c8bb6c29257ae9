//! Small messages in a steady stream, as calls and games send: how long was the longest silence?

use std::io::{BufRead, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::client::{Client, Error};
use super::origin::Origin;
use super::received::Sink;

/// Bytes of one message.
pub(super) const MESSAGE: usize = 16;

/// When each message arrived.
#[derive(Clone, Debug)]
pub struct Gaps {
    /// Arrival of each message in order.
    pub arrivals: Vec<Instant>,
    /// All were the right ones, in order.
    pub intact: bool,
}

impl Gaps {
    /// The longest time between two arrivals from `since` on.
    pub fn longest_since(&self, since: Instant) -> Duration {
        self.arrivals
            .windows(2)
            .filter(|pair| pair[1] >= since)
            .map(|pair| pair[1] - pair[0])
            .max()
            .unwrap_or_default()
    }
}

/// Asks the origin for `count` messages, one every `every`, and notes their arrivals.
///
/// # Errors
/// [`Error::Broken`] when the stream ends early or pauses longer than the client's limit.
pub fn message_gaps(client: &mut Client, every: Duration, count: u32) -> Result<Gaps, Error> {
    client
        .request(&format!("GET /messages/{}/{count}", every.as_millis()), "")
        .map_err(broken(0))?;
    client.response()?;
    let arrivals = Arrivals::default();
    let mut left = u64::from(count) * MESSAGE as u64;
    while left > 0 {
        let mut reader = client.reader().take(left);
        let piece = reader.fill_buf().map_err(broken(left))?;
        if piece.is_empty() {
            return Err(broken(left)(std::io::ErrorKind::UnexpectedEof.into()));
        }
        arrivals.take(piece);
        let length = piece.len();
        reader.consume(length);
        left -= length as u64;
    }
    Ok(arrivals.gaps())
}

/// Sends the origin `count` messages, one every `every`. Their arrivals are those at the origin, which
/// runs in this process.
///
/// # Errors
/// [`Error::Broken`] when the connection breaks, or the origin does not get the last message within the
/// client's limit.
pub fn message_gaps_up(
    client: &mut Client,
    origin: &Origin,
    every: Duration,
    count: u32,
) -> Result<Gaps, Error> {
    let arrivals = Arc::new(Arrivals::default());
    let id = origin.expect(Arc::clone(&arrivals) as Arc<dyn Sink>);
    let length = u64::from(count) * MESSAGE as u64;
    let header = format!("Content-Length: {length}\r\n");
    client
        .request(&format!("PUT /flow/{id}"), &header)
        .map_err(broken(0))?;
    let start = Instant::now();
    for number in 0..count {
        // A schedule, not a pause after each: a slow write must not thin the stream out.
        std::thread::sleep((start + every * number).saturating_duration_since(Instant::now()));
        client
            .socket()
            .write_all(&message(number))
            .map_err(broken(u64::from(number) * MESSAGE as u64))?;
    }
    // The origin answers when it has the last one.
    client.response()?;
    Ok(arrivals.gaps())
}

/// The message of that number.
pub(super) fn message(number: u32) -> [u8; MESSAGE] {
    let mut message = [0; MESSAGE];
    message[..4].copy_from_slice(&number.to_be_bytes());
    message
}

fn broken(bytes: u64) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Broken {
        phase: "messages",
        bytes,
        source,
    }
}

/// Notes messages that come in pieces of any size.
#[derive(Debug)]
struct Arrivals(Mutex<SoFar>);

#[derive(Debug)]
struct SoFar {
    gaps: Gaps,
    /// The beginning of the message that comes next.
    begun: Vec<u8>,
}

impl Arrivals {
    fn gaps(&self) -> Gaps {
        self.lock().gaps.clone()
    }

    /// A `SoFar` is whole at every moment, so a panic elsewhere leaves nothing to fear.
    fn lock(&self) -> MutexGuard<'_, SoFar> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Arrivals {
    fn default() -> Self {
        Self(Mutex::new(SoFar {
            gaps: Gaps {
                arrivals: Vec::new(),
                intact: true,
            },
            begun: Vec::new(),
        }))
    }
}

impl Sink for Arrivals {
    fn take(&self, piece: &[u8]) {
        let now = Instant::now();
        let mut so_far = self.lock();
        let SoFar { gaps, begun } = &mut *so_far;
        begun.extend_from_slice(piece);
        let whole = begun.len() / MESSAGE * MESSAGE;
        for came in begun.drain(..whole).as_slice().chunks(MESSAGE) {
            let number = gaps.arrivals.len() as u32;
            gaps.intact &= came == message(number);
            gaps.arrivals.push(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pieces: &[&[u8]]) -> Gaps {
        let arrivals = Arrivals::default();
        pieces.iter().for_each(|piece| arrivals.take(piece));
        arrivals.gaps()
    }

    #[test]
    fn messages_are_put_together_from_pieces() {
        let bytes = [message(0), message(1), message(2)].concat();
        let gaps = taken(&[&bytes[..5], &bytes[5..40], &bytes[40..]]);
        assert!(gaps.intact);
        assert_eq!(gaps.arrivals.len(), 3);
        assert!(gaps.arrivals[0] == gaps.arrivals[1] && gaps.arrivals[1] < gaps.arrivals[2]);
    }

    #[test]
    fn a_lost_one_a_doubled_one_and_a_wrong_byte_are_noticed() {
        let mut wrong = message(1);
        wrong[15] = 1;
        for second in [message(0), message(2), wrong] {
            assert!(!taken(&[&message(0), &second]).intact);
        }
    }

    #[test]
    fn the_gap_that_began_before_counts_and_earlier_ones_do_not() {
        let start = Instant::now();
        let gaps = Gaps {
            arrivals: [0, 500, 510, 540, 550]
                .map(|at| start + Duration::from_millis(at))
                .to_vec(),
            intact: true,
        };
        let since = start + Duration::from_millis(520);
        assert_eq!(gaps.longest_since(since), Duration::from_millis(30));
    }
}

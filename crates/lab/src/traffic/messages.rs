//! Small messages in a steady stream, as calls and games send: how long was the longest silence?

use std::io::Read;
use std::time::Duration;
use std::time::Instant;

use super::client::Client;
use super::client::Error;
use super::origin::MESSAGE;

/// When each message arrived.
#[derive(Clone, Debug)]
pub struct Gaps {
    /// Arrival of each message in order.
    pub arrivals: Vec<Instant>,
    /// All came, in order.
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
    let broken = |source| Error::Broken {
        phase: "messages",
        bytes: 0,
        source,
    };
    client
        .request(&format!("GET /messages/{}/{count}", every.as_millis()), "")
        .map_err(broken)?;
    client.response()?;
    let mut gaps = Gaps {
        arrivals: Vec::with_capacity(count as usize),
        intact: true,
    };
    for number in 0..count {
        let mut message = [0; MESSAGE];
        client.reader().read_exact(&mut message).map_err(broken)?;
        gaps.arrivals.push(Instant::now());
        gaps.intact &= message[..4] == number.to_be_bytes();
    }
    Ok(gaps)
}

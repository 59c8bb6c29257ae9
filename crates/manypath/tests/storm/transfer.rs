//! What programs do meanwhile.

use std::time::{Duration, Instant};

use fastrand::Rng;
use lab::rig::Rig;
use lab::traffic::Direction;

/// How long a program waits for its next byte. What it has sent goes into buffers first, so an upload
/// waits for the answer for almost all of its time.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection, which carries so many bytes. It begins so long after the storm, or when the one
/// before it in its lane has ended.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    direction: Direction,
    bytes: u64,
    begin: Duration,
}

impl Transfer {
    /// Fifty in four lanes: long ones each way, so that some last at every moment, and small ones.
    pub fn lanes(seed: u64) -> [Vec<Self>; 4] {
        let mut random = Rng::with_seed(!seed);
        let long = |direction, bytes| {
            let begin = |number: u64| Duration::from_secs(11 * number);
            let transfer = |number| Self {
                direction,
                bytes,
                begin: begin(number),
            };
            (0..3).map(transfer).collect()
        };
        let mut small = |direction| {
            let transfer = |number: u64| Self {
                direction,
                // Each power of two from 1 KiB to 1 MiB is as likely as the others.
                bytes: 1 << random.u32(10..=20),
                begin: Duration::from_millis(1_500 * number),
            };
            (0..22).map(transfer).collect()
        };
        [
            long(Direction::Down, 25_000_000),
            long(Direction::Up, 5_000_000),
            small(Direction::Down),
            small(Direction::Up),
        ]
    }

    fn run(self, rig: &Rig) -> Result<(), String> {
        let mut client = rig.connect(PATIENCE).map_err(|error| chain(&error))?;
        let transfer = match self.direction {
            Direction::Down => client.download(self.bytes, |_| {}),
            Direction::Up => client.upload(self.bytes, |_| {}),
        };
        match transfer {
            Ok(transfer) if transfer.intact && transfer.bytes == self.bytes => Ok(()),
            Ok(transfer) => Err(format!("{} bytes came, or wrong ones", transfer.bytes)),
            Err(error) => Err(chain(&error)),
        }
    }
}

/// One after another. Returns what failed and why.
pub fn run(rig: &Rig, lane: &[Transfer]) -> Vec<String> {
    let start = Instant::now();
    let mut failures = Vec::new();
    for transfer in lane {
        std::thread::sleep(transfer.begin.saturating_sub(start.elapsed()));
        let begun = start.elapsed();
        if let Err(reason) = transfer.run(rig) {
            let ended = start.elapsed();
            failures.push(format!(
                "{begun:.1?} to {ended:.1?}: {transfer:?}: {reason}"
            ));
        }
    }
    failures
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

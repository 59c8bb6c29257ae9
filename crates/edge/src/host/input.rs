//! Standard input.

use std::io::{self, Read};
use std::thread;

use channel::{Lines, ToEdge};
use tokio::sync::mpsc;

use super::HostError;

/// Messages from the host. A thread reads them, because a pipe may be one that can only be waited for.
#[derive(Debug)]
pub struct Input {
    pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
    lines: Lines<ToEdge>,
}

impl Input {
    /// Begins to read.
    pub fn start() -> Self {
        let (sender, pieces) = mpsc::channel(1);
        thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            loop {
                let piece = match io::stdin().read(&mut buffer) {
                    Ok(0) => return,
                    Ok(length) => Ok(buffer[..length].to_vec()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let has_failed = piece.is_err();
                if sender.blocking_send(piece).is_err() || has_failed {
                    return;
                }
            }
        });
        Self {
            pieces,
            lines: Lines::default(),
        }
    }

    /// The next message; `None` when the host has gone. May be cancelled at any time.
    pub async fn next(&mut self) -> Result<Option<ToEdge>, HostError> {
        loop {
            if let Some(message) = self.lines.take()? {
                return Ok(Some(message));
            }
            match self.pieces.recv().await {
                Some(piece) => self.lines.push(&piece.map_err(HostError::Input)?),
                None => return Ok(None),
            }
        }
    }
}

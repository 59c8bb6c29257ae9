//! What a receiver has got of an endless stream, for whoever looks while more comes.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::content::Content;
use super::series::Series;

/// Who takes the body of a request in.
pub(super) trait Sink: fmt::Debug + Send + Sync {
    /// The next bytes have come.
    fn take(&self, piece: &[u8]);
}

/// Written by the receiver, read by the measurement.
#[derive(Debug)]
pub(super) struct Received {
    compare: bool,
    so_far: Mutex<SoFar>,
}

#[derive(Debug)]
struct SoFar {
    series: Series,
    content: Content,
    intact: bool,
}

impl Received {
    /// Nothing yet. Times are told since `since`.
    pub(super) fn new(since: Instant, compare: bool) -> Self {
        Self {
            compare,
            so_far: Mutex::new(SoFar {
                series: Series::new(since),
                content: Content::default(),
                intact: true,
            }),
        }
    }

    /// Payload by time.
    pub(super) fn series(&self) -> Series {
        self.lock().series.clone()
    }

    /// Every byte was the right one, as far as they were compared.
    pub(super) fn is_intact(&self) -> bool {
        self.lock().intact
    }

    /// A `SoFar` is whole at every moment, so a panic elsewhere leaves nothing to fear.
    fn lock(&self) -> MutexGuard<'_, SoFar> {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Received {
    fn take(&self, piece: &[u8]) {
        let now = Instant::now();
        let mut so_far = self.lock();
        so_far.series.add(now, piece.len() as u64);
        if self.compare {
            so_far.intact &= so_far.content.verify(piece);
        }
    }
}

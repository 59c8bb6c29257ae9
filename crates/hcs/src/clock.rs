//! Time for what is tried again.

use std::thread;
use std::time::{Duration, Instant};

/// What repeated attempts are timed by.
pub trait Clock: Send + Sync {
    /// The time.
    fn now(&self) -> Instant;
    /// Lets time go by.
    fn sleep(&self, time: Duration);
}

/// The system's.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, time: Duration) {
        thread::sleep(time);
    }
}

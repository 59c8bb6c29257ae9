//! The moment for which something small waits ([`crate::Scatter`]).

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Enough for what a program writes in two calls, one after the other. Tokio's timers know milliseconds, which would
/// be too much: over six connections 100 objects of 20 kB then took 580 ms, and not 540.
const MOMENT: Duration = Duration::from_micros(200);

/// Lets 200 µs pass, for the rest of something to come; none if no file descriptor is left for a timer.
pub async fn gather() {
    if let Ok(timer) = timer(MOMENT) {
        let _expired = timer.readable().await;
    }
}

fn timer(span: Duration) -> io::Result<AsyncFd<OwnedFd>> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
    let once = Itimerspec {
        it_interval: Timespec::default(),
        it_value: Timespec {
            tv_sec: span.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: span.subsec_nanos().into(),
        },
    };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once)?;
    register(timer)
}

#[expect(
    unsafe_code,
    reason = "tokio has no safe way to watch a foreign file descriptor"
)]
fn register(timer: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` owns its descriptor, never changes it and closes it on drop.
    unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) }.map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_moment_passes() {
        let began = Instant::now();
        gather().await;
        assert!(began.elapsed() >= MOMENT);
    }
}

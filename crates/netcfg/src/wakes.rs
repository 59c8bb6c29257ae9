//! Notices that this machine, or the one that it is a guest of, has slept: the world's clock has gone on, and
//! this machine's has not.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The wall clock may be corrected by less than this without a sleep.
const LEAST: Duration = Duration::from_secs(10);

/// A time that never comes, in seconds since 1970.
const NEVER: i64 = 1 << 40;

/// Watches the wall clock (`CLOCK_REALTIME`). After a sleep of the machine's own the kernel sets it; in a VM whose
/// host has slept, whoever keeps its time does (Hyper-V's time synchronisation, `drivers/hv/hv_util.c`).
/// `CLOCK_MONOTONIC`, by which everything else here goes, knows of neither.
#[derive(Debug)]
pub struct Wakes {
    timer: AsyncFd<OwnedFd>,
    /// The wall clock without the time that this machine was awake, in nanoseconds.
    offset: i128,
}

impl Wakes {
    /// Begins to watch. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// When the kernel gives no timer.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
        arm(&timer)?;
        Ok(Self {
            timer: register(timer)?,
            offset: offset(),
        })
    }

    /// Waits until the wall clock is set ahead by 10 s or more. Returns by how much. May be cancelled at any
    /// time.
    ///
    /// # Errors
    /// When the kernel refuses the timer.
    pub async fn next(&mut self) -> io::Result<Duration> {
        loop {
            // ECANCELED: the clock was set (timerfd_create(2), Linux 3.0).
            let set = |timer: &OwnedFd| match rustix::io::read(timer, &mut [0; 8]) {
                Err(rustix::io::Errno::CANCELED) | Ok(_) => Ok(()),
                Err(error) => Err(io::Error::from(error)),
            };
            self.timer.async_io(Interest::READABLE, set).await?;
            arm(self.timer.get_ref())?;
            let slept = ahead(std::mem::replace(&mut self.offset, offset()), self.offset);
            if slept >= LEAST {
                return Ok(slept);
            }
        }
    }
}

#[expect(
    unsafe_code,
    reason = "tokio has no safe way to watch a foreign file descriptor"
)]
fn register(timer: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` owns its descriptor, never changes it and closes it on drop.
    unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) }.map_err(io::Error::from)
}

fn arm(timer: &OwnedFd) -> io::Result<()> {
    let time = |seconds| Timespec {
        tv_sec: seconds,
        tv_nsec: 0,
    };
    let never = Itimerspec {
        it_interval: time(0),
        it_value: time(NEVER),
    };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    timerfd_settime(timer, flags, &never)?;
    Ok(())
}

fn offset() -> i128 {
    let nanoseconds = |clock| {
        let time = clock_gettime(clock);
        i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
    };
    nanoseconds(ClockId::Realtime) - nanoseconds(ClockId::Monotonic)
}

/// Zero where the clock was set back.
fn ahead(before: i128, now: i128) -> Duration {
    Duration::from_nanos(u64::try_from(now - before).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    // That a clock is set can be tried in a VM only: `manypath`, tests/vm.
    #[tokio::test]
    async fn time_that_passes_is_no_sleep() {
        let mut wakes = Wakes::new().unwrap();
        let waited = tokio::time::timeout(Duration::from_millis(50), wakes.next()).await;
        assert!(waited.is_err());
        assert!(ahead(wakes.offset, offset()) < LEAST);
    }

    #[test]
    fn a_clock_that_is_set_back_is_no_sleep() {
        assert_eq!(ahead(5_000_000_000, 2_000_000_000), Duration::ZERO);
        assert_eq!(ahead(-1, 59_999_999_999), Duration::from_secs(60));
    }
}

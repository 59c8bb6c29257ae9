use std::time::{Duration, Instant};

use super::{Failed, Fault, carried};
use crate::link::LinkHandle;
use crate::traffic::{Direction, Flow};

/// Both links are in full use after this time.
const WARM_UP: Duration = Duration::from_millis(2500);

/// How long a link stays away.
const AWAY: Duration = Duration::from_secs(3);

/// Enough bytes to be the transfer's, and not those of DHCP and ARP.
pub(crate) const CARRIES: u64 = 100_000;

/// Who has not returned by then never does.
pub(crate) const LONGEST_RETURN: Duration = Duration::from_secs(20);

/// A transfer whose link fails.
pub(crate) struct Bulk<'a> {
    flow: Flow,
    direction: Direction,
    failing: &'a LinkHandle,
    /// When it failed and was mended.
    away: (Instant, Instant),
}

impl<'a> Bulk<'a> {
    /// Warms up, for `phase` longer than needed, and lets the link fail and come back.
    pub(crate) fn run(
        flow: Flow,
        direction: Direction,
        failing: &'a LinkHandle,
        fault: Fault,
        phase: Duration,
    ) -> anyhow::Result<Self> {
        let before = carried(failing, direction);
        std::thread::sleep(WARM_UP + phase);
        anyhow::ensure!(
            carried(failing, direction) - before > CARRIES,
            "the link that was to fail carried nothing before"
        );
        let at = Instant::now();
        let failed = Failed::new(failing, fault)?;
        std::thread::sleep(AWAY);
        let until = Instant::now();
        drop(failed);
        Ok(Self {
            flow,
            direction,
            failing,
            away: (at, until),
        })
    }

    /// From its return until the link has carried [`CARRIES`] bytes, at most [`LONGEST_RETURN`]. Call
    /// it at once.
    pub(crate) fn return_after(&self) -> Duration {
        wait_for_return(self.failing, self.direction).unwrap_or(LONGEST_RETURN)
    }

    /// Ends the transfer. How long the receiver got less than half of the other link's rate while the
    /// one was away.
    pub(crate) fn finish(self, other: &LinkHandle) -> anyhow::Result<Duration> {
        let series = self.flow.finish()?;
        let profile = other.profile();
        let rate = match self.direction {
            Direction::Down => profile.down.rate,
            Direction::Up => profile.up.rate,
        };
        let (at, until) = self.away;
        Ok(series.time_below(rate.get() as f64 / 2.0, at, until))
    }
}

/// How long it takes until the link has carried [`CARRIES`] bytes more.
pub(crate) fn wait_for_return(link: &LinkHandle, direction: Direction) -> Option<Duration> {
    let (start, before) = (Instant::now(), carried(link, direction));
    while start.elapsed() < LONGEST_RETURN {
        if carried(link, direction) - before >= CARRIES {
            return Some(start.elapsed());
        }
        // Counters have no event.
        std::thread::sleep(Duration::from_millis(2));
    }
    None
}

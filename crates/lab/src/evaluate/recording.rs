//! What each link carries while something is done, and the fault meanwhile.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::link::{LinkHandle, LinkMeter};
use crate::traffic::{Direction, Series};

use super::site::{NamedLink, StandardLink};

/// What was recorded.
#[derive(Debug, Clone)]
pub(super) struct Recording {
    pub(super) start: Instant,
    pub(super) length: Duration,
    pub(super) links: Vec<LinkRecording>,
    /// From when until when, since the start, the first link was away.
    pub(super) fault: Option<(Duration, Duration)>,
}

/// What one link carried, on the wire.
#[derive(Debug, Clone)]
pub(super) struct LinkRecording {
    pub(super) link: StandardLink,
    meter: LinkMeter,
}

/// When the first link is pulled and comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FaultPlan {
    pub(super) after: Duration,
    pub(super) away: Duration,
}

impl FaultPlan {
    pub(super) const fn new(quick: bool) -> Self {
        let (after, away) = if quick { (1500, 1000) } else { (4000, 5000) };
        Self {
            after: Duration::from_millis(after),
            away: Duration::from_millis(away),
        }
    }

    /// When the link is back.
    pub(super) fn end(self) -> Duration {
        self.after + self.away
    }
}

impl LinkRecording {
    pub(super) fn series(&self, direction: Direction) -> &Series {
        match direction {
            Direction::Down => &self.meter.down,
            Direction::Up => &self.meter.up,
        }
    }

    /// Bytes on the wire altogether.
    pub(super) fn carried(&self, direction: Direction) -> u64 {
        self.series(direction).bytes().iter().sum()
    }
}

impl Recording {
    /// Records until the other end of `done` is dropped. The link is mended in any case.
    pub(super) fn make(
        links: &[NamedLink],
        fault: Option<FaultPlan>,
        done: &Receiver<()>,
    ) -> anyhow::Result<Self> {
        let start = Instant::now();
        let recording = |link: &NamedLink| LinkRecording {
            link: link.link,
            meter: LinkMeter::new(&link.control, start),
        };
        let mut recordings: Vec<_> = links.iter().map(recording).collect();
        let mut read = || {
            let now = Instant::now();
            for (recording, link) in recordings.iter_mut().zip(links) {
                recording.meter.read(&link.control, now);
            }
        };
        let mut pulled = Pulled {
            link: &links[0].control,
            at: None,
            back: None,
        };
        for tick in 1.. {
            let next = start + Series::EVERY * tick;
            let rest = next.saturating_duration_since(Instant::now());
            if done.recv_timeout(rest) == Err(RecvTimeoutError::Disconnected) {
                break;
            }
            read();
            if let Some(plan) = fault {
                pulled.follow(plan, start)?;
            }
        }
        read();
        let length = start.elapsed();
        let fault = pulled.at.map(|at| (at, pulled.back.unwrap_or(length)));
        Ok(Self {
            start,
            length,
            links: recordings,
            fault,
        })
    }

    /// How long the links together carried less than half of what the second one can, while the first
    /// one was away.
    pub(super) fn standstill(&self, direction: Direction) -> Option<Duration> {
        let (at, back) = self.fault?;
        let mut all = Series::new(self.start);
        for link in &self.links {
            for (interval, bytes) in (0..).zip(link.series(direction).bytes()) {
                all.add(self.start + Series::EVERY * interval, *bytes);
            }
        }
        let profile = StandardLink::Lte.profile();
        let rate = match direction {
            Direction::Down => profile.down.rate,
            Direction::Up => profile.up.rate,
        };
        let limit = rate.get() as f64 / 2.0;
        Some(all.time_below(limit, self.start + at, self.start + back))
    }
}

/// A link that is away for a while. Dropping it mends the link, also after an error.
struct Pulled<'a> {
    link: &'a LinkHandle,
    at: Option<Duration>,
    back: Option<Duration>,
}

impl Pulled<'_> {
    fn follow(&mut self, plan: FaultPlan, start: Instant) -> anyhow::Result<()> {
        let now = start.elapsed();
        if self.at.is_none() && now >= plan.after {
            self.link.carrier(false)?;
            self.at = Some(now);
        } else if self.at.is_some() && self.back.is_none() && now >= plan.end() {
            self.link.carrier(true)?;
            self.back = Some(now);
        }
        Ok(())
    }
}

impl Drop for Pulled<'_> {
    fn drop(&mut self) {
        if self.at.is_some() && self.back.is_none() {
            // What comes after finds it out: the link carries nothing.
            let _ = self.link.carrier(true);
        }
    }
}

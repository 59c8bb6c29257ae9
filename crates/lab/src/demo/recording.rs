//! One download with what came over each link meanwhile.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use super::{DemoError, Event, NAMES, PATIENCE};
use crate::link::LinkMeter;
use crate::rig::Rig;
use crate::topology::{Node, Uplink};
use crate::traffic::{self, Series, Transfer, Via};

/// How often the observer hears: a terminal shows no more.
const REPORT_EVERY: u32 = 10;
/// Live throughput is over this many intervals: 300 ms.
const LIVE: usize = 30;

/// The demo's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Plain TCP over the first link.
    Alone,
    /// Through Manypath over both links.
    Both,
    /// The same; the first link is pulled and plugged in again.
    Pulled,
}

impl Phase {
    /// A heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Alone => "One link, plain TCP",
            Self::Both => "Both links, through Manypath",
            Self::Pulled => "A link is pulled during a download",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alone => "over one link",
            Self::Both => "over both links",
            Self::Pulled => "with the pulled link",
        })
    }
}

/// Something that was done to a link during a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// When it was about to be done.
    pub at: Instant,
    /// The link's name.
    pub link: &'static str,
    /// Plugged in, or pulled.
    pub plugged_in: bool,
}

/// A finished download.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Which.
    pub phase: Phase,
    /// What the program got.
    pub transfer: Transfer,
    /// What came over each link towards the guest, in wire bytes; of the links in their order.
    pub links: Vec<Series>,
    /// What was done to the links, in order.
    pub marks: Vec<Mark>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    Pull(Uplink),
    PlugIn(Uplink),
}

/// A download that is to be made.
#[derive(Debug)]
pub(super) struct Download {
    pub(super) phase: Phase,
    /// Where the program runs.
    pub(super) node: Node,
    pub(super) bytes: u64,
    /// When to do something, since the start.
    pub(super) actions: Vec<(Duration, Action)>,
}

impl Download {
    pub(super) fn record(
        &self,
        rig: &Rig,
        observe: &mut impl FnMut(Event<'_>),
    ) -> Result<Recording, DemoError> {
        let received = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let program = std::thread::Builder::new()
                .name("download".into())
                .spawn_scoped(scope, || self.download(rig, &received))
                .map_err(DemoError::Thread)?;
            let mut meter = Meter::new(rig);
            let marks = self.watch(rig, &program, &mut meter, |meter| {
                let links = meter.live(rig);
                let received = received.load(Ordering::Relaxed);
                observe(Event::Goes {
                    received,
                    total: self.bytes,
                    links: &links,
                });
            })?;
            let transfer = program
                .join()
                .unwrap_or_else(|cause| std::panic::resume_unwind(cause))
                .map_err(|source| self.broken(rig, source))?;
            Ok(Recording {
                phase: self.phase,
                transfer,
                links: meter.links.into_iter().map(|link| link.down).collect(),
                marks,
            })
        })
    }

    fn download(&self, rig: &Rig, received: &AtomicU64) -> Result<Transfer, traffic::Error> {
        let mut client = rig.connect_from(self.node, Via::Direct, PATIENCE)?;
        client.download(self.bytes, |bytes| {
            received.fetch_add(bytes, Ordering::Relaxed);
        })
    }

    /// Reads the meter in every interval and does what is to be done, until the program has ended.
    fn watch<T>(
        &self,
        rig: &Rig,
        program: &ScopedJoinHandle<'_, T>,
        meter: &mut Meter,
        mut observe: impl FnMut(&Meter),
    ) -> Result<Vec<Mark>, DemoError> {
        let mut marks = Vec::new();
        let mut actions = self.actions.iter().peekable();
        for tick in 1.. {
            let next = meter.start + Series::EVERY * tick;
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            meter.read(rig);
            if let Some((_, action)) = actions.next_if(|(at, _)| meter.start.elapsed() >= *at) {
                marks.push(action.perform(rig)?);
            }
            if tick % REPORT_EVERY == 0 {
                observe(meter);
            }
            if program.is_finished() {
                break;
            }
        }
        Ok(marks)
    }

    fn broken(&self, rig: &Rig, source: traffic::Error) -> DemoError {
        let status = rig.edge_status().map(|status| format!("{status:#}"));
        DemoError::Download {
            phase: self.phase,
            status: status.unwrap_or_else(|error| error.to_string()),
            source,
        }
    }
}

impl Action {
    fn perform(self, rig: &Rig) -> Result<Mark, DemoError> {
        let (uplink, plugged_in) = match self {
            Self::Pull(uplink) => (uplink, false),
            Self::PlugIn(uplink) => (uplink, true),
        };
        let at = Instant::now();
        rig.lab().link(uplink).carrier(plugged_in)?;
        Ok(Mark {
            at,
            link: NAMES[uplink.position()],
            plugged_in,
        })
    }
}

/// Reads the links' counters.
struct Meter {
    start: Instant,
    links: Vec<LinkMeter>,
}

impl Meter {
    fn new(rig: &Rig) -> Self {
        let start = Instant::now();
        let uplinks = rig.lab().uplinks();
        let links = uplinks.map(|uplink| LinkMeter::new(rig.lab().link(uplink), start));
        Self {
            start,
            links: links.collect(),
        }
    }

    fn read(&mut self, rig: &Rig) {
        let now = Instant::now();
        for (meter, uplink) in self.links.iter_mut().zip(rig.lab().uplinks()) {
            meter.read(rig.lab().link(uplink), now);
        }
    }

    fn live(&self, rig: &Rig) -> Vec<(&'static str, Option<f64>)> {
        let plugged = rig
            .lab()
            .uplinks()
            .map(|uplink| rig.lab().link(uplink).has_carrier());
        let rates = self.links.iter().map(|link| link.down.latest(LIVE));
        let live = NAMES.into_iter().zip(plugged.zip(rates));
        live.map(|(name, (plugged, rate))| (name, plugged.then_some(rate)))
            .collect()
    }
}

//! Recognises a path that makes the sum slower than the others alone.
//!
//! Whoever waits for what was lost on a slow path gets nothing meanwhile, so two paths may carry less than
//! the better one. No single figure of the kernel's tells (a long round trip or losses may do no harm), but
//! this does: for seconds, bulk data comes more slowly than a single path has carried before. Then the suspect
//! is left out for two seconds, taken in again for two, and left out for longer if the sum was clearly better
//! without it. It is tried again after a while, each time in vain after twice as long: a try costs two
//! seconds of what the path makes the sum slower, or faster.
//!
//! One that is far slower than the best, and of which nobody knows what it can carry, is left out from the
//! beginning: short transfers would wait for it. When bulk data has moved for ten seconds, it is taken in until it
//! has found out what it can carry and, if that is not little, five seconds more, and stays if the sum is clearly better
//! with it.
//! Short transfers would wait for it all the same (100 KB over 35 Mbit/s, 15 ms take 42 ms, and with 20 Mbit/s, 300 ms
//! beside it 440 ms), and the first seconds of longer ones may be slower (an upload over 20 Mbit/s, 300 ms, 2 % loss made
//! 0.72 of the better one for four seconds, and 1.35 from then on). So it is left out again as soon as less moves than
//! the quickest path can carry by half, and taken in as before, but without a trial.
//!
//! One that is far slower than the best and adds little to it is left out without a trial: in the emulator,
//! 5 Mbit/s with 300 ms beside 35 Mbit/s with 15 ms made between 0.6 and 1.17 of the better one, as losses and
//! queues would have it. What it could add is not worth that, nor the second half of a trial. Nor is it taken in before
//! nobody knows any more what it can carry.

mod judge;
mod phase;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::PathId;
use crate::reason::{Cost, Drag};
use phase::Phase;

/// Rates are taken over this time.
const BIN: Duration = Duration::from_secs(1);

/// A far slower path is not needed any more after so many bins: one alone may be between two transfers.
const QUIET_BINS: u32 = 2;

/// The sum is better without the suspect from eleven tenths on.
const CLEARLY: f64 = 1.1;

/// What a path has carried is forgotten by half in so long: radio paths change.
const FORGET_HALF: f64 = 300.0;

/// How long a path is left out at first, and at most; a trial in vain is repeated after as long.
const FIRST_LEAVE: Duration = Duration::from_secs(60);
const LONGEST_LEAVE: Duration = Duration::from_secs(960);

/// One that is far slower and adds little is left out for so long at first: a trial of it costs more than it could add
/// in a minute.
const LEAVE_OF_LITTLE: Duration = Duration::from_secs(240);

/// One path as it is when a bin ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) id: PathId,
    /// It is used, or would be but for what is decided here.
    pub(crate) fit: bool,
    /// How long answers take.
    pub(crate) round_trip: Duration,
    /// How long the quickest has taken, once there were enough: data that waits for its turn does not count.
    pub(crate) least: Option<Duration>,
}

/// Watches what comes through.
#[derive(Clone, Debug)]
pub(crate) struct Drags {
    bin: Bin,
    began: Instant,
    last: Bin,
    /// For so many bins none was needed beside the quickest path.
    quiet: u32,
    /// The most that each path has carried in a bin.
    best: BTreeMap<PathId, f64>,
    /// Those far slower ones that have had their chance.
    known: BTreeSet<PathId>,
    phase: Phase,
    leave: Duration,
}

/// Bytes of one span of time.
#[derive(Clone, Debug, Default)]
struct Bin {
    through: u64,
    by: BTreeMap<PathId, u64>,
    sent: BTreeMap<PathId, (u64, u64)>,
}

impl Drags {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            bin: Bin::default(),
            began: now,
            last: Bin::default(),
            quiet: 0,
            best: BTreeMap::new(),
            known: BTreeSet::new(),
            phase: Phase::watching(now),
            leave: FIRST_LEAVE,
        }
    }

    /// So many bytes of users came through, by whatever paths.
    pub(crate) fn through(&mut self, bytes: u64) {
        self.bin.through += bytes;
    }

    /// So many bytes went by this path; of those sent, so many were sent again.
    pub(crate) fn carried(&mut self, id: PathId, bytes: u64, sent: u64, again: u64) {
        *self.bin.by.entry(id).or_default() += bytes;
        let losses = self.bin.sent.entry(id).or_default();
        *losses = (losses.0 + sent, losses.1 + again);
    }

    /// The path that is to be left out now.
    pub(crate) fn left_out(&self) -> Option<PathId> {
        match &self.phase {
            Phase::Without { suspect, .. } => Some(*suspect),
            Phase::Left { path, .. } | Phase::Reserved { path, .. } => Some(*path),
            Phase::Watching { .. }
            | Phase::Starting { .. }
            | Phase::Proving { .. }
            | Phase::Again { .. } => None,
        }
    }

    /// Takes note at once that a path is far: until then its subflows are opened to carry.
    pub(crate) fn consider(&mut self, paths: &[Figures], now: Instant) {
        let Phase::Watching { .. } = self.phase else {
            return;
        };
        let at_rest = || self.far(paths).filter(|_| self.quiet >= QUIET_BINS);
        if let Some(path) = self.known_to_add_little(paths) {
            let percent = self.percent(path, paths);
            self.phase = self.leave(path, Cost::AddsOnly(percent), paths, now);
        } else if let Some(path) = self.unknown(paths).or_else(at_rest) {
            self.phase = Phase::Reserved { path, bins: 0 };
        }
    }

    /// Whether a path is left out until long transfers need it.
    pub(crate) fn is_reserved(&self, id: PathId) -> bool {
        matches!(self.phase, Phase::Reserved { path, .. } if path == id)
    }

    /// What it costs to use the path; `None` while it is only tried.
    pub(crate) fn verdict(&self, id: PathId) -> Option<&Drag> {
        match &self.phase {
            Phase::Left { path, drag, .. } if *path == id => Some(drag),
            _ => None,
        }
    }

    /// The path may lead elsewhere now: to another Wi-Fi, by another cable. Nothing is known of it any more.
    pub(crate) fn forget(&mut self, id: PathId, now: Instant) {
        self.best.remove(&id);
        self.known.remove(&id);
        self.leave = FIRST_LEAVE;
        self.phase = Phase::watching(now);
    }

    /// Something else has changed: what was measured means nothing any more. A trial in vain is not repeated any
    /// sooner for that.
    pub(crate) fn interrupt(&mut self, now: Instant) {
        self.bin = Bin::default();
        self.last = Bin::default();
        self.began = now;
        self.phase = Phase::watching(match self.phase {
            Phase::Watching { not_before, .. } => not_before,
            _ => now,
        });
    }

    /// Time has passed. Whether another path is to be left out than before.
    pub(crate) fn tick(&mut self, paths: &[Figures], now: Instant) -> bool {
        let span = now.saturating_duration_since(self.began);
        if span < BIN {
            return false;
        }
        let before = self.left_out();
        if paths.iter().filter(|path| path.fit).count() < 2 || span > 2 * BIN {
            self.interrupt(now);
            return before.is_some();
        }
        let bin = std::mem::take(&mut self.bin);
        self.began = now;
        self.remember(&bin, span);
        self.quiet = match self.is_quiet(&bin, paths) {
            true => self.quiet + 1,
            false => 0,
        };
        self.consider(paths, now);
        self.phase = self.next(&bin, paths, now);
        self.last = bin;
        self.left_out() != before
    }

    fn remember(&mut self, bin: &Bin, span: Duration) {
        let keeps = 0.5_f64.powf(span.as_secs_f64() / FORGET_HALF);
        self.best.values_mut().for_each(|best| *best *= keeps);
        for (id, bytes) in &bin.by {
            let best = self.best.entry(*id).or_default();
            *best = best.max(*bytes as f64);
        }
    }

    /// It had its chance. One that adds little is not worth what it costs each new connection: its first seconds.
    fn judge(
        &mut self,
        path: PathId,
        without: u64,
        with: u64,
        paths: &[Figures],
        now: Instant,
    ) -> Phase {
        self.known.insert(path);
        match is_clearly_more(with, without) && !self.is_far_and_small(path, paths) {
            true => Phase::watching(now),
            false => {
                let added = 100 * with.saturating_sub(without) / without.max(1);
                self.leave(path, Cost::AddsOnly(added as u32), paths, now)
            }
        }
    }

    fn give_up(&mut self, now: Instant) -> Phase {
        Phase::watching(now + self.next_leave())
    }

    fn next_leave(&mut self) -> Duration {
        let next = (self.leave * 2).min(LONGEST_LEAVE);
        std::mem::replace(&mut self.leave, next)
    }

    fn leave(&mut self, path: PathId, cost: Cost, paths: &[Figures], now: Instant) -> Phase {
        let least = match self.is_far_and_small(path, paths) {
            true => LEAVE_OF_LITTLE,
            false => FIRST_LEAVE,
        };
        let until = now + self.next_leave().max(least);
        let trip = |id: PathId| paths.iter().find(|it| it.id == id).map(|it| it.round_trip);
        let quickest = paths
            .iter()
            .filter(|it| it.fit)
            .map(|it| it.round_trip)
            .min();
        let (sent, again) = self.last.sent.get(&path).copied().unwrap_or_default();
        let drag = Drag {
            cost,
            slower: trip(path)
                .unwrap_or_default()
                .saturating_sub(quickest.unwrap_or_default()),
            loss: (1000 * again / sent.max(1)) as u32,
        };
        Phase::Left { path, until, drag }
    }
}

/// In per cent.
fn more(without: u64, with: u64) -> u32 {
    (100 * without / with.max(1)).saturating_sub(100) as u32
}

fn is_clearly_more(without: u64, with: u64) -> bool {
    without as f64 >= with as f64 * CLEARLY
}

#[cfg(test)]
#[path = "drag_tests.rs"]
mod tests;

//! Whom to suspect, by what paths carry and have carried.

use std::time::Duration;

use super::{BIN, Bin, Drags, Figures};
use crate::PathId;

/// Less than this in a bin is not bulk data: 2 Mbit/s.
const BULK: u64 = 250_000;

/// The sum is suspicious below this part of what a single path has carried.
const SUSPICIOUS: f64 = 0.9;

/// One adds little if it has never carried more than this part of what the best does now, and is far slower
/// when its round trip is so many times the best one's and so much longer.
const LITTLE: f64 = 1.0 / 6.0;
/// One that carries less than this is not in use.
const NOTHING: f64 = 1.0 / 50.0;
const TIMES_SLOWER: u32 = 4;
const SLOWER: Duration = Duration::from_millis(150);
/// It shows what it can carry within so many round trips (BBR doubles its pace in each), and bins.
const TRIPS: u32 = 6;
const BINS: u32 = 2;
/// The best carries all it can from this part of the most that it has carried.
const FULL: f64 = 0.8;

/// What moves needs no more than the quickest path below this part of the most that it has carried.
const HALF: f64 = 0.5;

/// A path that adds little.
pub(super) struct Little {
    pub(super) path: PathId,
    /// How much of what the best carries.
    pub(super) percent: u32,
    /// For how many bins in a row that must be so.
    pub(super) bins: u32,
}

impl Drags {
    /// The slowest of the paths that carry less than the one that has carried more by itself than all do
    /// now. One that carries more is none to do without: what is known of the other may be old.
    pub(super) fn suspect(&self, bin: &Bin, paths: &[Figures]) -> Option<PathId> {
        let strongest = self.strongest(paths)?.id;
        if !bin.is_bulk() || bin.through as f64 >= self.can(strongest) * SUSPICIOUS {
            return None;
        }
        let others = fit(paths).filter(|path| bin.carried(path.id) < bin.carried(strongest));
        let slowest = others.max_by_key(|path| path.round_trip)?;
        Some(slowest.id)
    }

    /// The slowest of those that are far slower than the one that carries most, which carries all it can, and add
    /// little to it.
    pub(super) fn adds_little(&self, bin: &Bin, paths: &[Figures]) -> Option<Little> {
        let most = fit(paths).max_by_key(|path| bin.carried(path.id))?;
        let best = bin.carried(most.id) as f64;
        if !bin.is_bulk() || best < self.can(most.id) * FULL {
            return None;
        }
        let slowest = fit(paths)
            .filter(|path| is_far_slower(path.round_trip, most.round_trip))
            .filter(|path| bin.carried(path.id) as f64 > best * NOTHING)
            .filter(|path| self.can(path.id) < best * LITTLE)
            .max_by_key(|path| path.round_trip)?;
        let trips = slowest.round_trip * TRIPS;
        Some(Little {
            path: slowest.id,
            percent: (100.0 * self.can(slowest.id) / best) as u32,
            bins: BINS.max(trips.div_duration_f64(BIN).ceil() as u32),
        })
    }

    /// Whether the quickest path could carry all that moves twice over.
    pub(super) fn is_quiet(&self, bin: &Bin, paths: &[Figures]) -> bool {
        !bin.is_bulk() || (bin.through as f64) < self.quickest_can(paths) * HALF
    }

    fn quickest_can(&self, paths: &[Figures]) -> f64 {
        let quickest = fit(paths).min_by_key(|path| path.round_trip);
        quickest.map_or(0.0, |path| self.can(path.id))
    }

    /// The slowest of those that are far slower than the quickest.
    pub(super) fn far(&self, paths: &[Figures]) -> Option<PathId> {
        let (_, far) = measured_far(paths)?;
        far.max().map(|(_, id)| id)
    }

    /// The slowest of those that are far slower than the quickest, if it has had its chance and has never carried more
    /// than little beside it.
    pub(super) fn known_to_add_little(&self, paths: &[Figures]) -> Option<PathId> {
        let path = self.far(paths)?;
        let is_little = self.can(path) < self.quickest_can(paths) * LITTLE;
        (self.known.contains(&path) && is_little).then_some(path)
    }

    /// What it can carry, as a part of what the quickest can, in per cent.
    pub(super) fn percent(&self, id: PathId, paths: &[Figures]) -> u32 {
        (100.0 * self.can(id) / self.quickest_can(paths).max(1.0)) as u32
    }

    /// The slowest of those that are far slower than the quickest, and that nobody has seen carry more than
    /// little beside it.
    pub(super) fn unknown(&self, paths: &[Figures]) -> Option<PathId> {
        let (quickest, far) = measured_far(paths)?;
        let most = self.can(quickest);
        let is_worth_it = |id| most > 0.0 && self.can(id) > most * LITTLE;
        let unknown = far.filter(|(_, id)| !self.known.contains(id) && !is_worth_it(*id));
        unknown.max().map(|(_, id)| id)
    }

    /// The same by what paths have carried before, for one that is left out now.
    pub(super) fn is_far_and_small(&self, id: PathId, paths: &[Figures]) -> bool {
        let path = fit(paths).find(|path| path.id == id);
        self.strongest(paths).zip(path).is_some_and(|(best, path)| {
            is_far_slower(path.round_trip, best.round_trip)
                && self.can(id) < self.can(best.id) * LITTLE
        })
    }

    /// The path that has carried most by itself.
    fn strongest<'a>(&self, paths: &'a [Figures]) -> Option<&'a Figures> {
        fit(paths).max_by(|a, b| self.can(a.id).total_cmp(&self.can(b.id)))
    }

    /// The most that it has carried in a bin.
    fn can(&self, id: PathId) -> f64 {
        self.best.get(&id).copied().unwrap_or_default()
    }
}

impl Bin {
    pub(super) fn is_bulk(&self) -> bool {
        self.through >= BULK
    }

    fn carried(&self, id: PathId) -> u64 {
        self.by.get(&id).copied().unwrap_or_default()
    }
}

fn fit(paths: &[Figures]) -> impl Iterator<Item = &Figures> {
    paths.iter().filter(|path| path.fit)
}

/// The quickest, and those that are far slower with how slow they are.
fn measured_far(paths: &[Figures]) -> Option<(PathId, impl Iterator<Item = (Duration, PathId)>)> {
    let measured = || fit(paths).filter_map(|path| Some((path.least?, path.id)));
    let (least, quickest) = measured().min()?;
    let far = measured().filter(move |(trip, _)| is_far_slower(*trip, least));
    Some((quickest, far))
}

fn is_far_slower(round_trip: Duration, best: Duration) -> bool {
    round_trip >= (best * TIMES_SLOWER).max(best + SLOWER)
}

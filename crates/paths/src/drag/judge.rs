//! Whom to suspect, by what paths carry and have carried.

use std::time::Duration;

use super::{Bin, Drags, Figures};
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
/// It has not shown yet what it can carry while it carries so many times what it did in the bin before: a
/// sender doubles its pace once in each round trip. That counts if a few more would make it carry more than
/// little.
const GROWING: u64 = 2;
const SOON: u64 = 4;
/// The best carries all it can from this part of the most that it has carried.
const FULL: f64 = 0.8;

impl Drags {
    /// The slowest of the paths that carry less than the one that has carried more by itself than all do
    /// now. One that carries more is none to do without: what is known of the other may be old.
    pub(super) fn suspect(&self, bin: &Bin, paths: &[Figures]) -> Option<PathId> {
        let strongest = self.strongest(paths)?.id;
        if bin.through < BULK || bin.through as f64 >= self.can(strongest) * SUSPICIOUS {
            return None;
        }
        let others = fit(paths).filter(|path| bin.carried(path.id) < bin.carried(strongest));
        let slowest = others.max_by_key(|path| path.round_trip)?;
        Some(slowest.id)
    }

    /// The slowest of those that are far slower than the one that carries most, which carries all it can, and add
    /// little to it: how much, in per cent.
    pub(super) fn adds_little(&self, bin: &Bin, paths: &[Figures]) -> Option<(PathId, u32)> {
        let most = fit(paths).max_by_key(|path| bin.carried(path.id))?;
        let best = bin.carried(most.id) as f64;
        // What has come may still wait for what comes by the slow path, so what came through does not tell.
        let carried: u64 = bin.by.values().sum();
        if carried < BULK || best < self.can(most.id) * FULL {
            return None;
        }
        let slowest = fit(paths)
            .filter(|path| is_far_slower(path, most))
            .filter(|path| bin.carried(path.id) as f64 > best * NOTHING)
            .filter(|path| self.can(path.id) < best * LITTLE)
            .max_by_key(|path| path.round_trip)?;
        Some((slowest.id, (100.0 * self.can(slowest.id) / best) as u32))
    }

    /// Whether it is still about to find out what it can carry, and that may not be little.
    pub(super) fn is_growing(&self, id: PathId, bin: &Bin) -> bool {
        let best = bin.by.values().copied().max().unwrap_or_default();
        let (is, was) = (bin.carried(id), self.last.carried(id));
        is >= GROWING * was && (SOON * is) as f64 >= best as f64 * LITTLE
    }

    /// The same by what paths have carried before, for one that is left out now.
    pub(super) fn is_far_and_small(&self, id: PathId, paths: &[Figures]) -> bool {
        let path = fit(paths).find(|path| path.id == id);
        self.strongest(paths).zip(path).is_some_and(|(best, path)| {
            is_far_slower(path, best) && self.can(id) < self.can(best.id) * LITTLE
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
    fn carried(&self, id: PathId) -> u64 {
        self.by.get(&id).copied().unwrap_or_default()
    }
}

fn fit(paths: &[Figures]) -> impl Iterator<Item = &Figures> {
    paths.iter().filter(|path| path.fit)
}

fn is_far_slower(path: &Figures, best: &Figures) -> bool {
    let slow = (best.round_trip * TIMES_SLOWER).max(best.round_trip + SLOWER);
    path.round_trip >= slow
}

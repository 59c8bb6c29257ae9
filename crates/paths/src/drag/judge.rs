//! Whom to suspect, by what paths carry and have carried.

use std::time::Duration;

use super::{Bin, Drags, Figures};
use crate::PathId;

/// Less than this in a bin is not bulk data: 2 Mbit/s.
const BULK: u64 = 250_000;

/// The sum is suspicious below this part of what a single path has carried.
const SUSPICIOUS: f64 = 0.9;

/// One adds little if it has never carried more than this part of what the best does now, and is far slower when its round trip
/// is so many times the best one's and so much longer.
const LITTLE: f64 = 1.0 / 6.0;
/// One that carries less than this is not in use.
const NOTHING: f64 = 1.0 / 50.0;
const TIMES_SLOWER: u32 = 4;
const SLOWER: Duration = Duration::from_millis(150);
/// The best carries all it can from this part of the most that it has carried.
const FULL: f64 = 0.8;

impl Drags {
    /// The slowest of the paths that carry less than the one that has carried more by itself than all do
    /// now. One that carries more is none to do without: what is known of the other may be old.
    pub(super) fn suspect(&self, bin: &Bin, paths: &[Figures]) -> Option<PathId> {
        if bin.through < BULK {
            return None;
        }
        let fit = || paths.iter().filter(|path| path.fit);
        let strongest = fit().max_by(|a, b| self.can(a.id).total_cmp(&self.can(b.id)))?;
        if bin.through as f64 >= self.can(strongest.id) * SUSPICIOUS {
            return None;
        }
        let carries = |id: &PathId| bin.by.get(id).copied().unwrap_or_default();
        let others = fit().filter(|path| carries(&path.id) < carries(&strongest.id));
        others
            .max_by_key(|path| path.round_trip)
            .map(|path| path.id)
    }

    /// The slowest of those that are far slower than the one that carries most, which carries all it can, and add
    /// little to it: how much, in per cent.
    pub(super) fn adds_little(&self, bin: &Bin, paths: &[Figures]) -> Option<(PathId, u32)> {
        if bin.through < BULK {
            return None;
        }
        let fit = || paths.iter().filter(|path| path.fit);
        let carries = |id: PathId| bin.by.get(&id).copied().unwrap_or_default() as f64;
        let most = fit().max_by(|a, b| carries(a.id).total_cmp(&carries(b.id)))?;
        if carries(most.id) < self.can(most.id) * FULL {
            return None;
        }
        let slowest = fit()
            .filter(|path| is_far_slower(path, most))
            .filter(|path| carries(path.id) > carries(most.id) * NOTHING)
            .filter(|path| self.can(path.id) < carries(most.id) * LITTLE)
            .max_by_key(|path| path.round_trip)?;
        let percent = 100.0 * self.can(slowest.id) / carries(most.id);
        Some((slowest.id, percent as u32))
    }

    /// The same by what paths have carried before, for one that is left out now.
    pub(super) fn is_far_and_small(&self, id: PathId, paths: &[Figures]) -> bool {
        let fit = || paths.iter().filter(|path| path.fit);
        let strongest = fit().max_by(|a, b| self.can(a.id).total_cmp(&self.can(b.id)));
        let path = fit().find(|path| path.id == id);
        strongest.zip(path).is_some_and(|(strongest, path)| {
            is_far_slower(path, strongest) && self.can(id) < self.can(strongest.id) * LITTLE
        })
    }

    /// The most that it has carried in a bin.
    fn can(&self, id: PathId) -> f64 {
        self.best.get(&id).copied().unwrap_or_default()
    }
}

fn is_far_slower(path: &Figures, best: &Figures) -> bool {
    let slow = (best.round_trip * TIMES_SLOWER).max(best.round_trip + SLOWER);
    path.round_trip >= slow
}

//! What is done with a suspect, step by step.

use std::time::Instant;

use super::{BIN, Bin, Drags, Figures, is_clearly_more, more};
use crate::PathId;
use crate::reason::{Cost, Drag};

/// So many bins in a row have to be suspicious: short transfers one after the other are slow for other reasons.
const SUSPICIOUS_BINS: u32 = 3;

/// A far slower path is taken in when so much data has moved for so many bins in a row that it is needed: the first
/// seconds with it are slower, as BBR fills its queue and the scheduler gives it more than it carries. So many bins
/// it has to prove itself, after those that it needs to find out what it can carry.
const PROVE_AFTER: u32 = 10;
const PROVE_FOR: u32 = 5;

/// One that makes the sum clearly less is not given more of them than these.
const HARMS_IN: u32 = 2;

/// BBR finds that out in so many round trips: it doubles its pace in each, when there is enough to send. With 20
/// Mbit/s, 300 ms, 0.5 % loss beside 35 Mbit/s, 15 ms, a download took 4 s and an upload 5 s.
const FINDS_OUT_IN: u32 = 16;

#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// All are used. No trial before a time. So many bins in a row were suspicious; in the best of them so much
    /// came through.
    Watching {
        not_before: Instant,
        bins: u32,
        with: u64,
    },
    /// `path` is far slower. For so many bins in a row it might have been needed.
    Reserved { path: PathId, bins: u32 },
    /// It is taken in; for so many bins more it only finds out what it can carry. So much came through in the last
    /// bin without it.
    Starting {
        path: PathId,
        left: u32,
        without: u64,
    },
    /// It has found that out; `bins` have passed, in which so much came through.
    Proving {
        path: PathId,
        bins: u32,
        without: u64,
        with: u64,
    },
    /// `suspect` is left out; `bins` have passed, and with it so much came through.
    Without {
        suspect: PathId,
        bins: u32,
        with: u64,
    },
    /// It is used again; without it so much came through.
    Again {
        suspect: PathId,
        bins: u32,
        with: u64,
        without: u64,
    },
    /// It drags.
    Left {
        path: PathId,
        until: Instant,
        drag: Drag,
    },
}

impl Phase {
    pub(super) fn watching(not_before: Instant) -> Self {
        Self::Watching {
            not_before,
            bins: 0,
            with: 0,
        }
    }
}

impl Drags {
    /// What follows on a bin.
    pub(super) fn next(&mut self, bin: &Bin, paths: &[Figures], now: Instant) -> Phase {
        match self.phase.clone() {
            Phase::Watching { not_before, .. } if not_before > now => Phase::watching(not_before),
            Phase::Watching {
                not_before,
                bins,
                with,
            } => self.watched(
                not_before,
                (bins + 1, with.max(bin.through)),
                bin,
                paths,
                now,
            ),
            Phase::Reserved { path, bins } => self.reserved(path, bins + 1, bin, paths, now),
            Phase::Starting { path, .. } | Phase::Proving { path, .. } if !bin.is_bulk() => {
                Phase::Reserved { path, bins: 0 }
            }
            Phase::Starting {
                path,
                left,
                without,
            } => self.started(path, left - 1, without, paths, now),
            Phase::Proving {
                path,
                bins,
                without,
                with,
            } => self.proved(path, without, (bins + 1, with + bin.through), paths, now),
            // The first bin is still full of what was under way.
            Phase::Without {
                suspect,
                bins: 0,
                with,
            } => Phase::Without {
                suspect,
                bins: 1,
                with,
            },
            Phase::Without { suspect, with, .. } => {
                self.left_out_for_a_trial(suspect, with, bin.through, paths, now)
            }
            Phase::Again {
                suspect,
                bins: 0,
                with,
                without,
            } => Phase::Again {
                suspect,
                bins: 1,
                with,
                without,
            },
            Phase::Again {
                suspect,
                with,
                without,
                ..
            } => self.conclude(suspect, with.max(bin.through), without, paths, now),
            Phase::Left { path, until, .. } if until <= now => self.after_leave(path, paths, now),
            left @ Phase::Left { .. } => left,
        }
    }

    /// What is known of it is old. A far one waits until it is needed.
    fn after_leave(&mut self, path: PathId, paths: &[Figures], now: Instant) -> Phase {
        self.known.remove(&path);
        match self.far(paths) == Some(path) {
            true => Phase::Reserved { path, bins: 0 },
            false => Phase::watching(now),
        }
    }

    /// So many bins have passed without it, this one included.
    fn reserved(
        &self,
        path: PathId,
        bins: u32,
        bin: &Bin,
        paths: &[Figures],
        now: Instant,
    ) -> Phase {
        let is_unknown = self.unknown(paths) == Some(path);
        if !is_unknown && self.far(paths) != Some(path) {
            return Phase::watching(now);
        }
        let is_needed = match is_unknown {
            true => bin.is_bulk(),
            false => !self.is_quiet(bin, paths),
        };
        match is_unknown {
            _ if !is_needed => Phase::Reserved { path, bins: 0 },
            _ if bins < PROVE_AFTER => Phase::Reserved { path, bins },
            true => Phase::Starting {
                path,
                left: finds_out_in(path, paths),
                without: bin.through,
            },
            false => Phase::watching(now),
        }
    }

    /// `bins` in a row, this one included, may be suspicious; in the best of them so much came through.
    fn watched(
        &mut self,
        not_before: Instant,
        (bins, with): (u32, u64),
        bin: &Bin,
        paths: &[Figures],
        now: Instant,
    ) -> Phase {
        match (self.suspect(bin, paths), self.adds_little(bin, paths)) {
            (None, None) => Phase::watching(not_before),
            (_, Some(little)) if bins >= little.bins => {
                self.leave(little.path, Cost::AddsOnly(little.percent), paths, now)
            }
            (Some(suspect), None) if bins >= SUSPICIOUS_BINS => Phase::Without {
                suspect,
                bins: 0,
                with,
            },
            _ => Phase::Watching {
                not_before,
                bins,
                with,
            },
        }
    }

    /// For `left` bins more it only finds out what it can carry. One that can carry little has nothing to prove then.
    fn started(
        &mut self,
        path: PathId,
        left: u32,
        without: u64,
        paths: &[Figures],
        now: Instant,
    ) -> Phase {
        if left > 0 {
            return Phase::Starting {
                path,
                left,
                without,
            };
        }
        if self.is_far_and_small(path, paths) {
            self.known.insert(path);
            let percent = self.percent(path, paths);
            return self.leave(path, Cost::AddsOnly(percent), paths, now);
        }
        Phase::Proving {
            path,
            bins: 0,
            without,
            with: 0,
        }
    }

    /// In so many bins so much came through. Harm is seen sooner than gain.
    fn proved(
        &mut self,
        path: PathId,
        without: u64,
        (bins, with): (u32, u64),
        paths: &[Figures],
        now: Instant,
    ) -> Phase {
        let mean = with / u64::from(bins);
        let harms = bins >= HARMS_IN && is_clearly_more(without, mean);
        match bins == PROVE_FOR || harms {
            true => self.judge(path, without, mean, paths, now),
            false => Phase::Proving {
                path,
                bins,
                without,
                with,
            },
        }
    }

    fn left_out_for_a_trial(
        &mut self,
        suspect: PathId,
        with: u64,
        without: u64,
        paths: &[Figures],
        now: Instant,
    ) -> Phase {
        // What a far one might add after all is not worth a second try.
        if !is_clearly_more(without, with) || self.is_far_and_small(suspect, paths) {
            return self.conclude(suspect, with, without, paths, now);
        }
        Phase::Again {
            suspect,
            bins: 0,
            with,
            without,
        }
    }

    /// The end of a trial: it drags if clearly more came through without it.
    fn conclude(
        &mut self,
        suspect: PathId,
        with: u64,
        without: u64,
        paths: &[Figures],
        now: Instant,
    ) -> Phase {
        match is_clearly_more(without, with) {
            true => {
                let cost = Cost::MoreWithout(more(without, with));
                self.leave(suspect, cost, paths, now)
            }
            false => self.give_up(now),
        }
    }
}

/// In bins, one at least.
fn finds_out_in(id: PathId, paths: &[Figures]) -> u32 {
    let trip = paths.iter().find(|it| it.id == id).map(|it| it.round_trip);
    let time = trip.unwrap_or_default() * FINDS_OUT_IN;
    (time.div_duration_f64(BIN).ceil() as u32).max(1)
}

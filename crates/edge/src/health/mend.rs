//! Finds uplinks on which a running connection has lost its subflow, though they work.
//!
//! A router may reset a subflow for reasons of its own. One that tracks TCP's window does when a peer sends
//! what MPTCP's window allows, which another subflow has opened further (RFC 8684, section 3.3.4). The kernel
//! never opens the subflow again, so the connection would be without that path for the rest of its life.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use paths::PathId;

/// The kernel takes a moment to open subflows anew, as after an outage.
const GRACE: Duration = Duration::from_secs(1);

/// What helped nothing is not repeated soon: connections that are well lose their subflow, too, for a
/// moment. Twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(960);

#[derive(Debug, Default)]
pub(super) struct Mend {
    since: HashMap<PathId, Instant>,
    done: HashMap<PathId, Done>,
}

#[derive(Clone, Copy, Debug)]
struct Done {
    at: Instant,
    pause: Duration,
}

impl Mend {
    /// These uplinks are in use, and a connection that had a subflow there has none now. Gives those whose
    /// subflows are to be opened anew.
    pub(super) fn missed(&mut self, lost: &BTreeSet<PathId>, now: Instant) -> Vec<PathId> {
        self.since.retain(|path, _| lost.contains(path));
        let mut due = Vec::new();
        for path in lost {
            let since = *self.since.entry(*path).or_insert(now);
            if now - since >= GRACE && self.may(*path, now) {
                self.since.remove(path);
                due.push(*path);
            }
        }
        due
    }

    fn may(&mut self, path: PathId, now: Instant) -> bool {
        let pause = match self.done.get(&path) {
            Some(done) if now - done.at < done.pause => return false,
            // It was good for long.
            Some(done) if now - done.at > LONGEST_PAUSE => FIRST_PAUSE,
            Some(done) => (done.pause * 2).min(LONGEST_PAUSE),
            None => FIRST_PAUSE,
        };
        self.done.insert(path, Done { at: now, pause });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIFI: PathId = PathId(1);
    const LTE: PathId = PathId(2);
    const LOOK: Duration = Duration::from_millis(15);

    /// When the uplinks are mended that miss subflows all the time.
    fn mended(
        mend: &mut Mend,
        lost: &[PathId],
        from: Instant,
        span: Duration,
    ) -> Vec<(u64, PathId)> {
        let lost = lost.iter().copied().collect();
        let looks = (0..).map(|look| look * LOOK).take_while(|at| *at < span);
        looks
            .flat_map(|at| {
                let due = mend.missed(&lost, from + at);
                due.into_iter().map(move |path| (at.as_secs(), path))
            })
            .collect()
    }

    #[test]
    fn what_stays_lost_is_opened_anew_after_a_moment() {
        let now = Instant::now();
        let mut mend = Mend::default();
        let short = mended(&mut mend, &[WIFI], now, GRACE / 2);
        assert_eq!(short, []);
        assert_eq!(mend.missed(&BTreeSet::new(), now + GRACE / 2), []);
        let later = now + GRACE;
        assert_eq!(
            mended(&mut mend, &[WIFI], later, GRACE / 2),
            [],
            "it began anew"
        );
        let due = mended(&mut mend, &[WIFI], later + GRACE / 2, GRACE);
        assert_eq!(due, [(0, WIFI)]);
    }

    #[test]
    fn what_helps_nothing_is_done_seldom() {
        let mut mend = Mend::default();
        let due = mended(&mut mend, &[WIFI], Instant::now(), Duration::from_secs(200));
        let times: Vec<u64> = due.iter().map(|(second, _)| *second).collect();
        assert_eq!(times, [1, 11, 31, 71, 151]);
    }

    #[test]
    fn uplinks_do_not_wait_for_each_other() {
        let mut mend = Mend::default();
        let now = Instant::now();
        mended(&mut mend, &[WIFI], now, 2 * GRACE);
        assert_eq!(
            mended(&mut mend, &[WIFI, LTE], now + 2 * GRACE, 2 * GRACE),
            [(1, LTE)]
        );
    }

    #[test]
    fn after_a_long_good_time_it_is_done_at_once() {
        let mut mend = Mend::default();
        let now = Instant::now();
        mended(&mut mend, &[WIFI], now, Duration::from_secs(60));
        let later = now + Duration::from_secs(60) + LONGEST_PAUSE;
        mend.missed(&BTreeSet::new(), later);
        let due = mended(&mut mend, &[WIFI], later, Duration::from_secs(13));
        assert_eq!(due, [(1, WIFI), (11, WIFI)]);
    }
}

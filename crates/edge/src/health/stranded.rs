//! Finds connections that have no subflow left, though an uplink works, and gets them a new one.
//!
//! The kernel tells the peer of a deleted endpoint by REMOVE_ADDR, over another subflow. Where there is none it waits
//! for the next one, and that may be a new one from the same address: the peer then closes what has just been
//! opened, because an address that a connection began with has the id 0 each time (`mptcp_pm_rm_addr_recv` in
//! Linux 6.18). It takes an uplink that fails twice in a short time. The kernel never opens another subflow by itself,
//! so that the connection would stand still for ever; a second new one lives.
//!
//! A connection that the hub does not know any more, as after its restart, gets none ever. Its program is to hear of
//! that.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::looks::Ends;

/// The kernel takes a moment to open subflows when an endpoint comes.
const GRACE: Duration = Duration::from_millis(50);

/// What helped nothing is not repeated soon: other connections lose their subflow meanwhile. Twice as long each
/// time, and in vain so many times, which takes 15 s.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const TRIES: u32 = 4;

/// Those that had no subflow at the last look.
#[derive(Debug, Default)]
pub(super) struct Stranded {
    since: HashMap<Ends, Due>,
}

#[derive(Clone, Copy, Debug)]
struct Due {
    at: Instant,
    tries: u32,
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Help {
    /// An uplink's subflows are to be opened anew.
    pub(super) reopen: bool,
    /// These connections are lost.
    pub(super) lost: Vec<Ends>,
}

impl Stranded {
    /// All have subflows.
    pub(super) fn none(&mut self) {
        self.since.clear();
    }

    /// These have no subflow now, though an uplink works.
    pub(super) fn seen(&mut self, stranded: &HashSet<Ends>, now: Instant) -> Help {
        self.since.retain(|ends, _| stranded.contains(ends));
        let mut help = Help::default();
        for ends in stranded {
            let this = self.since.entry(*ends).or_insert(Due {
                at: now + GRACE,
                tries: 0,
            });
            if now < this.at {
                continue;
            }
            this.at = now + FIRST_PAUSE * 2u32.pow(this.tries);
            if this.tries == TRIES {
                help.lost.push(*ends);
            } else {
                this.tries += 1;
                help.reopen = true;
            }
        }
        help
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Duration = Duration::from_millis(15);

    fn ends(port: u16) -> Ends {
        let local = ([192, 168, 11, 100], port);
        (local.into(), ([203, 0, 113, 2], 443).into())
    }

    /// In which milliseconds a new subflow is asked for.
    fn asked(stranded: &mut Stranded, which: &[Ends], from: Instant, span: Duration) -> Vec<u128> {
        let which = which.iter().copied().collect();
        let looks = (0..).map(|look| look * LOOK).take_while(|at| *at < span);
        looks
            .filter(|at| stranded.seen(&which, from + *at).reopen)
            .map(|at| at.as_millis())
            .collect()
    }

    #[test]
    fn who_gets_a_subflow_by_himself_needs_no_help() {
        let (mut stranded, now) = (Stranded::default(), Instant::now());
        for round in 0..10 {
            let from = now + round * GRACE;
            assert!(asked(&mut stranded, &[ends(1)], from, GRACE).is_empty());
            stranded.seen(&HashSet::new(), from + GRACE);
        }
    }

    #[test]
    fn help_comes_soon_and_then_seldom() {
        let mut stranded = Stranded::default();
        let asked = asked(
            &mut stranded,
            &[ends(1)],
            Instant::now(),
            Duration::from_secs(10),
        );
        let seconds: Vec<_> = asked.iter().map(|at| at / 1000).collect();
        assert!(asked[0] < 100);
        assert_eq!(seconds, [0, 1, 3, 7]);
    }

    #[test]
    fn nobody_waits_for_one_whom_nothing_helps() {
        let (mut stranded, now) = (Stranded::default(), Instant::now());
        asked(&mut stranded, &[ends(1)], now, Duration::from_secs(9));
        let later = now + Duration::from_secs(9);
        let asked = asked(&mut stranded, &[ends(1), ends(2)], later, GRACE + LOOK);
        assert_eq!(asked.len(), 1);
    }

    #[test]
    fn whom_nothing_helps_is_given_up() {
        let (mut stranded, now) = (Stranded::default(), Instant::now());
        let which = HashSet::from([ends(1)]);
        let mut looks = (0..).map(|look| look * LOOK);
        let given_up = looks.find(|at| !stranded.seen(&which, now + *at).lost.is_empty());
        assert_eq!(given_up.unwrap().as_secs(), 15);
    }
}

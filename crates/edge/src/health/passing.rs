//! Looks at what passes without a socket of ours: has anything, on each uplink?

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use netcfg::InterfaceIndex;
use paths::PathId;

use crate::passing::{Passed, passed};

/// Looks closer together would show no more.
const EVERY: Duration = Duration::from_millis(15);

#[derive(Debug, Default)]
pub(super) struct Passing {
    looked: Option<Instant>,
    /// What had passed at the last look.
    before: BTreeMap<InterfaceIndex, Passed>,
}

/// What a look has shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Moved {
    /// Something has passed, whichever way.
    pub(super) any: bool,
    /// Something has come from the Internet by these.
    pub(super) came: Vec<PathId>,
}

impl Passing {
    /// Looks, if it is time to.
    pub(super) fn look(&mut self, now: Instant) -> Moved {
        if self.looked.is_some_and(|last| now < last + EVERY) {
            return Moved::default();
        }
        self.looked = Some(now);
        // Where nftables can't be read nothing passes, and the round says why.
        self.take(passed().unwrap_or_default())
    }

    fn take(&mut self, is: BTreeMap<InterfaceIndex, Passed>) -> Moved {
        let mut moved = Moved::default();
        for (uplink, is) in &is {
            // A table that was installed anew counts from 0 on.
            let was = self.before.get(uplink).copied().unwrap_or(*is);
            moved.any |= is.sent > was.sent || is.came > was.came;
            if is.came > was.came {
                moved.came.push(PathId(uplink.0));
            }
        }
        self.before = is;
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(sent: u64, came: u64) -> BTreeMap<InterfaceIndex, Passed> {
        BTreeMap::from([(InterfaceIndex(3), Passed { sent, came })])
    }

    #[test]
    fn what_has_moved_is_what_was_counted_since() {
        let mut passing = Passing::default();
        let nothing = Moved::default;
        let moved = |came: &[PathId]| Moved {
            any: true,
            came: came.to_vec(),
        };
        assert_eq!(passing.take(counted(7, 7)), nothing());
        assert_eq!(passing.take(counted(7, 7)), nothing());
        assert_eq!(passing.take(counted(8, 7)), moved(&[]));
        assert_eq!(passing.take(counted(8, 8)), moved(&[PathId(3)]));
        assert_eq!(passing.take(counted(0, 0)), nothing(), "installed anew");
        assert_eq!(passing.take(counted(1, 1)), moved(&[PathId(3)]));
    }
}

//! When in a transfer it is measured.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// BBR holds still for 0.2 s every ten seconds (PROBE_RTT): a shorter span has that, or has not.
const TURN: Duration = Duration::from_secs(10);

/// A span of a transfer. They differ where a path is tried first and used later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    /// From 3 s on: the connection has found out what the links can carry.
    Begin,
    /// From 24 s on: `paths` has decided about a path that is far slower, after ten seconds and a trial of
    /// sixteen round trips and five seconds.
    Later,
}

impl Moment {
    /// When it begins, after the transfer's begin.
    #[must_use]
    pub const fn from(self) -> Duration {
        Duration::from_secs(match self {
            Self::Begin => 3,
            Self::Later => 24,
        })
    }

    /// When it ends, if it is to count for so long. Later it counts for ten seconds at least.
    pub(super) fn until(self, length: Duration) -> Duration {
        self.from()
            + match self {
                Self::Begin => length,
                Self::Later => length.max(TURN),
            }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.from().as_secs())
    }
}

//! One fault under running traffic: what `lab faults` and `lab compare` have in common.

mod bulk;
mod messages;

use crate::link::{DirectionCounters, LinkError, LinkHandle};
use crate::traffic::Direction;

pub(crate) use bulk::{Bulk, CARRIES, LONGEST_RETURN, wait_for_return};
pub(crate) use messages::{InUse, LONGEST_PAUSE, MESSAGE_EVERY, longest_gap};

/// How a link fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The cable is pulled: the guest's interface loses its carrier.
    Carrier,
    /// It drops everything and looks as before.
    Silence,
}

/// A failed link. Dropping this mends it, also after an error, for the measurements that follow.
#[derive(Debug)]
pub(crate) struct Failed<'a> {
    link: &'a LinkHandle,
    fault: Fault,
}

impl<'a> Failed<'a> {
    pub(crate) fn new(link: &'a LinkHandle, fault: Fault) -> Result<Self, LinkError> {
        match fault {
            Fault::Carrier => link.carrier(false)?,
            Fault::Silence => link.silence(true),
        }
        Ok(Self { link, fault })
    }
}

impl Drop for Failed<'_> {
    fn drop(&mut self) {
        match self.fault {
            Fault::Silence => self.link.silence(false),
            Fault::Carrier => {
                // The measurements that follow find it out: the link carries nothing.
                if let Err(error) = self.link.carrier(true) {
                    tracing::warn!(%error, "cannot plug a link in again");
                }
            }
        }
    }
}

/// What a link has carried in a direction.
pub(crate) fn carried(link: &LinkHandle, direction: Direction) -> u64 {
    let counters = link.counters();
    let counters: DirectionCounters = match direction {
        Direction::Down => counters.down,
        Direction::Up => counters.up,
    };
    counters.bytes
}

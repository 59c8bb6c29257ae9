//! What is told to [`crate::Paths`], and what it wants done.

use std::time::Duration;

use crate::PathId;
use crate::patience::RoundTrip;

/// What the machine says of an uplink, apart from whether anything answers over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// Carrier, address and gateway are there.
    Usable,
    /// The cable is out, or the radio has no network.
    NoCarrier,
    /// It has no address.
    NoAddress,
    /// It has an address, and no router was named.
    NoGateway,
    /// Somebody answers in the place of the Internet, until a user has logged in.
    Portal,
}

/// Something has happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// The link is as told. May be repeated without need.
    Link(PathId, Link),
    /// The sockets that use the path were looked at.
    Look(PathId, Look),
    /// A probe came to its end.
    Probed(PathId, Probed),
    /// User data has moved somewhere a moment ago.
    Traffic,
    /// Data has come from the Internet over the path, past the hub: no socket shows it.
    Came(PathId),
    /// So many bytes of users came through since the last time, by whatever paths.
    Through(u64),
    /// Time has passed.
    Tick,
}

/// What the sockets of a path show, together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    /// A segment has come since the last look.
    pub life: bool,
    /// Data is under way that has not been acknowledged.
    pub waiting: bool,
    /// Data was sent again because its time was out (RTO), and still is not acknowledged.
    pub stuck: bool,
    /// The slowest round trip among the busy subflows.
    pub round_trip: Option<RoundTrip>,
    /// Payload bytes that the path has carried since the last look, both ways.
    pub carried: u64,
    /// Of the bytes sent since then, retransmissions included: all, and those sent again.
    pub sent: (u64, u64),
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// The other end answered, so long after it was asked.
    Answered(Duration),
    /// Nobody could be asked: the hub's address is not known, or of another family.
    Unasked,
}

/// Something is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Verdicts have changed: have the kernel go by them, now.
    Apply,
    /// Ask the other end over this path whether it is there.
    Probe(PathId),
    /// The path answers again and has kept its subflows, which the kernel would use again only
    /// seconds later: open them anew.
    Renew(PathId),
}

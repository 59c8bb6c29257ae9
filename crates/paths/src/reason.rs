//! Why a path is in its state, in words.

use std::fmt;
use std::time::Duration;

/// Why a path is in its state. `Display` is what users read: no path's name, no full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It works.
    Works,
    /// It works, and waits until no active one does.
    Reserve,
    /// The user has switched it off.
    Off,
    /// The cable is out, or the radio has no network.
    NoCarrier,
    /// No address: DHCP has no answer, or nobody has configured it.
    NoAddress,
    /// An address, and no router.
    NoGateway,
    /// A captive portal stands in its way.
    Portal,
    /// Nothing has come back for so long, although the hub was asked.
    Silent(Duration),
    /// It has just come up, and the hub has not answered over it yet.
    Unproven,
    /// It has failed so often lately that it must hold for so long before it is used again.
    Flapping {
        /// Failures within the last seconds.
        times: u32,
        /// How long it has to hold.
        hold: Duration,
    },
    /// The sum may be faster without it: it is left out for a moment to see.
    Tried,
    /// It has just come up, and it is not known yet how far it is.
    New,
    /// It is far slower than the best, and no long transfer needs it, or nobody knows yet whether it is worth that.
    Far,
    /// It makes the sum slower than the others alone, or may at any time and adds little to it.
    Drags(Drag),
}

/// What a dragging path costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drag {
    /// What is lost with it, or without it.
    pub cost: Cost,
    /// How much longer its round trip is than the best one's.
    pub slower: Duration,
    /// Segments lost, in thousandths.
    pub loss: u32,
}

/// Why a path is not worth what it costs. In per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// The others were so much faster without it.
    MoreWithout(u32),
    /// It carried so much, measured by the one that carries most.
    AddsOnly(u32),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Works => write!(f, "it works"),
            Self::Reserve => write!(f, "it works, and is a backup while an active one works"),
            Self::Off => write!(f, "it is switched off"),
            Self::NoCarrier => write!(
                f,
                "no carrier: the cable is out, or the radio has no network"
            ),
            Self::NoAddress => write!(f, "it has no address"),
            Self::NoGateway => write!(f, "it has an address, but nobody named a router"),
            Self::Portal => f.write_str(
                "a captive portal stands in the way: open a page such as http://example.com by this network in a browser and log in",
            ),
            Self::Silent(limit) => write!(
                f,
                "nothing came back within {} ms, although it should have",
                limit.as_millis()
            ),
            Self::Unproven => write!(
                f,
                "it has come up, and the hub has not answered over it yet"
            ),
            Self::Flapping { times, hold } => write!(
                f,
                "it failed {times} times within {} s, so it has to hold for {} s first",
                crate::health::FALLS_COUNT_FOR.as_secs(),
                hold.as_secs()
            ),
            Self::Tried => write!(f, "it is tried whether the sum is faster without it"),
            Self::New => f.write_str("it has just come up, and is asked how far it is"),
            Self::Far => write!(
                f,
                "it works, but is far slower than the best, so only long transfers use it"
            ),
            Self::Drags(drag) => drag.fmt(f),
        }
    }
}

impl fmt::Display for Drag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms slower than the best", self.slower.as_millis())?;
        if self.loss > 0 {
            let (whole, tenth) = (self.loss / 10, self.loss % 10);
            write!(f, " and {whole}.{tenth} % loss")?;
        }
        match self.cost {
            Cost::MoreWithout(more) => {
                write!(f, " made the sum slower: {more} % more without it")
            }
            Cost::AddsOnly(percent) => write!(f, ", and it adds {percent} % only"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_read_well() {
        let silent = Reason::Silent(Duration::from_micros(69_500));
        let flapping = Reason::Flapping {
            times: 4,
            hold: Duration::from_secs(2),
        };
        let drags = |loss, cost| {
            Reason::Drags(Drag {
                cost,
                slower: Duration::from_millis(285),
                loss,
            })
        };
        let texts = [
            (Reason::Works, "it works"),
            (
                Reason::Reserve,
                "it works, and is a backup while an active one works",
            ),
            (Reason::Off, "it is switched off"),
            (
                Reason::NoCarrier,
                "no carrier: the cable is out, or the radio has no network",
            ),
            (Reason::NoAddress, "it has no address"),
            (
                Reason::NoGateway,
                "it has an address, but nobody named a router",
            ),
            (
                silent,
                "nothing came back within 69 ms, although it should have",
            ),
            (
                Reason::Unproven,
                "it has come up, and the hub has not answered over it yet",
            ),
            (
                flapping,
                "it failed 4 times within 10 s, so it has to hold for 2 s first",
            ),
            (
                drags(0, Cost::MoreWithout(40)),
                "285 ms slower than the best made the sum slower: 40 % more without it",
            ),
            (
                drags(5, Cost::MoreWithout(40)),
                "285 ms slower than the best and 0.5 % loss made the sum slower: 40 % more without it",
            ),
            (
                drags(0, Cost::AddsOnly(9)),
                "285 ms slower than the best, and it adds 9 % only",
            ),
            (
                Reason::Tried,
                "it is tried whether the sum is faster without it",
            ),
        ];
        for (reason, text) in texts {
            assert_eq!(reason.to_string(), text);
        }
    }
}

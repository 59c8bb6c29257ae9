//! What was refused, counted by cause, and said in the log as often as is useful.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After so long the log says the same of the same address once more.
const SAY_AGAIN: Duration = Duration::from_secs(60 * 60);

/// How many lines all addresses together may cost in a [`WINDOW`]: a scan with many addresses must not
/// fill the disk.
const MOST: u32 = 60;
const WINDOW: Duration = Duration::from_secs(60);

/// How many addresses are remembered.
const REMEMBERED: usize = 4096;

/// Why somebody was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Cause {
    /// What came was no TLS of ours, or was cut or forged.
    Tls,
    /// What came was against the protocol.
    Violation,
    /// The two ends have no version of the protocol in common.
    Version,
    /// The key is nobody's.
    UnknownUser,
    /// The user has too many connections to the hub.
    HubConnections,
    /// It was not said in time who it is.
    HandshakeTime,
    /// Too many others did not say who they are.
    HandshakeCrowd,
    /// Wrong user or password with SOCKS5 or HTTP.
    Password,
    /// The user has too many user connections.
    OpenLimit,
    /// The destination is not allowed.
    OpenNotAllowed,
    /// The origin refused.
    OpenRefused,
    /// The origin did not answer in time.
    OpenTimedOut,
    /// The origin's host or network can't be reached.
    OpenUnreachable,
    /// The origin's name has no address.
    OpenNameNotFound,
    /// The hub lacks something.
    OpenHubFailure,
}

/// Counters for each [`Cause`], and who was spoken of in the log.
#[derive(Debug, Default)]
pub struct Refusals {
    counts: [AtomicU64; Cause::ALL.len()],
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    addresses: HashMap<(Cause, IpAddr), Instant>,
    window: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl Cause {
    /// Each of them.
    pub const ALL: [Self; 15] = [
        Self::Tls,
        Self::Violation,
        Self::Version,
        Self::UnknownUser,
        Self::HubConnections,
        Self::HandshakeTime,
        Self::HandshakeCrowd,
        Self::Password,
        Self::OpenLimit,
        Self::OpenNotAllowed,
        Self::OpenRefused,
        Self::OpenTimedOut,
        Self::OpenUnreachable,
        Self::OpenNameNotFound,
        Self::OpenHubFailure,
    ];

    /// A word in lower case with `_`, for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Violation => "violation",
            Self::Version => "version",
            Self::UnknownUser => "unknown_user",
            Self::HubConnections => "hub_connections",
            Self::HandshakeTime => "handshake_time",
            Self::HandshakeCrowd => "handshake_crowd",
            Self::Password => "password",
            Self::OpenLimit => "open_limit",
            Self::OpenNotAllowed => "open_not_allowed",
            Self::OpenRefused => "open_refused",
            Self::OpenTimedOut => "open_timed_out",
            Self::OpenUnreachable => "open_unreachable",
            Self::OpenNameNotFound => "open_name_not_found",
            Self::OpenHubFailure => "open_hub_failure",
        }
    }
}

impl Refusals {
    /// How often there was each cause.
    pub fn counts(&self) -> impl Iterator<Item = (Cause, u64)> {
        let count = |cause: Cause| self.counts[cause as usize].load(Ordering::Relaxed);
        Cause::ALL
            .into_iter()
            .map(move |cause| (cause, count(cause)))
    }

    pub(crate) fn count(&self, cause: Cause) {
        self.counts[cause as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts, and says whether the log should hear of it: once for each cause and address, so that
    /// who tries for ever is heard once an hour. Gives the number of lines that were left out since
    /// the last one.
    pub(crate) fn is_news(&self, cause: Cause, from: IpAddr) -> Option<LeftOut> {
        self.count(cause);
        self.is_due(cause, from)
    }

    /// The same for what is counted already.
    pub(crate) fn is_due(&self, cause: Cause, from: IpAddr) -> Option<LeftOut> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.is_news(cause, from, Instant::now())
    }
}

/// How many lines were left out, because there were too many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeftOut(pub(crate) u64);

impl Said {
    fn is_news(&mut self, cause: Cause, from: IpAddr, now: Instant) -> Option<LeftOut> {
        let key = (cause, from);
        let is_recent = |at: &Instant| now.duration_since(*at) < SAY_AGAIN;
        if self.addresses.get(&key).is_some_and(is_recent) {
            return None;
        }
        if self
            .window
            .is_none_or(|began| now.duration_since(began) >= WINDOW)
        {
            (self.window, self.lines) = (Some(now), 0);
        }
        if self.lines == MOST {
            self.left_out += 1;
            return None;
        }
        self.lines += 1;
        if self.addresses.len() >= REMEMBERED {
            self.addresses.retain(|_, at| is_recent(at));
            if self.addresses.len() >= REMEMBERED {
                self.addresses.clear();
            }
        }
        self.addresses.insert(key, now);
        Some(LeftOut(std::mem::take(&mut self.left_out)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u32) -> IpAddr {
        std::net::Ipv4Addr::from(n).into()
    }

    #[test]
    fn causes_are_numbered_in_order() {
        for (number, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, number, "{cause:?}");
        }
        let mut names: Vec<_> = Cause::ALL.map(Cause::as_str).into();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Cause::ALL.len());
    }

    #[test]
    fn each_address_is_news_once_an_hour() {
        let (mut said, now) = (Said::default(), Instant::now());
        assert_eq!(said.is_news(Cause::Tls, address(1), now), Some(LeftOut(0)));
        assert_eq!(said.is_news(Cause::Tls, address(1), now), None);
        assert!(said.is_news(Cause::Version, address(1), now).is_some());
        assert!(said.is_news(Cause::Tls, address(2), now).is_some());
        let later = now + SAY_AGAIN;
        assert!(said.is_news(Cause::Tls, address(1), later).is_some());
    }

    #[test]
    fn a_scan_costs_few_lines_and_little_memory() {
        let (mut said, now) = (Said::default(), Instant::now());
        let heard = |said: &mut Said, now| {
            (0..100_000)
                .filter(|n| said.is_news(Cause::Tls, address(*n), now).is_some())
                .count()
        };
        assert_eq!(heard(&mut said, now), MOST as usize);
        let next = said.is_news(Cause::Tls, address(u32::MAX), now + WINDOW);
        assert_eq!(next, Some(LeftOut(100_000 - u64::from(MOST))));
        for minute in 2..200 {
            heard(&mut said, now + WINDOW * minute);
        }
        assert!(said.addresses.len() <= REMEMBERED);
    }
}

//! Captive portals: who answers in the place of the Internet until somebody has logged in.
//!
//! An uplink over which the hub does not answer is asked for a page whose answer is known. If another one
//! comes, a portal stands in the way, and the uplink is not used until the right one has come.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use dns::Upstream;
use paths::{PathId, Reason, Verdict};
use settings::edge::{CheckUrl, PortalCheck, Settings};
use tokio::sync::mpsc;

use super::fetch::{Found, fetch};
use super::probes::Running;
use crate::names;
use crate::observed::Observed;
use crate::uplink::Uplink;

/// An uplink is in doubt for so long before it is looked for a portal: most silences are shorter.
const FIRST: Duration = Duration::from_secs(1);

/// So often it is looked whether the portal lets through by now.
const AGAIN: Duration = Duration::from_secs(5);

/// Where no portal is found the pauses double up to this: the uplink is down, or the hub is.
const LONGEST: Duration = Duration::from_secs(300);

/// When so many looks in a row had no answer, the portal is gone, and with it maybe all else there.
const NO_ANSWERS: u32 = 4;

/// All uplinks, and the looks that are under way.
#[derive(Debug)]
pub(super) struct Portals {
    url: Option<CheckUrl>,
    uplinks: BTreeMap<PathId, Watched>,
    answers: mpsc::UnboundedReceiver<(PathId, Found)>,
    answer: mpsc::UnboundedSender<(PathId, Found)>,
}

#[derive(Debug)]
struct Watched {
    /// The addresses of ours there, and who is asked for names.
    from: Vec<IpAddr>,
    servers: Vec<Upstream>,
    known: Known,
    look: Option<Running>,
}

/// What is known of one uplink. Pure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    portal: Option<Login>,
    unanswered: u32,
    last: Option<Instant>,
    pause: Duration,
}

/// Where a portal wants to be talked to, if it says so.
pub type Login = Option<String>;

impl Portals {
    pub(super) fn new(settings: &Settings) -> Self {
        let (answer, answers) = mpsc::unbounded_channel();
        let mut portals = Self {
            url: None,
            uplinks: BTreeMap::new(),
            answers,
            answer,
        };
        portals.set_check(settings);
        portals
    }

    /// Fetches what these settings say from now on.
    pub(super) fn set_check(&mut self, settings: &Settings) {
        let url = match &settings.portal.check {
            PortalCheck::Off => None,
            PortalCheck::Fetch(url) => Some(url.clone()),
        };
        if url != self.url {
            self.url = url;
            self.uplinks.clear();
        }
    }

    /// Takes note of the uplinks. One with none but other addresses may be in another network.
    pub(super) fn follow(&mut self, uplinks: &[Uplink<'_>], observed: &Observed) {
        let mut before = std::mem::take(&mut self.uplinks);
        for uplink in uplinks.iter().filter(|it| !it.ways.is_empty()) {
            let id = super::id(uplink);
            let from: Vec<IpAddr> = uplink.ways.iter().map(|way| way.address.addr()).collect();
            let known = before
                .remove(&id)
                .filter(|it| it.from.iter().any(|ip| from.contains(ip)));
            let servers = names::servers_of(uplink, uplinks, observed);
            let watched = match known {
                Some(known) => Watched {
                    from,
                    servers,
                    ..known
                },
                None => Watched {
                    from,
                    servers,
                    known: Known::default(),
                    look: None,
                },
            };
            self.uplinks.insert(id, watched);
        }
    }

    /// The portal that stands in an uplink's way.
    pub(super) fn portal(&self, id: PathId) -> Option<&Login> {
        self.uplinks.get(&id)?.known.portal.as_ref()
    }

    /// Begins to look where it is time to.
    pub(super) fn look(&mut self, verdicts: &[Verdict], now: Instant) {
        let Some(url) = &self.url else {
            return;
        };
        for verdict in verdicts {
            let Some(watched) = self.uplinks.get_mut(&verdict.id) else {
                continue;
            };
            if watched.known.is_due(doubted(verdict), now) {
                let (url, answer, id) = (url.clone(), self.answer.clone(), verdict.id);
                let (from, servers) = (watched.from.clone(), watched.servers.clone());
                watched.look = Some(Running::spawn(async move {
                    let found = fetch(&url, &from, &servers).await;
                    // Nobody listens while the edge stops.
                    let _ = answer.send((id, found));
                }));
            }
        }
    }

    /// Done when a portal was found, or is there no more. May be cancelled at any time.
    pub(super) async fn changed(&mut self) {
        loop {
            // There is a sender in `self`.
            let Some((id, found)) = self.answers.recv().await else {
                return std::future::pending().await;
            };
            let watched = self.uplinks.get_mut(&id);
            if watched.is_some_and(|watched| watched.known.take(found)) {
                return;
            }
        }
    }
}

/// Since when an uplink with an address is in doubt.
fn doubted(verdict: &Verdict) -> Option<Instant> {
    let in_doubt = matches!(
        verdict.reason,
        Reason::Silent(_) | Reason::Unproven | Reason::Portal
    );
    in_doubt.then_some(verdict.since)
}

impl Known {
    /// Whether it is to be looked now; it then counts as looked.
    fn is_due(&mut self, doubted: Option<Instant>, now: Instant) -> bool {
        let Some(since) = doubted else {
            *self = Self::default();
            return false;
        };
        let next = match self.last {
            Some(last) => last + self.pause,
            None => since + FIRST,
        };
        if now < next {
            return false;
        }
        self.pause = match &self.portal {
            Some(_) => AGAIN,
            None => (self.pause * 2).clamp(AGAIN, LONGEST),
        };
        self.last = Some(now);
        true
    }

    /// Whether that changes something.
    fn take(&mut self, found: Found) -> bool {
        let portal = match found {
            Found::Portal(login) => Some(login),
            Found::Through => None,
            Found::Nothing => {
                self.unanswered += 1;
                match self.unanswered < NO_ANSWERS {
                    true => return false,
                    false => None,
                }
            }
        };
        self.unanswered = 0;
        if portal.is_some() {
            self.pause = AGAIN;
        }
        let changed = portal != self.portal;
        self.portal = portal;
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_rare_where_there_is_no_portal_and_often_where_there_is() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut known = Known::default();
        assert!(!known.is_due(Some(start), start));
        let due: Vec<u64> = (1..=80)
            .filter(|it| known.is_due(Some(start), at(*it)))
            .collect();
        assert_eq!(due, [1, 6, 16, 36, 76]);
        assert!(known.take(Found::Portal(None)));
        let due: Vec<u64> = (77..=92)
            .filter(|it| known.is_due(Some(start), at(*it)))
            .collect();
        assert_eq!(due, [81, 86, 91]);
        assert!(!known.take(Found::Portal(None)));
        assert!(known.take(Found::Through));
        assert_eq!(known.portal, None);
        // It works again, and the next doubt begins anew.
        assert!(!known.is_due(None, at(93)));
        assert!(known.is_due(Some(at(94)), at(95)));
    }

    #[test]
    fn a_portal_that_says_nothing_any_more_is_gone_after_a_while() {
        let mut known = Known::default();
        known.take(Found::Portal(Some("http://login.test/".to_owned())));
        for _ in 1..NO_ANSWERS {
            assert!(!known.take(Found::Nothing));
        }
        assert!(known.take(Found::Nothing));
        assert_eq!(known.portal, None);
    }
}

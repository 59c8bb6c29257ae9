//! Finds out which uplinks work, while connections run and otherwise.
//!
//! Decisions are [`paths`]'; here is what they are taken from and what they need: looks at the sockets of
//! busy connections, probes to the hub, and the carriers, which the kernel announces at most once a
//! second (`net/core/link_watch.c`), so that they are looked at while it matters.

mod fetch;
mod looks;
mod mend;
mod passing;
mod portals;
mod probes;
mod stranded;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::time::Instant;

use futures_util::FutureExt;
use netcfg::{InterfaceIndex, Link, Netlink};
use paths::{Action, Event, PathId, Paths, State, Terms, Use, Verdict};
use relay::Server;
use settings::edge::Settings;
use tokio::sync::watch;

use crate::observed::Observed;
use crate::unplugged::Unplugged;
use crate::uplink::{Uplink, UplinkState};
use looks::{Ends, Looks};
use mend::Mend;
use passing::Passing;
use portals::Portals;
use probes::Probes;
use stranded::Stranded;

/// What is known of the uplinks' health.
#[derive(Debug)]
pub struct Health {
    paths: Paths,
    probes: Probes,
    portals: Portals,
    looks: Looks,
    passing: Passing,
    mend: Mend,
    stranded: Stranded,
    netlink: Netlink,
    /// Whose carrier doesn't count.
    unplugged: watch::Receiver<Unplugged>,
    /// Carriers when the network was last observed.
    carriers: BTreeMap<InterfaceIndex, bool>,
    /// Whose each address is.
    owners: HashMap<IpAddr, PathId>,
    renew: Vec<InterfaceIndex>,
    reopen: Vec<InterfaceIndex>,
    changed: bool,
    /// Paths to be asked when the round is over: their addresses may not be set before.
    to_ask: Vec<PathId>,
    names: BTreeMap<PathId, String>,
    /// What the log has said last of each.
    told: BTreeMap<PathId, (State, Use)>,
}

/// Why a round is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A carrier came or went.
    Carrier,
    /// Uplinks are used otherwise than before.
    Uses {
        /// Those whose subflows the peer is to forget, and new ones are to be opened: they were cut off for long.
        renew: Vec<InterfaceIndex>,
        /// Those on which running connections lack subflows.
        reopen: Vec<InterfaceIndex>,
    },
}

impl Health {
    /// Nothing is known yet. The connections to look at are the server's.
    pub fn new(
        settings: &Settings,
        netlink: Netlink,
        unplugged: watch::Receiver<Unplugged>,
        server: Server,
    ) -> Self {
        let probes = Probes::new(settings);
        Self {
            paths: Paths::new(probes.can_ask(), Instant::now()),
            probes,
            portals: Portals::new(settings),
            looks: Looks::new(server),
            passing: Passing::default(),
            mend: Mend::default(),
            stranded: Stranded::default(),
            netlink,
            unplugged,
            carriers: BTreeMap::new(),
            owners: HashMap::new(),
            renew: Vec::new(),
            reopen: Vec::new(),
            changed: false,
            to_ask: Vec::new(),
            names: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// Goes by other settings from now on.
    pub fn set_target(&mut self, settings: &Settings) {
        self.probes.set_target(settings);
        self.paths.set_can_ask(self.probes.can_ask());
    }

    /// Looks for portals as these settings say.
    pub fn set_portal_check(&mut self, settings: &Settings) {
        self.portals.set_check(settings);
    }

    /// Takes note of the uplinks as they have just been observed.
    pub fn follow(&mut self, uplinks: &[Uplink<'_>], observed: &Observed) {
        let now = Instant::now();
        self.carriers = observed
            .links
            .iter()
            .map(|link| (link.index, link.carrier))
            .collect();
        self.owners = owners(uplinks);
        self.names = uplinks.iter().map(|it| (id(it), it.name.clone())).collect();
        self.probes.follow(uplinks);
        self.portals.follow(uplinks, observed);
        let terms: Vec<(PathId, Terms)> = uplinks.iter().map(|it| (id(it), terms(it))).collect();
        let actions = self.paths.set_terms(&terms, now);
        self.take(actions);
        for uplink in uplinks {
            let link = match uplink.state() {
                UplinkState::Up if self.portals.portal(id(uplink)).is_some() => paths::Link::Portal,
                UplinkState::Up => paths::Link::Usable,
                UplinkState::NoCarrier => paths::Link::NoCarrier,
                UplinkState::NoAddress => paths::Link::NoAddress,
                UplinkState::NoGateway => paths::Link::NoGateway,
            };
            self.handle(Event::Link(id(uplink), link), now);
        }
    }

    /// The machine is about to be set up by [`Self::uses`] as they are now.
    pub fn goes_by_uses(&mut self) {
        self.changed = false;
    }

    /// What each uplink is used for.
    pub fn uses(&self) -> BTreeMap<InterfaceIndex, Use> {
        let verdicts = self.verdicts().into_iter();
        verdicts
            .map(|it| (InterfaceIndex(it.id.0), it.used))
            .collect()
    }

    /// The portals that stand in the way of uplinks, each with its login page if that is known.
    pub fn portals(&self) -> BTreeMap<InterfaceIndex, Option<String>> {
        let names = self.names.keys();
        let known = names.filter_map(|id| {
            let login = self.portals.portal(*id)?;
            Some((InterfaceIndex(id.0), login.clone()))
        });
        known.collect()
    }

    /// What each uplink is good for, and why.
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.paths.verdicts(Instant::now())
    }

    /// Watches until a round is due. May be cancelled at any time.
    pub async fn changed(&mut self) -> Change {
        loop {
            for path in std::mem::take(&mut self.to_ask) {
                self.probes.ask(path);
            }
            let is_due = !self.renew.is_empty() || !self.reopen.is_empty();
            if std::mem::take(&mut self.changed) || is_due {
                return Change::Uses {
                    renew: std::mem::take(&mut self.renew),
                    reopen: std::mem::take(&mut self.reopen),
                };
            }
            let pause = self.paths.patience(Instant::now());
            tokio::select! {
                (path, probed) = self.probes.next() => {
                    self.handle(Event::Probed(path, probed), Instant::now());
                }
                () = self.portals.changed() => self.changed = true,
                () = tokio::time::sleep(pause) => {
                    self.look();
                    if self.has_carrier_changed().await {
                        return Change::Carrier;
                    }
                }
            }
        }
    }

    fn look(&mut self) {
        while let Some((path, probed)) = self.probes.next().now_or_never() {
            self.handle(Event::Probed(path, probed), Instant::now());
        }
        let now = Instant::now();
        let seen = self.looks.look(&self.owners, now);
        if seen.traffic {
            self.handle(Event::Traffic, now);
        }
        self.handle(Event::Through(seen.through), now);
        for (path, look) in seen.paths {
            self.handle(Event::Look(path, look), now);
        }
        // After the looks: what waits for the hub is known by then.
        let passed = self.passing.look(now);
        if passed.any {
            self.handle(Event::Traffic, now);
        }
        for path in passed.came {
            self.handle(Event::Came(path), now);
        }
        self.handle(Event::Tick, now);
        self.portals.look(&self.paths.verdicts(now), now);
        self.mend(seen.lost, now);
        self.take_back(&seen.stranded, now);
    }

    /// Has subflows opened anew that running connections have lost on uplinks that work.
    fn mend(&mut self, mut lost: BTreeSet<PathId>, now: Instant) {
        if !lost.is_empty() {
            let uses = self.uses();
            lost.retain(|path| {
                let used = uses.get(&InterfaceIndex(path.0));
                used.is_some_and(|used| *used != Use::Unused)
            });
        }
        for path in self.mend.missed(&lost, now) {
            let name = self.names.get(&path).map_or("?", String::as_str);
            tracing::info!(
                "uplink {name}: a connection has lost its subflow there; they are opened anew"
            );
            self.reopen.push(InterfaceIndex(path.0));
        }
    }

    /// Has a subflow opened for running connections that have none, and ends those that can't have one.
    fn take_back(&mut self, stranded: &HashSet<Ends>, now: Instant) {
        let carries = |verdict: &Verdict| verdict.used == Use::Carries;
        let best = match stranded.is_empty() {
            true => return self.stranded.none(),
            false => self.verdicts().into_iter().find(carries),
        };
        // Without an uplink nothing helps, and nobody's turn comes.
        let Some(best) = best else {
            return;
        };
        let help = self.stranded.seen(stranded, now);
        for ends in help.lost {
            tracing::info!(
                "the connection {} to {} is lost: no subflow can be opened",
                ends.0,
                ends.1
            );
            self.looks.end(ends);
        }
        if help.reopen {
            let name = self.names.get(&best.id).map_or("?", String::as_str);
            tracing::info!("uplink {name}: subflows are opened anew: a connection had none left");
            self.reopen.push(InterfaceIndex(best.id.0));
        }
    }

    async fn has_carrier_changed(&mut self) -> bool {
        if !self.paths.has_traffic(Instant::now()) {
            // The kernel tells, in its own time.
            return false;
        }
        let Ok(mut links) = self.netlink.links().await else {
            return false;
        };
        self.unplugged.borrow().mark(&mut links);
        let is_new = |link: &Link| {
            self.carriers
                .get(&link.index)
                .is_some_and(|was| *was != link.carrier)
        };
        let changed = links.iter().any(is_new);
        for link in links {
            self.carriers.insert(link.index, link.carrier);
        }
        changed
    }

    fn handle(&mut self, event: Event, now: Instant) {
        let actions = self.paths.handle(event, now);
        self.take(actions);
        self.tell(now);
    }

    /// Says in the log what has become of the uplinks.
    fn tell(&mut self, now: Instant) {
        for verdict in self.paths.verdicts(now) {
            let (id, is) = (verdict.id, (verdict.state, verdict.used));
            if self.told.insert(id, is) != Some(is)
                && let Some(name) = self.names.get(&id)
            {
                tracing::info!("uplink {name}: {verdict}");
            }
        }
        self.told.retain(|id, _| self.names.contains_key(id));
    }

    fn take(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Apply => self.changed = true,
                Action::Probe(path) => self.to_ask.push(path),
                Action::Renew(path) => self.renew.push(InterfaceIndex(path.0)),
            }
        }
    }
}

fn id(uplink: &Uplink<'_>) -> PathId {
    PathId(uplink.link.index.0)
}

/// What is known of an uplink.
pub fn verdict_of<'v>(verdicts: &'v [Verdict], uplink: &Uplink<'_>) -> Option<&'v Verdict> {
    verdicts.iter().find(|verdict| verdict.id == id(uplink))
}

fn terms(uplink: &Uplink<'_>) -> Terms {
    Terms {
        role: match uplink.role {
            settings::edge::Role::Active => paths::Role::Active,
            settings::edge::Role::Backup => paths::Role::Backup,
            settings::edge::Role::Off => paths::Role::Off,
        },
        metered: uplink.rule.metered,
    }
}

fn owners(uplinks: &[Uplink<'_>]) -> HashMap<IpAddr, PathId> {
    let of = |uplink: &Uplink<'_>| {
        let id = id(uplink);
        let addresses = uplink.ways.iter().map(|way| way.address.addr());
        addresses
            .map(move |address| (address, id))
            .collect::<Vec<_>>()
    };
    uplinks.iter().flat_map(of).collect()
}

//! All paths together.

use std::fmt;
use std::time::{Duration, Instant};

use crate::asking::{Asking, Standing};
use crate::drag::{Drags, Figures};
use crate::event::{Action, Event, Link, Look};
use crate::health::{Health, State};
use crate::patience::Patience;
use crate::policy::{Candidate, Role, Use, assign};
use crate::reason::Reason;

/// Number of an uplink, the caller's own: such as its interface's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(pub u32);

/// What the user wants of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Whether it carries.
    pub role: Role,
    /// Each byte costs: it is not asked anything while it carries nothing.
    pub metered: bool,
}

/// What a path is good for now, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which path.
    pub id: PathId,
    /// What the user wants of it.
    pub role: Role,
    /// What it is worth.
    pub state: State,
    /// Since when.
    pub since: Instant,
    /// Why.
    pub reason: Reason,
    /// What it is used for.
    pub used: Use,
    /// How long answers to probes take, if there were any.
    pub round_trip: Option<Duration>,
}

/// In words, for the log.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (state, used, reason) = (self.state, self.used, &self.reason);
        write!(f, "{state}, {used}: {reason}")
    }
}

/// Data that has moved counts as traffic for so long.
const TRAFFIC_LASTS: Duration = Duration::from_secs(2);

/// How often time has to pass: an answer is due; data moves; a path is not trusted; nothing happens.
const WHILE_ASKING: Duration = Duration::from_millis(5);
const WITH_TRAFFIC: Duration = Duration::from_millis(15);
const IN_DOUBT: Duration = Duration::from_millis(50);
const AT_REST: Duration = Duration::from_millis(200);

/// When ticks come with a longer pause, it was the caller who was busy elsewhere, and no path is to blame.
const ABSENT: Duration = Duration::from_millis(100);

/// Data that waited for the hub when it was looked at still does for so long.
const STILL_WAITS: Duration = Duration::from_millis(100);

/// A path that was silent for less keeps its subflows: the kernel tries them again soon enough.
const SOON_ENOUGH: Duration = Duration::from_millis(250);

/// A link that was unusable for so long may be another one when it is back: another cable, another Wi-Fi.
const REPLUGGED: Duration = Duration::from_secs(5);

/// A new path that has not told in this time how far it is is used all the same.
const MEASURED_WITHIN: Duration = Duration::from_secs(2);

/// The paths of an edge, in the order in which the user prefers them.
#[derive(Clone, Debug)]
pub struct Paths {
    paths: Vec<Path>,
    /// There is a hub that can be asked.
    can_ask: bool,
    traffic: Option<Instant>,
    /// When time passed last.
    ticked: Instant,
    drags: Drags,
}

#[derive(Clone, Debug)]
struct Path {
    id: PathId,
    terms: Terms,
    health: Health,
    asking: Asking,
    used: Use,
    /// When data was last seen to wait for the hub, and nothing to come from there.
    waited: Option<Instant>,
    /// Since when it has been silent and has kept its subflows all the same.
    kept: Option<Instant>,
    /// Since when its link has been without carrier, address or gateway.
    unusable: Option<Instant>,
}

impl Paths {
    /// No paths yet. `can_ask`: there is somebody who answers probes. Without, a path is given up when
    /// data on it gets no answer, and tried again some time later.
    pub fn new(can_ask: bool, now: Instant) -> Self {
        Self {
            paths: Vec::new(),
            can_ask,
            traffic: None,
            ticked: now,
            drags: Drags::new(now),
        }
    }

    /// Whether there is somebody to ask has changed.
    pub fn set_can_ask(&mut self, can_ask: bool) {
        self.can_ask = can_ask;
        for path in &mut self.paths {
            path.health.forget_questions();
        }
    }

    /// The paths that there are, the preferred one first. Those that were there before keep what is
    /// known of them.
    pub fn set_terms(&mut self, all: &[(PathId, Terms)], now: Instant) -> Vec<Action> {
        let mut before = std::mem::take(&mut self.paths);
        self.paths = all
            .iter()
            .map(|(id, terms)| {
                let known = before.iter().position(|path| path.id == *id);
                let known = known.map(|place| before.swap_remove(place));
                Path {
                    terms: *terms,
                    ..known.unwrap_or_else(|| Path::new(*id, now))
                }
            })
            .collect();
        for path in self.paths.iter_mut().filter(|path| !path.is_wanted()) {
            path.health.forget_questions();
        }
        self.settle(now)
    }

    /// Takes note of what has happened, and says what is to be done.
    pub fn handle(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match event {
            Event::Link(id, link) => {
                let works = |path: &Path| path.is_wanted() && path.health.is_up();
                let another_works = self.paths.iter().any(|path| path.id != id && works(path));
                let must_prove = self.can_ask && another_works;
                let mut elsewhere = false;
                if let Some(path) = self.path(id) {
                    elsewhere = path.may_lead_elsewhere(link, now);
                    if elsewhere {
                        path.forget(now);
                    }
                    path.health.link(link, must_prove, now);
                }
                if elsewhere {
                    self.drags.forget(id, now);
                }
            }
            Event::Look(id, look) => {
                let data_asks = !self.can_ask;
                self.drags
                    .carried(id, look.carried, look.sent.0, look.sent.1);
                if let Some(path) = self.path(id) {
                    path.look(look, now);
                    if data_asks {
                        path.health.data_asks(look.stuck, now);
                    }
                }
            }
            Event::Probed(id, probed) => {
                if let Some(path) = self.path(id) {
                    path.health.probed(probed, now);
                }
            }
            Event::Traffic => self.traffic = Some(now),
            Event::Came(id) => {
                if let Some(path) = self.path(id) {
                    path.came(now);
                }
            }
            Event::Through(bytes) => self.drags.through(bytes),
            Event::Tick => self.tick(now),
        }
        let mut actions = self.settle(now);
        if self.can_ask {
            actions.extend(self.ask(now));
        }
        actions
    }

    /// Only here paths run out of time: whatever else has come by now must have been told before.
    fn tick(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.ticked);
        self.ticked = now;
        for path in &mut self.paths {
            if passed > ABSENT {
                path.health.excuse(passed, now);
            }
            path.health.tick(now);
            if !self.can_ask {
                path.health.try_again(now);
            }
        }
        self.drags.tick(&self.figures(), now);
    }

    fn figures(&self) -> Vec<Figures> {
        self.paths.iter().map(Path::figures).collect()
    }

    /// Whether user data has moved lately.
    pub fn has_traffic(&self, now: Instant) -> bool {
        self.traffic
            .is_some_and(|at| now.saturating_duration_since(at) < TRAFFIC_LASTS)
    }

    fn is_in_doubt(&self) -> bool {
        let in_doubt = |path: &Path| path.may_be_asked() && !path.health.is_up();
        self.can_ask && self.paths.iter().any(in_doubt)
    }

    /// When to be told that time has passed, at the latest.
    pub fn patience(&self, now: Instant) -> Duration {
        let waits = |path: &Path| {
            path.may_be_asked() && path.health.questions().count > 0 && path.health.is_up()
        };
        match () {
            () if self.paths.iter().any(waits) => WHILE_ASKING,
            () if self.has_traffic(now) => WITH_TRAFFIC,
            () if self.is_in_doubt() => IN_DOUBT,
            () => AT_REST,
        }
    }

    /// What each path is good for, in the order of preference.
    pub fn verdicts(&self, now: Instant) -> Vec<Verdict> {
        let verdict = |path: &Path| Verdict {
            id: path.id,
            role: path.terms.role,
            state: self.state(path, now),
            since: path.health.since(),
            reason: self.reason(path, now),
            used: path.used,
            round_trip: path.health.patience.usual(),
        };
        self.paths.iter().map(verdict).collect()
    }

    fn state(&self, path: &Path, now: Instant) -> State {
        match path.health.state(now) {
            State::Up if self.drags.verdict(path.id).is_some() => State::Degraded,
            state => state,
        }
    }

    fn reason(&self, path: &Path, now: Instant) -> Reason {
        let drag = self.drags.verdict(path.id);
        match (path.health.reason(now), path.terms.role, path.used) {
            (_, Role::Off, _) => Reason::Off,
            (Reason::Works, Role::Active, _) if let Some(drag) = drag => {
                Reason::Drags(drag.clone())
            }
            (Reason::Works, Role::Active, Use::Standby)
                if self.drags.left_out() == Some(path.id) =>
            {
                match self.drags.is_reserved(path.id) {
                    true => Reason::Far,
                    false => Reason::Tried,
                }
            }
            (Reason::Works, Role::Active, Use::Unused) if path.is_unmeasured(now) => Reason::New,
            (Reason::Works, Role::Backup, Use::Standby | Use::Unused) => Reason::Reserve,
            (reason, ..) => reason,
        }
    }

    fn path(&mut self, id: PathId) -> Option<&mut Path> {
        self.paths.iter_mut().find(|path| path.id == id)
    }

    /// Finds out who is used for what.
    fn settle(&mut self, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        for path in &mut self.paths {
            if path.has_come_back(now) {
                actions.push(Action::Renew(path.id));
            }
        }
        self.drags.consider(&self.figures(), now);
        let left_out = self.drags.left_out();
        let is_known = |path: &Path| path.figures().fit && !path.is_unmeasured(now);
        let may_wait = self.can_ask && self.paths.iter().any(is_known);
        let candidate = |path: &Path| Candidate {
            up: path.health.is_up() && !(may_wait && path.is_unmeasured(now)),
            ..path.candidate(left_out == Some(path.id))
        };
        let candidates: Vec<Candidate> = self.paths.iter().map(candidate).collect();
        let uses = assign(&candidates);
        let mut changed = false;
        for (path, used) in self.paths.iter_mut().zip(uses) {
            changed |= std::mem::replace(&mut path.used, used) != used;
        }
        if changed {
            actions.push(Action::Apply);
        }
        actions
    }

    fn ask(&mut self, now: Instant) -> Vec<Action> {
        let traffic = self.has_traffic(now);
        let paths = self.paths.iter_mut();
        paths
            .filter_map(|path| path.ask(traffic, now).then_some(Action::Probe(path.id)))
            .collect()
    }
}

impl Path {
    fn new(id: PathId, now: Instant) -> Self {
        Self {
            id,
            terms: Terms::default(),
            health: Health::new(now),
            asking: Asking::new(now),
            used: Use::Unused,
            waited: None,
            kept: None,
            unusable: None,
        }
    }

    /// Whether its link was unusable for so long that it may be another one now.
    fn may_lead_elsewhere(&mut self, link: Link, now: Instant) -> bool {
        if link != Link::Usable {
            self.unusable.get_or_insert(now);
            return false;
        }
        let since = self.unusable.take();
        since.is_some_and(|since| now.duration_since(since) >= REPLUGGED)
    }

    /// Nothing is known of it any more.
    fn forget(&mut self, now: Instant) {
        self.asking = Asking::new(now);
        self.health.patience = Patience::new(now);
    }

    fn look(&mut self, look: Look, now: Instant) {
        self.asking.look(look.life, look.waiting, now);
        if let Some(round_trip) = look.round_trip {
            self.health.patience.seen(round_trip);
        }
        if look.life {
            self.health.lives(now);
            self.waited = None;
        } else if look.waiting {
            self.waited = Some(now);
        }
    }

    /// What came past the hub shows that the link works, which is all that is wanted while nothing waits for the
    /// hub. That the hub can be reached again, only the hub shows.
    fn came(&mut self, now: Instant) {
        let waits = self
            .waited
            .is_some_and(|at| now.saturating_duration_since(at) < STILL_WAITS);
        if self.health.is_up() && !waits {
            self.asking.look(true, false, now);
            self.health.lives(now);
        }
    }

    fn candidate(&self, drags: bool) -> Candidate {
        Candidate {
            role: self.terms.role,
            up: self.health.is_up(),
            drags,
            silent: self.health.has_link().then(|| self.health.since()),
        }
    }

    /// Whether it answers again after a silence in which it kept its subflows, so long that the kernel
    /// would come back to them only much later.
    fn has_come_back(&mut self, now: Instant) -> bool {
        if self.health.is_silent() && self.used == Use::Carries {
            self.kept.get_or_insert(self.health.since());
            return false;
        }
        let kept = self.kept.take();
        self.health.has_link() && kept.is_some_and(|since| now.duration_since(since) >= SOON_ENOUGH)
    }

    fn figures(&self) -> Figures {
        Figures {
            id: self.id,
            fit: self.terms.role == Role::Active && self.health.is_up(),
            round_trip: self.health.patience.usual().unwrap_or_default(),
            least: self.health.patience.least(),
        }
    }

    /// Whether it is still being asked how far it is. Until then it carries nothing beside another: the other end
    /// may miss it when subflows that are opened already are to stand by.
    fn is_unmeasured(&self, now: Instant) -> bool {
        let since = self.health.since();
        self.terms.role == Role::Active
            && !self.terms.metered
            && self.health.is_up()
            && self.health.patience.least().is_none()
            && now.saturating_duration_since(since) < MEASURED_WITHIN
    }

    fn is_wanted(&self) -> bool {
        self.terms.role != Role::Off
    }

    fn may_be_asked(&self) -> bool {
        self.is_wanted() && self.health.has_link()
    }

    fn ask(&mut self, traffic: bool, now: Instant) -> bool {
        if !self.may_be_asked() {
            return false;
        }
        let standing = Standing {
            up: self.health.is_up(),
            unanswered: self.health.questions().count,
            overdue: self.health.patience.overdue(),
            since: self.health.since(),
            life: self.health.life(),
            traffic,
            spare: self.terms.metered && self.used != Use::Carries,
        };
        let due = self.asking.is_due(standing, now);
        if due {
            self.health.ask(now);
        }
        due
    }
}

#[cfg(test)]
#[path = "paths_tests.rs"]
mod tests;

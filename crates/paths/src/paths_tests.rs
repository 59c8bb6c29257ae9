//! The paths against a world of wires that answer or don't, on a clock that the test moves.

#[path = "paths_tests/drag.rs"]
mod drag;
#[path = "paths_tests/links.rs"]
mod links;
#[path = "paths_tests/probes.rs"]
mod probes;
#[path = "paths_tests/properties.rs"]
mod properties;
#[path = "paths_tests/roles.rs"]
mod roles;
#[path = "paths_tests/silence.rs"]
mod silence;

use super::*;
use crate::event::{Link, Probed};

use Use::{Carries, Standby, Unused};

/// The world goes by steps of so long.
const STEP: Duration = ms(5);

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Whether data comes, so many milliseconds after the beginning.
type Flow = fn(u64) -> bool;

const BULK: Flow = |_| true;
const NOTHING: Flow = |_| false;

/// One path's way to the other end.
struct Wire {
    round_trip: Duration,
    /// An answer takes up to so much longer.
    jitter: Duration,
    dead: bool,
    /// So many of the next questions get lost.
    loses: usize,
    flow: Flow,
    /// Data was sent since the last look, and has come unless the wire is dead.
    moves: bool,
    /// The same of data that goes past the hub.
    call: Flow,
    calls: bool,
}

impl Wire {
    fn of(round_trip: u64) -> Self {
        Self {
            round_trip: ms(round_trip),
            jitter: Duration::ZERO,
            dead: false,
            loses: 0,
            flow: NOTHING,
            moves: false,
            call: NOTHING,
            calls: false,
        }
    }
}

/// Paths, their wires, and somebody who looks as often as he is told to.
struct Bench {
    paths: Paths,
    wires: Vec<Wire>,
    start: Instant,
    now: Instant,
    looked: Instant,
    /// Looks come no more often than this.
    absence: Duration,
    answers: Vec<(Instant, PathId, Duration)>,
    /// What was to be done, and when.
    log: Vec<(Instant, Action)>,
}

impl Bench {
    /// Active paths with these round trips, in milliseconds, and no link yet.
    fn new(round_trips: &[u64]) -> Self {
        let terms = vec![Terms::default(); round_trips.len()];
        Self::with(true, round_trips, &terms)
    }

    /// Active paths that have a link and have proved themselves.
    fn up(round_trips: &[u64]) -> Self {
        Self::new(round_trips).all_up()
    }

    fn with(can_ask: bool, round_trips: &[u64], terms: &[Terms]) -> Self {
        let start = Instant::now();
        let mut bench = Self {
            paths: Paths::new(can_ask, start),
            wires: round_trips.iter().copied().map(Wire::of).collect(),
            start,
            now: start,
            looked: start,
            absence: Duration::ZERO,
            answers: Vec::new(),
            log: Vec::new(),
        };
        bench.set_terms(terms);
        bench
    }

    /// Gives all of them a link, and some time with data to get to know them.
    fn all_up(mut self) -> Self {
        for place in 0..self.wires.len() {
            self.link(place, Link::Usable);
        }
        self.wires[0].flow = BULK;
        self.run(10_000);
        self.wires[0].flow = NOTHING;
        self.run(3_000);
        self.log.clear();
        self
    }

    fn set_terms(&mut self, terms: &[Terms]) {
        let all: Vec<_> = (0..).map(PathId).zip(terms.iter().copied()).collect();
        let actions = self.paths.set_terms(&all, self.now);
        self.take(&actions);
    }

    fn link(&mut self, place: usize, link: Link) -> Vec<Action> {
        self.event(Event::Link(PathId(place as u32), link))
    }

    /// Uses change with [`Action::Apply`] and never else.
    fn event(&mut self, event: Event) -> Vec<Action> {
        let before = self.uses();
        let actions = self.paths.handle(event, self.now);
        let applied = actions.contains(&Action::Apply);
        assert_eq!(applied, self.uses() != before, "{event:?}: {actions:?}");
        self.take(&actions);
        actions
    }

    fn take(&mut self, actions: &[Action]) {
        for action in actions {
            self.log.push((self.now, *action));
            if let Action::Probe(id) = action {
                self.probe(*id);
            }
        }
    }

    fn probe(&mut self, id: PathId) {
        let wire = &mut self.wires[id.0 as usize];
        if wire.loses > 0 {
            wire.loses -= 1;
        } else if !wire.dead {
            // Evenly spread, and the same in every run.
            let late = wire.jitter * (self.log.len() as u32 * 37 % 100) / 100;
            let after = wire.round_trip + late;
            self.answers.push((self.now + after, id, after));
        }
    }

    fn run(&mut self, milliseconds: u64) {
        let end = self.now + ms(milliseconds);
        while self.now < end {
            self.step();
        }
    }

    /// Runs until something holds, and says how long it took.
    fn until(&mut self, holds: impl Fn(&Self) -> bool) -> Duration {
        let began = self.now;
        while !holds(self) {
            self.step();
            assert!(self.now - began < ms(60_000), "{:?}", self.verdicts());
        }
        self.now - began
    }

    fn step(&mut self) {
        self.now += STEP;
        let now = self.now;
        let due = self.answers.extract_if(.., |(at, ..)| *at <= now);
        for (_, id, after) in due.collect::<Vec<_>>() {
            if !self.wires[id.0 as usize].dead {
                self.event(Event::Probed(id, Probed::Answered(after)));
            }
        }
        let at = (now - self.start).as_millis() as u64;
        for wire in &mut self.wires {
            wire.moves |= (wire.flow)(at);
            wire.calls |= (wire.call)(at);
        }
        let pause = self.paths.patience(now).max(self.absence);
        if now - self.looked >= pause {
            self.looked = now;
            self.look();
        }
    }

    fn look(&mut self) {
        for place in 0..self.wires.len() {
            let wire = &mut self.wires[place];
            if std::mem::take(&mut wire.moves) {
                let look = Look {
                    life: !wire.dead,
                    waiting: true,
                    ..Look::default()
                };
                self.event(Event::Traffic);
                self.event(Event::Look(PathId(place as u32), look));
            }
            let wire = &mut self.wires[place];
            if std::mem::take(&mut wire.calls) {
                let came = !wire.dead;
                self.event(Event::Traffic);
                if came {
                    self.event(Event::Came(PathId(place as u32)));
                }
            }
        }
        self.event(Event::Tick);
    }

    fn verdicts(&self) -> Vec<Verdict> {
        self.paths.verdicts(self.now)
    }

    fn uses(&self) -> Vec<Use> {
        self.verdicts().iter().map(|it| it.used).collect()
    }

    fn verdict(&self, place: usize) -> Verdict {
        self.verdicts().swap_remove(place)
    }

    fn state(&self, place: usize) -> State {
        self.verdict(place).state
    }

    /// How often something was to be done so far.
    fn count(&self, action: Action) -> usize {
        self.log.iter().filter(|(_, it)| *it == action).count()
    }

    fn probes(&self, place: usize) -> usize {
        self.count(Action::Probe(PathId(place as u32)))
    }
}

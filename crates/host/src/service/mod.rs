//! The service: sees what happens to the PC, has the pure parts decide, and does what they say.
//!
//! One thread decides. What can take long is done by others, which report back: [`plugger`] makes switches
//! and plugs cards into VMs, [`prepare`] prepares a user's WSL, [`remove`] takes that away again.

mod config;
mod event;
mod plugger;
mod prepare;
mod remove;
mod requests;
mod routes;
mod seat;
mod status;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use channel::{Applied, EdgeHello, Mptcp, ToEdge, ToHost};
use hcs::Hcs;
use winnet::{Address, Interface, Net};
use winproc::Users;
use zeroize::Zeroizing;

use self::config::Config;
use self::event::Event;
pub use self::event::Handle;
use self::plugger::{Orders, Plugger};
pub use self::prepare::Image;
use self::prepare::Prepared;
use self::remove::Removal;
use self::seat::Seat;
use crate::cards;
use crate::causes::with_causes;
use crate::edge::{Edge, Heard};
use crate::goal::Goal;
use crate::registry::Registry;
use crate::store::{Store, StoreError};
use crate::supervisor::{self, Action, Phase, Supervisor};
use crate::wiring::{OtherWay, Report};

/// A look without an event. Windows promises no notification, and tells of some things not at all.
const EVERY: Duration = Duration::from_secs(1);

/// Changes come in bursts.
const BURST: Duration = Duration::from_millis(100);

/// How long whoever asks for the status waits for the edge's part of it.
const STATUS_LIMIT: Duration = Duration::from_secs(2);

/// What the service works with.
pub struct Parts {
    /// VMs and switches.
    pub hcs: Hcs,
    /// Interfaces, addresses and routes.
    pub net: Net,
    /// Who is logged on.
    pub users: Arc<dyn Users>,
    /// Windows' registry.
    pub registry: Arc<dyn Registry>,
    /// Makes switches where HCN does not.
    pub other_way: Box<dyn OtherWay>,
    /// What outlives the service.
    pub store: Store,
    /// What the edge lives in.
    pub image: Image,
}

/// The service.
pub struct Service {
    net: Net,
    users: Arc<dyn Users>,
    registry: Arc<dyn Registry>,
    store: Store,
    image: Image,
    plugger: Plugger,
    events: Receiver<Event>,
    me: Sender<Event>,
    config: Config,
    goal: Goal,
    supervisor: Supervisor<Seat>,
    /// The edge, from its start until it has ended.
    edge: Option<Running>,
    /// The network as it was at the last look.
    interfaces: Vec<Interface>,
    addresses: Vec<Address>,
    look_at: Instant,
    report: Report,
    problems: Problems,
    waiting: Vec<(Sender<crate::control::Answer>, Instant)>,
    is_stopping: bool,
    removal: Option<Removal>,
}

/// An edge whose program runs.
struct Running {
    edge: Edge,
    hello: Option<EdgeHello>,
    /// The settings that it was sent.
    told: Option<Zeroizing<String>>,
    /// What it has against them.
    refused: Option<String>,
}

/// What is wrong, for the status.
#[derive(Debug, Default)]
struct Problems {
    /// With the user's WSL.
    set_up: Vec<String>,
    routes: Option<String>,
    network: Option<String>,
    sessions: Option<String>,
    notifications: Option<String>,
}

impl Running {
    /// With what to do about it, as far as that is known here.
    fn last_words(&self, words: String) -> String {
        let mptcp = self.hello.as_ref().map(|it| it.mptcp);
        match mptcp {
            Some(Mptcp::Missing) => format!(
                "{words}; the kernel in .wslconfig counts when WSL starts the next time, so run: wsl --shutdown"
            ),
            _ => words,
        }
    }
}

impl Service {
    /// Reads what is in the store. Does nothing yet.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn new(parts: Parts) -> Result<(Self, Handle), StoreError> {
        let (me, events) = mpsc::channel();
        let now = Instant::now();
        let service = Self {
            plugger: Plugger::start(parts.hcs, parts.store.clone(), parts.other_way, me.clone()),
            net: parts.net,
            users: parts.users,
            registry: parts.registry,
            config: Config::load(parts.store.settings()),
            goal: parts.store.goal()?,
            store: parts.store,
            image: parts.image,
            events,
            me: me.clone(),
            supervisor: Supervisor::new(now),
            edge: None,
            interfaces: Vec::new(),
            addresses: Vec::new(),
            look_at: now,
            report: Report::default(),
            problems: Problems::default(),
            waiting: Vec::new(),
            is_stopping: false,
            removal: None,
        };
        Ok((service, Handle::new(me)))
    }

    /// Serves until it is told to stop, and the edge has ended.
    pub fn run(mut self) {
        // Notifications first, state second, so that nothing falls in between.
        let look = Handle::new(self.me.clone());
        let watch = self.net.watch(move |_| look.look());
        if let Err(error) = &watch {
            self.problems.notifications = Some(with_causes(error));
        }
        while !(self.is_stopping && *self.supervisor.phase() == Phase::Idle) {
            match self.events.recv_timeout(self.pause()) {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => {}
                // There is a sender in `self`.
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.tick();
        }
        // The edge is gone, and whatever it was that was to be routed to it.
        self.route();
    }

    fn pause(&self) -> Duration {
        let statuses = self.waiting.iter().map(|(_, until)| *until);
        let next = statuses.chain(self.supervisor.deadline()).min();
        let next = next.map_or(self.look_at, |it| it.min(self.look_at));
        next.saturating_duration_since(Instant::now())
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Stop => {
                tracing::info!("the service stops");
                self.is_stopping = true;
                self.want();
            }
            Event::Look => self.look_at = self.look_at.min(Instant::now() + BURST),
            Event::Asked {
                request,
                asker,
                answer,
            } => self.asked(request, &asker, answer),
            Event::Prepared(prepared) => self.prepared(prepared),
            Event::Heard(heard) => self.heard(heard),
            Event::Plugged(goal, report) => self.plugged(goal, report),
            Event::Removed(problems) => self.removed(problems),
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        self.decide(supervisor::Event::Tick);
        if now >= self.look_at {
            self.look();
        }
        self.answer_late(now);
        self.go_on_removing();
    }

    /// Looks at everything, and has it be as it should.
    fn look(&mut self) {
        self.look_at = Instant::now() + EVERY;
        self.config.read_again();
        self.see_network();
        self.want();
        self.order();
        self.tell_edge();
        self.route();
    }

    fn see_network(&mut self) {
        let interfaces = self.net.interfaces();
        let seen = interfaces.and_then(|it| Ok((it, self.net.addresses()?)));
        let problem = match seen {
            Ok(seen) => {
                (self.interfaces, self.addresses) = seen;
                None
            }
            Err(error) => Some(with_causes(&error)),
        };
        note(&mut self.problems.network, problem);
    }

    /// Finds out whose VM is to be used.
    fn want(&mut self) {
        let is_up = self.goal == Goal::Up && !self.is_stopping && self.config.settings().is_some();
        let seat = match is_up {
            false => None,
            true => match self.users.sessions() {
                Ok(sessions) => {
                    self.problems.sessions = None;
                    Seat::choose(sessions)
                }
                Err(error) => {
                    note(&mut self.problems.sessions, Some(with_causes(&error)));
                    return;
                }
            },
        };
        self.decide(supervisor::Event::Wanted(seat));
    }

    /// Says what is to be plugged into which VM.
    fn order(&mut self) {
        let settings = self.config.settings().cloned().unwrap_or_default();
        let hello = self.edge.as_ref().and_then(|it| it.hello.as_ref());
        self.plugger.order(Orders {
            goal: self.goal,
            cards: cards::cards(&self.interfaces, &settings),
            edge: hello.map(|hello| hello.vm.clone()),
        });
    }

    /// Sends an edge its settings when they are other ones.
    fn tell_edge(&mut self) {
        let (Some(running), Some(settings)) = (&mut self.edge, self.config.settings()) else {
            return;
        };
        let adapters = cards::adapters(&self.interfaces);
        let Some(text) = config::for_edge(settings, &adapters) else {
            return;
        };
        if running.hello.is_some() && running.told.as_ref() != Some(&text) {
            let told = channel::SecretText(text.to_string());
            running.edge.say(ToEdge::Settings(told));
            running.told = Some(text);
        }
    }

    fn decide(&mut self, event: supervisor::Event<Seat>) {
        let actions = self.supervisor.handle(event, Instant::now());
        for action in actions {
            match action {
                Action::Start(seat) => self.prepare(seat),
                Action::Stop => self.with_edge(|edge| edge.say(ToEdge::Stop)),
                Action::Kill => self.with_edge(Edge::kill),
                Action::Reroute => self.route(),
            }
        }
    }

    fn with_edge(&self, act: impl FnOnce(&Edge)) {
        if let Some(running) = &self.edge {
            act(&running.edge);
        }
    }

    /// The user's WSL is ready for the edge, or can't be made so.
    fn prepared(&mut self, prepared: Result<Prepared, String>) {
        let ended = match (self.supervisor.phase(), prepared) {
            (Phase::Preparing(_), Ok(prepared)) => self.start(prepared).err(),
            (Phase::Preparing(_), Err(why)) => Some(why),
            // It is not wanted any more.
            _ => return self.decide(supervisor::Event::Ended(None)),
        };
        self.decide(match ended {
            None => supervisor::Event::Launched,
            Some(why) => {
                tracing::warn!("the edge cannot be started: {why}");
                supervisor::Event::Ended(Some(why))
            }
        });
    }

    fn start(&mut self, prepared: Prepared) -> Result<(), String> {
        self.problems.set_up = prepared.problems;
        let me = self.me.clone();
        let heard = move |heard| drop(me.send(Event::Heard(heard)));
        let log = |line: &str| tracing::info!(target: "edge", "{line}");
        let edge = Edge::start(&*prepared.user, &prepared.command, log, heard);
        self.edge = Some(Running {
            edge: edge.map_err(with_causes)?,
            hello: None,
            told: None,
            refused: None,
        });
        Ok(())
    }

    fn heard(&mut self, heard: Heard) {
        let message = match heard {
            Heard::Message(message) => message,
            Heard::Ended(words) => {
                let words = match self.edge.take() {
                    Some(running) => running.last_words(words),
                    None => words,
                };
                tracing::warn!("the edge has ended: {words}");
                self.answer_all();
                self.decide(supervisor::Event::Ended(Some(words)));
                return self.order();
            }
        };
        let Some(running) = &mut self.edge else {
            return;
        };
        let event = match message {
            ToHost::Hello(hello) => {
                if let Err(error) = channel::check_protocol(hello.protocol, &hello.version) {
                    tracing::error!("{error}");
                    return running.edge.kill();
                }
                tracing::info!(
                    "an edge runs on kernel {} in VM {:?}",
                    hello.kernel,
                    hello.vm
                );
                running.hello = Some(hello);
                self.decide(supervisor::Event::Greeted);
                self.tell_edge();
                return self.order();
            }
            ToHost::Ready(ready) => {
                // Without a way out it could but keep what it takes in.
                let gateways = if ready.online {
                    ready.gateways
                } else {
                    Vec::new()
                };
                supervisor::Event::Ready(gateways)
            }
            ToHost::Applied(Applied::Refused { errors }) => {
                tracing::error!("the edge refuses its settings: {errors}");
                running.refused = Some(errors);
                supervisor::Event::Heard
            }
            ToHost::Applied(Applied::Taken { .. }) => {
                running.refused = None;
                supervisor::Event::Heard
            }
            ToHost::Status(status) => {
                self.answer(&status);
                supervisor::Event::Heard
            }
            // Its end follows, with these words.
            ToHost::Alive | ToHost::Fatal(_) => supervisor::Event::Heard,
        };
        self.decide(event);
    }

    fn plugged(&mut self, goal: Goal, report: Report) {
        for problem in report.problems.iter() {
            if !self.report.problems.contains(problem) {
                tracing::warn!("{problem}");
            }
        }
        self.report = report;
        if let Some(removal) = &mut self.removal {
            removal.unplugged |= goal == Goal::Gone;
        }
    }
}

/// Remembers a problem, and says it once.
fn note(place: &mut Option<String>, problem: Option<String>) {
    if let Some(problem) = problem.as_ref().filter(|it| place.as_ref() != Some(it)) {
        tracing::warn!("{problem}");
    }
    *place = problem;
}

//! The service: sees what happens to the PC, has the pure parts decide, and does what they say.
//!
//! One thread decides. What can take long is done by others, which report back: [`plugger`] makes switches
//! and plugs cards into VMs, [`prepare`] prepares a user's WSL, [`remove`] takes that away again.

mod config;
mod connections;
mod event;
mod heard;
mod kernel;
mod lending;
mod names;
mod plugger;
mod prepare;
mod proxies;
mod remove;
mod requests;
mod routes;
mod seat;
mod status;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use channel::{EdgeHello, Mac, ToEdge};
use hcs::{Hcs, Recorder};
use winnet::{Address, Interface, Net, PolicyStore};
use winproc::{Program, Users};
use zeroize::Zeroizing;

use self::config::Config;
use self::event::Event;
pub use self::event::Handle;
use self::kernel::Installed;
use self::lending::Lending;
use self::plugger::{Orders, Plugger};
pub use self::prepare::Image;
use self::prepare::Prepared;
pub use self::proxies::PROXY_HAS_CHANGED;
use self::remove::Removal;
use self::requests::Connected;
use self::seat::Seat;
use crate::cards;
use crate::causes::with_causes;
use crate::edge::Edge;
use crate::goal::Goal;
use crate::kernels::{shelf::Shelf, trial};
use crate::proxy::ProxySetting;
use crate::registry::Registry;
use crate::store::{Setting, Store, StoreError};
use crate::supervisor::{self, Action, Phase, Supervisor};
use crate::wiring::{InVm, OtherWay, Report};

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
    /// What `hcs` speaks through.
    pub recorder: Arc<Recorder>,
    /// Interfaces, addresses and routes.
    pub net: Net,
    /// Whether Windows keeps several connections.
    pub policy: Arc<dyn PolicyStore>,
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
    /// Where installed kernels are.
    pub shelf: Shelf,
    /// This program, for what has to be done as the user.
    pub program: Program,
}

/// The service.
pub struct Service {
    recorder: Arc<Recorder>,
    net: Net,
    policy: Arc<dyn PolicyStore>,
    users: Arc<dyn Users>,
    registry: Arc<dyn Registry>,
    store: Store,
    image: Image,
    installed: Installed,
    program: Program,
    names: Lending<String>,
    proxies: Lending<ProxySetting>,
    telling: Option<JoinHandle<()>>,
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
    connected: Option<Connected>,
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
    /// The cards that it was told are unplugged.
    unplugged: Vec<Mac>,
    /// What it runs on that was to be something else.
    differences: Vec<String>,
}

/// What is wrong, for the status.
#[derive(Debug, Default)]
struct Problems {
    /// With the user's WSL.
    set_up: Vec<String>,
    routes: Option<String>,
    names: Option<String>,
    proxy: Option<String>,
    network: Option<String>,
    connections: Option<String>,
    sessions: Option<String>,
    notifications: Option<String>,
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
            recorder: parts.recorder,
            plugger: Plugger::start(parts.hcs, parts.store.clone(), parts.other_way, me.clone()),
            net: parts.net,
            policy: parts.policy,
            users: parts.users,
            registry: parts.registry,
            config: Config::load(parts.store.settings()),
            goal: parts.store.goal()?,
            installed: Installed::load(parts.shelf, &parts.store)?,
            program: parts.program,
            names: Lending::load(&parts.store, Setting::NameServers)?,
            proxies: Lending::load(&parts.store, Setting::Proxies)?,
            telling: None,
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
            connected: None,
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
        self.finish_telling();
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
        self.go_on_trying();
        self.go_on_removing();
    }

    /// Looks at everything, and has it be as it should.
    fn look(&mut self) {
        self.look_at = Instant::now() + EVERY;
        self.config.read_again();
        self.see_network();
        self.see_connections();
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
        let is_wanted = self.goal == Goal::Up && !self.is_stopping;
        let is_up = is_wanted && self.config.settings().is_some() && self.installed.allow_edge();
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
            edge: hello.map(|hello| InVm(hello.vm.clone())),
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
        let unplugged = cards::unplugged(&self.interfaces);
        if running.hello.is_some() && running.unplugged != unplugged {
            running.edge.say(ToEdge::Unplugged(unplugged.clone()));
            running.unplugged = unplugged;
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
        match ended {
            None => {
                self.decide(supervisor::Event::Launched);
                self.tried(&trial::Event::Launched);
            }
            Some(why) => {
                tracing::warn!("the edge cannot be started: {why}");
                self.tried(&trial::Event::Failed(&why));
                self.decide(supervisor::Event::Ended(Some(why)));
            }
        }
    }

    fn start(&mut self, prepared: Prepared) -> Result<(), String> {
        self.problems.set_up = prepared.problems;
        self.installed.end_vm &= !prepared.has_ended_vm;
        let me = self.me.clone();
        let heard = move |heard| drop(me.send(Event::Heard(heard)));
        let log = |line: &str| tracing::info!(target: "edge", "{line}");
        let edge = Edge::start(&*prepared.user, &prepared.command, log, heard);
        self.edge = Some(Running {
            edge: edge.map_err(with_causes)?,
            hello: None,
            told: None,
            refused: None,
            unplugged: Vec::new(),
            differences: Vec::new(),
        });
        Ok(())
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

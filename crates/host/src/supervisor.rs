//! Keeps an edge running in the VM of whoever is logged on. Pure: events and the clock in, actions out.
//!
//! The edge is a program that `wsl.exe` runs for us. As long as it lives the VM stays awake
//! (WSL `src/windows/service/exe/Lifetime.cpp:96-141`); when it dies, or says nothing for a while, no
//! traffic may be routed to it.

use std::net::IpAddr;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// How long an edge may be silent before traffic goes elsewhere. It says something every second.
const SILENCE: Duration = Duration::from_millis(1500);

/// How long an edge may be silent before it is ended. A PC that was busy for a moment needs no restart.
const DEAD: Duration = Duration::from_secs(15);

/// How long it may take until the program runs: a new distribution has to be imported first.
const PREPARING: Duration = Duration::from_secs(600);

/// How long an edge may take from its start to its first word. A cold VM needs some ten seconds.
const GREETING: Duration = Duration::from_secs(90);

/// How long an edge that was asked to stop may take to put the guest's network back.
const STOPPING: Duration = Duration::from_secs(4);

/// The pause before another try: doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// An edge that has run for so long did not fail at its start: the next pause is the first again.
const GOOD_RUN: Duration = Duration::from_secs(60);

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<User> {
    /// Whose VM is to be used; `None`: nobody's.
    Wanted(Option<User>),
    /// The program could not be started, or has ended. With its last words, if it had any.
    Ended(Option<String>),
    /// The program runs.
    Launched,
    /// The edge has greeted.
    Greeted,
    /// The edge has said something.
    Heard,
    /// The edge that runs has to be started anew: settings have changed that count then only.
    Restart,
    /// The edge takes traffic in at these addresses; at none while it is not ready.
    Ready(Vec<IpAddr>),
    /// Time has passed: [`Supervisor::deadline`] was reached.
    Tick,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<User> {
    /// Run the edge as this user.
    Start(User),
    /// Ask it to stop.
    Stop,
    /// End it by force.
    Kill,
    /// Look at the routes again.
    Reroute,
}

/// What it does at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nobody is logged on, or nothing is wanted.
    Idle,
    /// The last edge failed. The next one is started then.
    Waiting(Instant),
    /// The program is about to be started since then.
    Preparing(Instant),
    /// The program runs since then; the edge has not said anything yet.
    Starting(Instant),
    /// The edge runs since then.
    Running(Instant),
    /// It was asked to stop then.
    Stopping(Instant),
}

/// Keeps one edge running.
#[derive(Debug)]
pub struct Supervisor<User> {
    wanted: Option<User>,
    /// Whose edge runs.
    running: Option<User>,
    phase: Phase,
    pause: Duration,
    heard: Instant,
    gateways: Vec<IpAddr>,
    /// Whether the silence was noticed.
    is_silent: bool,
    /// Whether the edge that is being stopped has failed, and the next one is to wait.
    has_failed: bool,
    trouble: Option<String>,
}

impl<User: Clone + PartialEq> Supervisor<User> {
    /// One that has nothing to do yet.
    pub fn new(now: Instant) -> Self {
        Self {
            wanted: None,
            running: None,
            phase: Phase::Idle,
            pause: FIRST_PAUSE,
            heard: now,
            gateways: Vec::new(),
            is_silent: false,
            has_failed: false,
            trouble: None,
        }
    }

    /// What it does.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Whose edge it is.
    pub fn user(&self) -> Option<&User> {
        self.running.as_ref().or(self.wanted.as_ref())
    }

    /// Why the last edge has ended.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Where traffic may be sent to now.
    pub fn gateways(&self) -> &[IpAddr] {
        match self.phase {
            Phase::Running(_) if !self.is_silent => &self.gateways,
            _ => &[],
        }
    }

    /// When [`Event::Tick`] is due, if it is.
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Idle => None,
            Phase::Waiting(until) => Some(until),
            Phase::Preparing(since) => Some(since + PREPARING),
            Phase::Starting(since) => Some(since + GREETING),
            Phase::Running(_) if self.is_silent => Some(self.heard + DEAD),
            Phase::Running(_) => Some(self.heard + SILENCE),
            Phase::Stopping(since) => Some(since + STOPPING),
        }
    }

    /// Takes an event in.
    pub fn handle(&mut self, event: Event<User>, now: Instant) -> Vec<Action<User>> {
        let before = self.gateways().to_vec();
        let mut actions = Vec::new();
        match event {
            Event::Wanted(user) => self.want(user, now, &mut actions),
            Event::Ended(last_words) => self.ended(last_words, now, &mut actions),
            Event::Launched => {
                if let Phase::Preparing(_) = self.phase {
                    self.phase = Phase::Starting(now);
                }
            }
            Event::Greeted => {
                if let Phase::Starting(_) = self.phase {
                    self.trouble = None;
                    self.phase = Phase::Running(now);
                    self.hear(now);
                }
            }
            Event::Heard => self.hear(now),
            Event::Restart => {
                if let Phase::Running(_) = self.phase {
                    self.phase = Phase::Stopping(now);
                    actions.push(Action::Stop);
                }
            }
            Event::Ready(gateways) => {
                self.hear(now);
                self.gateways = gateways;
            }
            Event::Tick => self.tick(now, &mut actions),
        }
        if self.gateways() != before {
            // First of all: until then traffic goes nowhere.
            actions.insert(0, Action::Reroute);
        }
        actions
    }

    fn want(&mut self, user: Option<User>, now: Instant, actions: &mut Vec<Action<User>>) {
        if user == self.wanted {
            return;
        }
        self.wanted = user;
        self.pause = FIRST_PAUSE;
        self.trouble = None;
        self.has_failed = false;
        match self.phase {
            Phase::Idle | Phase::Waiting(_) => self.start(now, actions),
            // It goes on with the other user when this one's has ended.
            Phase::Preparing(_) | Phase::Starting(_) | Phase::Running(_)
                if self.running != self.wanted =>
            {
                self.phase = Phase::Stopping(now);
                actions.push(Action::Stop);
            }
            Phase::Preparing(_) | Phase::Starting(_) | Phase::Running(_) | Phase::Stopping(_) => {}
        }
    }

    fn start(&mut self, now: Instant, actions: &mut Vec<Action<User>>) {
        self.running = self.wanted.clone();
        self.gateways.clear();
        self.phase = match &self.running {
            Some(user) => {
                actions.push(Action::Start(user.clone()));
                Phase::Preparing(now)
            }
            None => Phase::Idle,
        };
    }

    fn ended(&mut self, last_words: Option<String>, now: Instant, actions: &mut Vec<Action<User>>) {
        match self.phase {
            // Not one that was started here.
            Phase::Idle | Phase::Waiting(_) => {}
            Phase::Stopping(_) if !self.has_failed => self.start(now, actions),
            Phase::Stopping(_) => self.wait(now),
            Phase::Preparing(since) | Phase::Starting(since) | Phase::Running(since) => {
                self.trouble = last_words.or(self.trouble.take());
                self.judge(since, now);
                self.wait(now);
            }
        }
    }

    /// An edge that ran well for long did not fail at its start.
    fn judge(&mut self, since: Instant, now: Instant) {
        if now - since >= GOOD_RUN {
            self.pause = FIRST_PAUSE;
        }
    }

    fn wait(&mut self, now: Instant) {
        self.has_failed = false;
        self.running = None;
        self.phase = Phase::Waiting(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    fn hear(&mut self, now: Instant) {
        self.heard = now;
        self.is_silent = false;
    }

    fn tick(&mut self, now: Instant, actions: &mut Vec<Action<User>>) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.phase {
            Phase::Idle => {}
            Phase::Waiting(_) => self.start(now, actions),
            Phase::Running(since) => {
                if self.is_silent {
                    self.judge(since, now);
                    self.give_up("it said nothing any more", now, actions);
                } else {
                    self.is_silent = true;
                }
            }
            Phase::Preparing(_) => self.give_up("WSL did not start it", now, actions),
            Phase::Starting(_) => self.give_up("it did not say anything", now, actions),
            Phase::Stopping(_) => {
                self.phase = Phase::Stopping(now);
                actions.push(Action::Kill);
            }
        }
    }

    /// The next one is started after [`Event::Ended`], so that there are never two.
    fn give_up(&mut self, why: &str, now: Instant, actions: &mut Vec<Action<User>>) {
        self.trouble = Some(why.to_owned());
        self.has_failed = true;
        self.phase = Phase::Stopping(now);
        actions.push(Action::Kill);
    }
}

//! What requests, the watchers of idle connections and the keeper share.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;
use wire::hub::Welcome;

use super::backoff::Backoff;
use super::demand::{Demand, MOST};
use super::lease::{Lease, Warm};
use super::shelf::{Facts, Idle, Ping, Shelf};
use super::watch::{LEAST_PATIENCE, Watched};
use super::{HubAddress, HubError, HubState, HubStatus, PoolOptions};
use crate::ConnectError;
use crate::connect::Trouble;
use crate::secure::SecureStream;

#[derive(Debug)]
pub(super) struct Pool {
    pub(super) hub: HubAddress,
    pub(super) options: PoolOptions,
    /// There is something for the keeper to do.
    pub(super) work: Notify,
    /// How often the uplinks have changed. The watchers of idle connections look when it does.
    pub(super) generation: watch::Sender<u64>,
    pub(super) trouble: Trouble,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) shelf: Shelf<Watched>,
    pub(super) waiters: VecDeque<Waiter>,
    pub(super) demand: Demand,
    pub(super) backoff: Backoff,
    pub(super) dialling: usize,
    /// Nothing is handed out or taken back any more.
    pub(super) closed: bool,
    /// Nothing is kept for requests that are still to come.
    retired: bool,
    /// As far as is known no MPTCP comes through to the hub.
    pub(super) only_plain: bool,
    pub(super) welcome: Option<Welcome>,
    pub(super) in_use: usize,
    last_id: u64,
    requests: u64,
    reused: u64,
}

/// A request that found no connection.
#[derive(Debug)]
pub(super) struct Waiter {
    opened_since: Option<Instant>,
    /// A dial that began before this was not begun for it.
    pub(super) since: Instant,
    answer: oneshot::Sender<Result<Warm, ConnectError>>,
}

impl Pool {
    pub(super) fn new(hub: HubAddress, options: PoolOptions) -> Self {
        let state = State {
            shelf: Shelf::default(),
            waiters: VecDeque::new(),
            demand: Demand::new(options.forget_half, Instant::now()),
            backoff: Backoff::default(),
            dialling: 0,
            closed: false,
            retired: false,
            only_plain: true,
            welcome: None,
            in_use: 0,
            last_id: 0,
            requests: 0,
            reused: 0,
        };
        Self {
            hub,
            options,
            work: Notify::new(),
            generation: watch::Sender::new(0),
            trouble: Trouble::default(),
            state: Mutex::new(state),
        }
    }

    /// The state, for a moment. A panic elsewhere leaves nothing in it that is half done.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a way out.
    pub(super) fn is_up(&self) -> bool {
        let up = self.options.uplink.as_ref();
        up.is_none_or(|gate| *gate.up.borrow())
    }

    /// A connection for a request: the best idle one, or else whichever comes first of one that is
    /// handed back and one that is dialled. With `opened_since`, one that is not older.
    pub(super) async fn take(
        self: &Arc<Self>,
        opened_since: Option<Instant>,
    ) -> Result<Warm, ConnectError> {
        let answer = {
            let mut state = self.state();
            if state.closed {
                return Err(HubError::Closed.into());
            }
            let fits =
                |idle: &Idle<Watched>| is_fit(&idle.facts, opened_since) && idle.stream.is_silent();
            if let Some(idle) = state.shelf.take(fits) {
                let is_certain = idle.is_certain();
                let warm = self.lend(&mut state, idle.facts, idle.stream.into_inner(), is_certain);
                if state.shelf.len() < state.idle_wanted(Instant::now()) {
                    self.work.notify_one();
                }
                return Ok(warm);
            }
            state.wait(opened_since)
        };
        self.work.notify_one();
        // The sender goes when the pool is closed.
        answer
            .await
            .unwrap_or_else(|_| Err(HubError::Closed.into()))
    }

    /// Takes in a connection that is free: for a request that waits, or else onto the shelf.
    pub(super) fn offer(self: &Arc<Self>, facts: Facts, stream: Box<SecureStream>) {
        let mut state = self.state();
        // The hub may have said GOAWAY while a user connection was open.
        if state.closed || !stream.is_idle() {
            return bid_farewell(*stream);
        }
        if let Some(waiter) = state.next_waiter(&facts) {
            let warm = self.lend(&mut state, facts, stream, true);
            drop(state);
            return waiter.serve(warm);
        }
        if state.retired || state.shelf.len() >= MOST {
            return bid_farewell(*stream);
        }
        let now = Instant::now();
        state.shelf.put(Idle {
            facts,
            stream: Watched::new(self, facts.id, stream),
            since: now,
            ping: Ping::Due(self.next_ping(now)),
        });
        if facts.generation < *self.generation.borrow() {
            self.work.notify_one();
        }
    }

    /// Takes in a new connection.
    pub(super) fn admit(self: &Arc<Self>, stream: SecureStream, welcome: Welcome, generation: u64) {
        let id = {
            let mut state = self.state();
            state.backoff.succeeded();
            state.welcome = Some(welcome);
            state.last_id += 1;
            state.last_id
        };
        let facts = Facts {
            id,
            opened: Instant::now(),
            generation,
            used: None,
        };
        self.offer(facts, Box::new(stream));
    }

    pub(super) fn lend(
        self: &Arc<Self>,
        state: &mut State,
        facts: Facts,
        stream: Box<SecureStream>,
        is_certain: bool,
    ) -> Warm {
        state.in_use += 1;
        state.note();
        Warm::new(stream, is_certain, Lease::new(Arc::clone(self), facts))
    }

    /// Pings are spread, so that those of connections that were opened together don't stay together.
    pub(super) fn next_ping(&self, now: Instant) -> Instant {
        now + self
            .options
            .ping_every
            .mul_f64(0.75 + fastrand::f64() / 4.0)
    }

    pub(super) fn uplinks_changed(&self) {
        let mut state = self.state();
        // What kept the hub from being reached may be over.
        state.backoff.succeeded();
        let soon = Instant::now() + LEAST_PATIENCE;
        for idle in state.shelf.iter_mut() {
            match &mut idle.ping {
                Ping::Sent { until, .. } => *until = soon.min(*until),
                doubted => *doubted = Ping::Doubted,
            }
        }
        self.generation.send_modify(|generation| *generation += 1);
        self.work.notify_one();
    }

    pub(super) fn status(&self) -> HubStatus {
        let (trouble, is_up) = (self.trouble.get(), self.is_up());
        let state = self.state();
        let (idle, in_use) = (state.shelf.len(), state.in_use);
        HubStatus {
            address: self.hub.destination.to_string(),
            state: match (is_up, idle + in_use, &trouble) {
                (false, ..) => HubState::NoUplink,
                (true, 1.., _) => HubState::Connected,
                (true, 0, None) => HubState::Connecting,
                (true, 0, Some(_)) => HubState::Failing,
            },
            idle,
            in_use,
            dialling: state.dialling,
            protocol: state.welcome.as_ref().map(|welcome| welcome.version),
            software: state
                .welcome
                .as_ref()
                .map(|welcome| welcome.software.clone()),
            requests: state.requests,
            reused: state.reused,
            trouble,
        }
    }

    pub(super) fn retire(&self) {
        let idle = {
            let mut state = self.state();
            state.retired = true;
            state.shelf.drain()
        };
        for idle in idle {
            bid_farewell(*idle.stream.into_inner());
        }
    }

    /// From here on nothing is handed out or taken back. Gives the idle connections.
    pub(super) fn shut(&self) -> Vec<SecureStream> {
        let mut state = self.state();
        state.closed = true;
        state.waiters.clear();
        let idle = state.shelf.drain().into_iter();
        idle.map(|idle| *idle.stream.into_inner()).collect()
    }

    pub(super) async fn close(&self) {
        let farewells = self.shut().into_iter().map(|stream| stream.close());
        join_all(farewells).await;
    }
}

impl Waiter {
    /// If the request is gone by now, the connection comes back from the error. So this must not be
    /// called with the state at hand.
    pub(super) fn serve(self, warm: Warm) {
        drop(self.answer.send(Ok(warm)));
    }

    pub(super) fn disappoint(self, error: ConnectError) {
        drop(self.answer.send(Err(error)));
    }
}

impl State {
    /// How many connections should be idle.
    pub(super) fn idle_wanted(&mut self, now: Instant) -> usize {
        match self.retired {
            true => 0,
            false => self.demand.idle_wanted(now),
        }
    }

    /// To be called with each change of what is in use or waited for.
    pub(super) fn note(&mut self) {
        let busy = self.in_use + self.waiters.len();
        self.demand.note(busy, Instant::now());
    }

    /// Counts a request that the hub has answered.
    pub(super) fn count(&mut self, facts: &Facts) {
        self.requests += 1;
        self.reused += u64::from(facts.used.is_some());
    }

    /// The longest waiting request that a connection is of use to.
    pub(super) fn next_waiter(&mut self, facts: &Facts) -> Option<Waiter> {
        self.drop_waiters_that_left();
        let fits = |waiter: &Waiter| is_fit(facts, waiter.opened_since);
        let place = self.waiters.iter().position(fits)?;
        let waiter = self.waiters.remove(place);
        self.note();
        waiter
    }

    pub(super) fn drop_waiters_that_left(&mut self) {
        self.waiters.retain(|waiter| !waiter.answer.is_closed());
    }

    fn wait(
        &mut self,
        opened_since: Option<Instant>,
    ) -> oneshot::Receiver<Result<Warm, ConnectError>> {
        let (sender, answer) = oneshot::channel();
        self.waiters.push_back(Waiter {
            opened_since,
            since: Instant::now(),
            answer: sender,
        });
        self.note();
        answer
    }
}

fn is_fit(facts: &Facts, opened_since: Option<Instant>) -> bool {
    opened_since.is_none_or(|since| facts.opened >= since)
}

/// Ends a connection in an orderly way, in the background.
pub(super) fn bid_farewell(stream: SecureStream) {
    tokio::spawn(stream.close());
}

//! The background task: dials what is missing, retires what is too much.

use std::sync::Arc;
use std::time::Duration;

use mptcp::Transport;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use wire::hub::Welcome;

use super::HubError;
use super::dial::dial;
use super::pool::{Pool, bid_farewell};
use crate::ConnectError;
use crate::secure::SecureStream;

/// How many connections are dialled at once when nobody waits: a handshake costs the hub a millisecond
/// of processor time, and an edge that comes back shall not crowd out others.
const AT_ONCE: usize = 8;

/// How many are dialled at once for requests that wait.
const AT_ONCE_FOR_REQUESTS: usize = 64;

/// So many connections in a row come out as plain TCP where there is no MPTCP.
const MOST_PLAIN: usize = 3;

/// So many connections in a row break in their handshake where it is not for a path that went.
const MOST_BROKEN: usize = 3;

/// How often it is looked whether the demand has gone down.
const TICK: Duration = Duration::from_secs(5);

/// What is to be done now.
struct Plan {
    dials: usize,
    retired: Vec<SecureStream>,
    look_again: Instant,
}

pub(super) async fn keep(pool: Arc<Pool>) {
    let mut dials = JoinSet::new();
    let mut up = pool.options.uplink.as_ref().map(|gate| gate.up.clone());
    loop {
        let plan = pool.plan(dials.len());
        for _ in 0..plan.dials {
            dials.spawn(Arc::clone(&pool).dial());
        }
        plan.retired.into_iter().for_each(bid_farewell);
        tokio::select! {
            Some(_) = dials.join_next() => {}
            () = pool.work.notified() => {}
            () = sleep_until(plan.look_again) => {}
            () = changed(&mut up) => pool.generation.send_modify(|_| ()),
        }
    }
}

/// Done when there is a way out again, or no more: what the watchers of idle connections wait for, too.
async fn changed(up: &mut Option<watch::Receiver<bool>>) {
    if let Some(up) = up
        && up.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

impl Pool {
    fn plan(&self, dialling: usize) -> Plan {
        let now = Instant::now();
        let generation = *self.generation.borrow();
        let mut state = self.state();
        state.drop_waiters_that_left();
        state.note();
        let wanted = state.idle_wanted(now);
        let long_ago = now.checked_sub(self.options.retire_after);
        let retired = state.shelf.surplus(wanted, generation, long_ago);
        let missing = wanted.saturating_sub(state.shelf.len_of(generation));
        let at_once = match state.backoff.until(now) {
            Some(_) => 0,
            None if state.backoff.is_failing() => 1,
            None => AT_ONCE,
        };
        let for_requests = state.waiters.len().min(AT_ONCE_FOR_REQUESTS);
        let dials = match self.is_up() && !state.closed {
            true => (for_requests + missing.min(at_once)).saturating_sub(dialling),
            false => 0,
        };
        state.dialling = dialling + dials;
        let tick = now + TICK;
        Plan {
            dials,
            retired: retired
                .into_iter()
                .map(|idle| *idle.stream.into_inner())
                .collect(),
            look_again: state
                .backoff
                .until(now)
                .map_or(tick, |until| until.min(tick)),
        }
    }

    async fn dial(self: Arc<Self>) {
        let mut changes = self.generation.subscribe();
        let (began, generation) = (Instant::now(), *changes.borrow());
        let result = tokio::select! {
            result = self.dial_until_it_can_move() => result.map_err(ConnectError::from),
            // The way that it took may lead nowhere now. The keeper begins another in its place.
            _ = changes.wait_for(|now| *now > generation) => return,
        };
        self.trouble.heed(&result);
        match result {
            Ok((stream, welcome)) => self.admit(stream, welcome, generation),
            Err(error) => self.dial_failed(error, began),
        }
    }

    /// A packet that is lost at the wrong moment has the kernel go on in plain TCP (RFC 8684, section 3.7), and a
    /// connection like that ends with its path. Another one is dialled in its place, if MPTCP has come through
    /// before: where a middlebox lets none through, there is nothing else.
    async fn dial_until_it_can_move(&self) -> Result<(SecureStream, Welcome), HubError> {
        let mut left = MOST_PLAIN;
        loop {
            let (stream, welcome) = self.dial_when_there_is_a_route().await?;
            let is_plain = matches!(mptcp::negotiated(stream.tcp()), Ok(Transport::Tcp));
            left -= usize::from(is_plain);
            {
                let mut state = self.state();
                state.only_plain = is_plain && (state.only_plain || left == 0);
                if !is_plain || state.only_plain {
                    return Ok((stream, welcome));
                }
            }
            tracing::debug!(
                "a connection to the hub came out as plain TCP; another one is dialled"
            );
            bid_farewell(stream);
        }
    }

    /// An uplink may be up with IPv6 while the hub has IPv4: one that was out for long has its addresses one by
    /// one. That is no answer yet, as long as an uplink is waited for.
    async fn dial_when_there_is_a_route(&self) -> Result<(SecureStream, Welcome), HubError> {
        let result = self.dial_again_if_it_breaks().await;
        if let (Err(error), Some(gate)) = (&result, &self.options.uplink)
            && error.is_without_route()
        {
            tokio::time::sleep(gate.wait).await;
        }
        result
    }

    /// A connection whose only path goes may break in its handshake; the next one takes another path. Nothing of a
    /// user has been sent on it.
    async fn dial_again_if_it_breaks(&self) -> Result<(SecureStream, Welcome), HubError> {
        for _ in 1..MOST_BROKEN {
            match dial(&self.hub, self.options.connect_timeout).await {
                Err(error) if error.is_broken_off() => {
                    tracing::debug!(%error, "another connection to the hub is dialled");
                }
                result => return result,
            }
        }
        dial(&self.hub, self.options.connect_timeout).await
    }

    /// A request that waits hears of it. Each has a dial of its own, so that each fails but once.
    fn dial_failed(&self, error: ConnectError, began: Instant) {
        let mut state = self.state();
        state.backoff.failed(began, Instant::now(), fastrand::f64());
        state.drop_waiters_that_left();
        let first = state.waiters.front();
        let waiter = match first.is_some_and(|waiter| waiter.since <= began) {
            true => state.waiters.pop_front(),
            false => None,
        };
        state.note();
        drop(state);
        if let Some(waiter) = waiter {
            waiter.disappoint(error);
        }
    }
}

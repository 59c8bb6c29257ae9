//! An edge at the hub: its connections and its flows.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use quinn::Connection;
use relay::Account;
use wire::hub::datagram::{DatagramError, FlowId, Order, Rank};

use crate::IDLE;
use crate::flow::{HubFlow, Open};
use crate::incoming::{self, Receiver};
use crate::outgoing::Ways;
use crate::parts::Parts;

/// How many flows one edge may have, whatever else its user may have.
const MOST_FLOWS: usize = 4096;

/// One edge.
#[derive(Debug)]
pub struct Session {
    account: Arc<Account>,
    links: Arc<Links>,
    flows: Mutex<HashMap<FlowId, Open>>,
    parts: Mutex<Parts>,
}

/// The connections of an edge.
#[derive(Debug)]
pub struct Links(Mutex<Chosen>);

#[derive(Debug)]
struct Chosen {
    first: Option<(u32, Connection)>,
    second: Option<(u32, Connection)>,
    open: usize,
    /// Since when there is none.
    alone: Instant,
}

impl Session {
    pub fn new(account: Arc<Account>) -> Self {
        let chosen = Chosen {
            first: None,
            second: None,
            open: 0,
            alone: Instant::now(),
        };
        Self {
            account,
            links: Arc::new(Links(Mutex::new(chosen))),
            flows: Mutex::default(),
            parts: Mutex::default(),
        }
    }

    pub fn links(&self) -> &Links {
        &self.links
    }

    /// Takes what came by a connection.
    ///
    /// # Errors
    /// If the edge broke the protocol.
    pub fn take(&self, packet: &[u8]) -> Result<(), DatagramError> {
        incoming::take(packet, &self.parts, self)
    }

    /// The flow, opened if need be. `None`: the user has as many as it may.
    fn flow(&self, id: FlowId) -> Option<Arc<HubFlow>> {
        let mut flows = lock(&self.flows);
        if let Some(Open(flow)) = flows.get(&id) {
            return Some(Arc::clone(flow));
        }
        let place = (flows.len() < MOST_FLOWS).then(|| self.account.begin());
        let Some(place) = place.flatten() else {
            self.account.count_refused();
            return None;
        };
        let links = Arc::clone(&self.links);
        let flow = Arc::new(HubFlow::new(id, Arc::clone(&self.account), links, place));
        flows.insert(id, Open(Arc::clone(&flow)));
        Some(flow)
    }

    /// Ends flows that rest. `false`: the edge has been away for as long, and nothing is left.
    pub fn sweep(&self) -> bool {
        lock(&self.flows).retain(|_, flow| !flow.0.is_idle());
        let links = lock(&self.links.0);
        links.open > 0 || links.alone.elapsed() < IDLE
    }
}

impl Receiver for Session {
    fn is_new(&self, flow: FlowId, number: u32) -> bool {
        let flow = self.flow(flow);
        flow.is_some_and(|flow| lock(&flow.seen).is_new(number))
    }

    fn pass_on(&self, flow: FlowId, content: &[u8]) -> Result<(), DatagramError> {
        match self.flow(flow) {
            Some(flow) => flow.outward(content),
            None => Ok(()),
        }
    }

    /// An edge has nothing to say of this.
    fn refuse(&self, _flow: FlowId, _peer: SocketAddr) -> Result<(), DatagramError> {
        Err(DatagramError::Type)
    }
}

impl Links {
    /// One more connection. It is used at once if there is no other.
    pub fn add(&self, connection: &Connection) {
        let mut chosen = lock(&self.0);
        chosen.open += 1;
        let is_over = |(_, it): &(u32, Connection)| it.close_reason().is_some();
        if chosen.first.as_ref().is_none_or(is_over) {
            let number = chosen.first.as_ref().map_or(0, |(number, _)| *number);
            chosen.first = Some((number, connection.clone()));
        }
    }

    /// One less.
    pub fn remove(&self) {
        let mut chosen = lock(&self.0);
        chosen.open -= 1;
        chosen.alone = Instant::now();
    }

    /// Does what the edge says of this connection. Orders of several connections overtake each other.
    pub fn obey(&self, order: Order, connection: &Connection) {
        let Order::Prefer { number, rank } = order else {
            return;
        };
        let mut chosen = lock(&self.0);
        let slot = match rank {
            Rank::First => &mut chosen.first,
            Rank::Second => &mut chosen.second,
        };
        let is_newer = |(than, _): &(u32, Connection)| number.wrapping_sub(*than) <= u32::MAX / 2;
        if slot.as_ref().is_none_or(is_newer) {
            *slot = Some((number, connection.clone()));
        }
    }

    /// Where the hub's datagrams go.
    pub fn ways(&self) -> Option<Ways> {
        let chosen = lock(&self.0);
        let (_, first) = chosen.first.as_ref()?;
        let second = chosen.second.as_ref().map(|(_, second)| second.clone());
        Some(Ways {
            first: first.clone(),
            second: second.filter(|it| it.stable_id() != first.stable_id()),
        })
    }
}

/// A panic elsewhere leaves what is only ever changed in one step.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

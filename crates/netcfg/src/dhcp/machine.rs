//! The client's side of RFC 2131 as a state machine without I/O and without a clock.

mod outgoing;
mod state;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::bootp::{Message, MessageType, Operation};
use super::lease::{Lease, usable_host};
use super::option::OptionCode;
use super::retry;
use crate::MacAddress;
use state::{Exchange, Held, Offer, State};

/// Unanswered requests for an offered address before the search starts anew.
const REQUEST_ATTEMPTS: usize = 4;
/// Unanswered requests for the former address before the search starts. A server that does not
/// know the client stays silent (RFC 2131 4.3.2), and a new network must not cost the user more
/// than about half a second.
const REBOOT_ATTEMPTS: usize = 2;

/// Who the client says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The interface's MAC; also the client identifier.
    pub mac: MacAddress,
    /// Host name for the server's DNS (option 12). `None` sends none.
    pub host_name: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The interface has a carrier. Repeating it has no effect.
    CarrierUp,
    /// The carrier is gone. A lease is kept until it expires, and asked for again later.
    CarrierDown,
    /// A message came in on the client port, in a frame from this MAC.
    Received(&'a Message, MacAddress),
    /// The time of the last [`Action::SetTimer`] has come. An early or late call does no harm.
    Timer,
    /// The owner is done with the address.
    Release,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send this once; repeats are new actions.
    Send(Box<Message>, Target),
    /// There is a lease where there was none.
    Gained(Lease),
    /// This lease replaces the one before: renewed, or with other values.
    Changed(Lease),
    /// The address must no longer be used: refused, expired or released.
    Lost,
    /// Send [`Event::Timer`] then; `None`: no timer. Replaces the timer set before.
    SetTimer(Option<Instant>),
}

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// IPv4 source: the client's address once it has one.
    pub source: Ipv4Addr,
    /// IPv4 destination.
    pub destination: Ipv4Addr,
    /// Ethernet destination.
    pub mac: MacAddress,
}

/// The client's state for one interface.
#[derive(Debug)]
pub struct Machine {
    identity: Identity,
    random: fastrand::Rng,
    state: State,
    held: Option<Held>,
    /// The address to ask for again: that of the last lease that nobody refused.
    previous: Option<Ipv4Addr>,
    /// Refusals in a row, to not spin with a server that offers what it then refuses.
    refusals: usize,
    timer: Option<Instant>,
}

impl Machine {
    /// A client without carrier. `previous` is an address from an earlier run, asked for first.
    /// `seed` feeds transaction numbers and jitter, so it must differ between runs.
    #[must_use]
    pub fn new(identity: Identity, previous: Option<Ipv4Addr>, seed: u64) -> Self {
        Self {
            identity,
            random: fastrand::Rng::with_seed(seed),
            state: State::Idle,
            held: None,
            previous,
            refusals: 0,
            timer: None,
        }
    }

    /// Takes one event at time `now` and says what to do, in this order.
    #[must_use]
    pub fn handle(&mut self, event: Event<'_>, now: Instant) -> Vec<Action> {
        let mut out = Vec::new();
        match event {
            Event::CarrierUp => self.carrier_up(now, &mut out),
            Event::CarrierDown => self.state = State::Idle,
            Event::Received(message, from) => self.received(message, from, now, &mut out),
            Event::Timer => self.timer(now, &mut out),
            Event::Release => self.release(now, &mut out),
        }
        let deadline = self.deadline();
        if self.timer != deadline {
            self.timer = deadline;
            out.push(Action::SetTimer(deadline));
        }
        out
    }

    fn carrier_up(&mut self, now: Instant, out: &mut Vec<Action>) {
        if !matches!(self.state, State::Idle) {
            return;
        }
        self.refusals = 0;
        match self.previous {
            Some(address) => {
                let exchange = self.exchange(now);
                self.state = State::Rebooting(exchange, address);
                self.send(now, out);
            }
            None => self.discover(now, out),
        }
    }

    fn received(
        &mut self,
        message: &Message,
        from: MacAddress,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let Some(exchange) = self.state.exchange() else {
            return;
        };
        let ours = message.operation == Operation::Reply
            && message.transaction == exchange.transaction
            && message.client_mac == self.identity.mac;
        if !ours {
            return;
        }
        match message.kind {
            MessageType::Offer => self.offered(message, now, out),
            MessageType::Ack if self.may_decide(message) => self.granted(message, from, out),
            MessageType::Nak if self.may_decide(message) => self.refused(now, out),
            _ => {}
        }
    }

    /// Whether this server may answer the request: the one that was asked, or any where none was.
    fn may_decide(&self, message: &Message) -> bool {
        let server = message.options.address(OptionCode::SERVER_ID);
        match &self.state {
            State::Requesting(_, offer) => server == Some(offer.server),
            State::Renewing(_) => self.held.as_ref().map(|held| held.lease.server) == server,
            State::Rebooting(..) | State::Rebinding(_) => true,
            State::Idle | State::Paused { .. } | State::Selecting(_) | State::Bound => false,
        }
    }

    fn offered(&mut self, offer: &Message, now: Instant, out: &mut Vec<Action>) {
        let State::Selecting(mut exchange) = self.state else {
            return;
        };
        let server = offer.options.address(OptionCode::SERVER_ID);
        let (Some(server), Some(address)) = (server, usable_host(offer.your_address)) else {
            return;
        };
        exchange.sent = 0;
        self.state = State::Requesting(exchange, Offer { address, server });
        self.send(now, out);
    }

    fn granted(&mut self, ack: &Message, from: MacAddress, out: &mut Vec<Action>) {
        let Some(exchange) = self.state.exchange() else {
            return;
        };
        let Some(lease) = Lease::from_ack(ack, exchange.last_sent) else {
            return;
        };
        self.state = State::Bound;
        self.refusals = 0;
        self.previous = Some(lease.address.addr());
        let before = self.held.replace(Held {
            lease: lease.clone(),
            server_mac: from,
        });
        out.push(if before.is_some() {
            Action::Changed(lease)
        } else {
            Action::Gained(lease)
        });
    }

    fn refused(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.lose(out);
        self.previous = None;
        self.refusals += 1;
        if self.refusals == 1 {
            self.discover(now, out);
        } else {
            let until = now + retry::wait(self.refusals - 1, &mut self.random);
            self.state = State::Paused { until };
        }
    }

    fn timer(&mut self, now: Instant, out: &mut Vec<Action>) {
        let passed = |time: Option<Instant>| time.is_some_and(|time| time <= now);
        let lease = self.held.as_ref().map(|held| &held.lease);
        if passed(lease.and_then(Lease::expires)) {
            let in_use = self.state.uses_lease();
            self.lose(out);
            if in_use {
                return self.discover(now, out);
            }
        } else if self.state.before_rebinding() && passed(lease.and_then(Lease::rebinds)) {
            self.state = State::Rebinding(self.exchange(now));
            return self.send(now, out);
        } else if matches!(self.state, State::Bound) && passed(lease.and_then(Lease::renews)) {
            self.state = State::Renewing(self.exchange(now));
            return self.send(now, out);
        }
        if passed(self.state.next_step()) {
            self.step(now, out);
        }
    }

    /// A wait of the state's own is over: repeat the message or try something else.
    fn step(&mut self, now: Instant, out: &mut Vec<Action>) {
        match &mut self.state {
            State::Paused { .. } => self.discover(now, out),
            State::Requesting(exchange, _) if exchange.sent >= REQUEST_ATTEMPTS => {
                self.discover(now, out)
            }
            State::Rebooting(exchange, _) if exchange.sent >= REBOOT_ATTEMPTS => {
                self.discover(now, out)
            }
            State::Selecting(exchange) => {
                exchange.broadcast = !exchange.broadcast;
                self.send(now, out);
            }
            _ => self.send(now, out),
        }
    }

    fn release(&mut self, now: Instant, out: &mut Vec<Action>) {
        if !matches!(self.state, State::Idle) {
            self.send_release(now, out);
        }
        self.lose(out);
        self.previous = None;
        self.state = State::Idle;
    }

    fn discover(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.state = State::Selecting(self.exchange(now));
        self.send(now, out);
    }

    fn lose(&mut self, out: &mut Vec<Action>) {
        if self.held.take().is_some() {
            out.push(Action::Lost);
        }
    }

    fn exchange(&mut self, now: Instant) -> Exchange {
        let transaction = self.random.u32(..);
        Exchange {
            transaction,
            began: now,
            last_sent: now,
            next_send: now,
            sent: 0,
            broadcast: true,
        }
    }

    /// The wait that follows a message sent now.
    fn wait(&mut self, sent: usize, now: Instant) -> Duration {
        let lease = self.held.as_ref().map(|held| &held.lease);
        let end = match self.state {
            State::Renewing(_) => lease.and_then(Lease::rebinds),
            State::Rebinding(_) => lease.and_then(Lease::expires),
            // Both of the two attempts get the short first wait.
            State::Rebooting(..) => return retry::wait(0, &mut self.random),
            _ => None,
        };
        match (end, lease.and_then(|lease| lease.duration)) {
            (Some(end), Some(duration)) => retry::renewal_wait(duration, end, now),
            _ => retry::wait(sent - 1, &mut self.random),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let lease = self.held.as_ref().map(|held| &held.lease);
        let phase_end = match self.state {
            State::Bound => lease.and_then(Lease::renews),
            State::Renewing(_) => lease.and_then(Lease::rebinds),
            _ => None,
        };
        let expires = lease.and_then(Lease::expires);
        [self.state.next_step(), phase_end, expires]
            .into_iter()
            .flatten()
            .min()
    }
}

//! What the client says in each state (RFC 2131 table 5).

use std::net::Ipv4Addr;
use std::time::Instant;

use super::super::BROADCAST_MAC;
use super::super::bootp::{Message, MessageType};
use super::super::option::OptionCode;
use super::{Action, Exchange, Identity, Machine, State, Target};

/// What we ask the server to tell. Classless routes stand before routers (RFC 3442).
const PARAMETERS: [OptionCode; 9] = [
    OptionCode::SUBNET_MASK,
    OptionCode::CLASSLESS_ROUTES,
    OptionCode::ROUTER,
    OptionCode::DNS,
    OptionCode::DOMAIN,
    OptionCode::MTU,
    OptionCode::LEASE_TIME,
    OptionCode::RENEWAL_TIME,
    OptionCode::REBINDING_TIME,
];
/// The largest message that fits an Ethernet frame, in bytes.
const LARGEST_MESSAGE: u16 = 1472;
const HARDWARE_ETHERNET: u8 = 1;

impl Machine {
    /// Sends the message of the current state and sets when to repeat it.
    pub(super) fn send(&mut self, now: Instant, out: &mut Vec<Action>) {
        let Some(exchange) = self.state.exchange_mut() else {
            return;
        };
        exchange.last_sent = now;
        exchange.sent += 1;
        let exchange = *exchange;
        let wait = self.wait(exchange.sent, now);
        if let Some(exchange) = self.state.exchange_mut() {
            exchange.next_send = now + wait;
        }
        if let Some((message, target)) = self.compose(&exchange, now) {
            out.push(Action::Send(Box::new(message), target));
        }
    }

    /// Gives the address back; the server does not answer this.
    pub(super) fn send_release(&mut self, now: Instant, out: &mut Vec<Action>) {
        let exchange = self.exchange(now);
        let Some(held) = &self.held else { return };
        let mut message = Message::request(
            MessageType::Release,
            exchange.transaction,
            self.identity.mac,
        );
        message.client_address = held.lease.address.addr();
        message
            .options
            .set_address(OptionCode::SERVER_ID, held.lease.server);
        message
            .options
            .set(OptionCode::CLIENT_ID, self.identity.client_id());
        if let Some(target) = self.to_server() {
            out.push(Action::Send(Box::new(message), target));
        }
    }

    fn compose(&self, exchange: &Exchange, now: Instant) -> Option<(Message, Target)> {
        let held = || self.held.as_ref().map(|held| held.lease.address.addr());
        let kind = match self.state {
            State::Selecting(_) => MessageType::Discover,
            _ => MessageType::Request,
        };
        let mut message = self.identity.message(kind, exchange, now);
        let target = match self.state {
            State::Idle | State::Paused { .. } | State::Bound => return None,
            State::Selecting(_) => {
                if let Some(address) = self.previous {
                    message
                        .options
                        .set_address(OptionCode::REQUESTED_ADDRESS, address);
                }
                to_everyone(Ipv4Addr::UNSPECIFIED)
            }
            State::Requesting(_, offer) => {
                message
                    .options
                    .set_address(OptionCode::REQUESTED_ADDRESS, offer.address);
                message
                    .options
                    .set_address(OptionCode::SERVER_ID, offer.server);
                to_everyone(Ipv4Addr::UNSPECIFIED)
            }
            State::Rebooting(_, address) => {
                message
                    .options
                    .set_address(OptionCode::REQUESTED_ADDRESS, address);
                to_everyone(Ipv4Addr::UNSPECIFIED)
            }
            State::Renewing(_) => {
                message.client_address = held()?;
                message.broadcast = false;
                self.to_server()?
            }
            State::Rebinding(_) => {
                message.client_address = held()?;
                message.broadcast = false;
                to_everyone(message.client_address)
            }
        };
        Some((message, target))
    }

    fn to_server(&self) -> Option<Target> {
        let held = self.held.as_ref()?;
        Some(Target {
            source: held.lease.address.addr(),
            destination: held.lease.server,
            mac: held.server_mac,
        })
    }
}

impl Identity {
    /// Hardware type and MAC (RFC 2132 9.14).
    fn client_id(&self) -> Vec<u8> {
        [&[HARDWARE_ETHERNET], self.mac.0.as_slice()].concat()
    }

    fn message(&self, kind: MessageType, exchange: &Exchange, now: Instant) -> Message {
        let mut message = Message::request(kind, exchange.transaction, self.mac);
        let elapsed = now.saturating_duration_since(exchange.began).as_secs();
        message.elapsed_seconds = u16::try_from(elapsed).unwrap_or(u16::MAX);
        message.broadcast = exchange.broadcast;
        message
            .options
            .set(OptionCode::CLIENT_ID, self.client_id())
            .set(OptionCode::PARAMETERS, PARAMETERS.map(|code| code.0))
            .set(OptionCode::MAX_MESSAGE_SIZE, LARGEST_MESSAGE.to_be_bytes());
        if let Some(name) = &self.host_name {
            message.options.set(OptionCode::HOST_NAME, name.as_bytes());
        }
        message
    }
}

fn to_everyone(source: Ipv4Addr) -> Target {
    Target {
        source,
        destination: Ipv4Addr::BROADCAST,
        mac: BROADCAST_MAC,
    }
}

//! What the DHCP server answers: messages in, messages out, no sockets.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::Ipv4Net;
use netcfg::MacAddress;
use netcfg::dhcp::{Message, MessageType, Operation, OptionCode};
use serde::Serialize;

/// How the server treats its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DhcpMode {
    /// Answers as RFC 2131 says.
    #[default]
    Answering,
    /// Offers, but refuses every request (NAK).
    Refusing,
    /// Takes messages in and says nothing: a server that vanished.
    Silent,
}

/// Messages since the start, by type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct DhcpCounters {
    /// DHCPDISCOVER received.
    pub discovers: u64,
    /// DHCPREQUEST received, renewals among them.
    pub requests: u64,
    /// DHCPREQUEST with `ciaddr` set: renewals and rebinds.
    pub renewals: u64,
    /// DHCPRELEASE received.
    pub releases: u64,
    /// DHCPOFFER sent.
    pub offers: u64,
    /// DHCPACK sent.
    pub acks: u64,
    /// DHCPNAK sent.
    pub naks: u64,
}

/// What the server hands out with an address.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) server: Ipv4Net,
    pub(super) lease: Duration,
    pub(super) gateway: Option<Ipv4Addr>,
    pub(super) dns_servers: Vec<Ipv4Addr>,
    pub(super) domain: Option<String>,
    pub(super) mtu: Option<u16>,
}

#[derive(Debug)]
pub(super) struct Responder {
    pub(super) grant: Grant,
    pub(super) mode: DhcpMode,
    pub(super) counters: DhcpCounters,
    pool: RangeInclusive<Ipv4Addr>,
    bound: BTreeMap<MacAddress, Ipv4Addr>,
}

impl Responder {
    pub(super) fn new(grant: Grant, pool: RangeInclusive<Ipv4Addr>) -> Self {
        let counters = DhcpCounters::default();
        Self {
            grant,
            mode: DhcpMode::default(),
            counters,
            pool,
            bound: BTreeMap::new(),
        }
    }

    /// Replaces the pool. Clients with an address outside of it are refused at their next request.
    pub(super) fn set_pool(&mut self, pool: RangeInclusive<Ipv4Addr>) {
        self.bound.retain(|_, address| pool.contains(address));
        self.pool = pool;
    }

    /// The answer to a client's message, if it gets one.
    pub(super) fn answer(&mut self, message: &Message) -> Option<Message> {
        if message.operation != Operation::Request {
            return None;
        }
        self.count(message);
        if self.mode == DhcpMode::Silent {
            return None;
        }
        match message.kind {
            MessageType::Discover => self.offer(message),
            MessageType::Request => self.decide(message),
            MessageType::Release => {
                self.bound.remove(&message.client_mac);
                None
            }
            _ => None,
        }
    }

    fn count(&mut self, message: &Message) {
        match message.kind {
            MessageType::Discover => self.counters.discovers += 1,
            MessageType::Request => self.counters.requests += 1,
            MessageType::Release => self.counters.releases += 1,
            _ => {}
        }
        if message.kind == MessageType::Request && !message.client_address.is_unspecified() {
            self.counters.renewals += 1;
        }
    }

    fn offer(&mut self, discover: &Message) -> Option<Message> {
        let wanted = discover.options.address(OptionCode::REQUESTED_ADDRESS);
        let address = self.choose(discover.client_mac, wanted)?;
        self.counters.offers += 1;
        Some(self.grant.reply(discover, MessageType::Offer, address))
    }

    /// Grants or refuses the requested address. A request to another server gets no answer.
    fn decide(&mut self, request: &Message) -> Option<Message> {
        let server = request.options.address(OptionCode::SERVER_ID);
        if server.is_some_and(|server| server != self.grant.server.addr()) {
            return None;
        }
        let requested = request.options.address(OptionCode::REQUESTED_ADDRESS);
        let wanted = requested.unwrap_or(request.client_address);
        let granted = self.mode == DhcpMode::Answering
            && self.choose(request.client_mac, Some(wanted)) == Some(wanted);
        if granted {
            self.bound.insert(request.client_mac, wanted);
            self.counters.acks += 1;
            return Some(self.grant.reply(request, MessageType::Ack, wanted));
        }
        self.bound.remove(&request.client_mac);
        self.counters.naks += 1;
        let mut nak = request.reply(MessageType::Nak);
        nak.options
            .set_address(OptionCode::SERVER_ID, self.grant.server.addr());
        Some(nak)
    }

    /// The client's address: the one it has, the one it wants if free, or the first free one.
    fn choose(&self, client: MacAddress, wanted: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
        let free = |address: &Ipv4Addr| {
            self.pool.contains(address)
                && *address != self.grant.server.addr()
                && !self.bound.values().any(|bound| bound == address)
        };
        let own = self.bound.get(&client).copied();
        own.or(wanted.filter(free))
            .or_else(|| self.addresses().find(free))
    }

    fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        (self.pool.start().to_bits()..=self.pool.end().to_bits()).map(Ipv4Addr::from_bits)
    }
}

impl Grant {
    fn reply(&self, request: &Message, kind: MessageType, address: Ipv4Addr) -> Message {
        let mut reply = request.reply(kind);
        reply.your_address = address;
        let options = &mut reply.options;
        options
            .set_address(OptionCode::SERVER_ID, self.server.addr())
            .set_address(OptionCode::SUBNET_MASK, self.server.netmask())
            .set_seconds(OptionCode::LEASE_TIME, self.lease);
        if let Some(gateway) = self.gateway {
            options.set_address(OptionCode::ROUTER, gateway);
        }
        if !self.dns_servers.is_empty() {
            let servers: Vec<u8> = self.dns_servers.iter().flat_map(Ipv4Addr::octets).collect();
            options.set(OptionCode::DNS, servers);
        }
        if let Some(domain) = &self.domain {
            options.set(OptionCode::DOMAIN, domain.as_bytes());
        }
        if let Some(mtu) = self.mtu {
            options.set(OptionCode::MTU, mtu.to_be_bytes());
        }
        reply
    }
}

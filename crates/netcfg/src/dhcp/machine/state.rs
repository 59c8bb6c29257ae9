//! The states of RFC 2131 figure 5, and what each carries.

use std::net::Ipv4Addr;
use std::time::Instant;

use super::super::lease::Lease;
use crate::MacAddress;

#[derive(Debug, Clone, Copy)]
pub(super) enum State {
    /// No carrier.
    Idle,
    /// INIT, waiting after repeated refusals.
    Paused {
        until: Instant,
    },
    Selecting(Exchange),
    Requesting(Exchange, Offer),
    /// INIT-REBOOT and REBOOTING.
    Rebooting(Exchange, Ipv4Addr),
    Bound,
    Renewing(Exchange),
    Rebinding(Exchange),
}

/// One question to a server and its repeats.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exchange {
    pub(super) transaction: u32,
    pub(super) began: Instant,
    pub(super) last_sent: Instant,
    pub(super) next_send: Instant,
    /// Messages sent so far.
    pub(super) sent: usize,
    /// Ask for replies by broadcast.
    pub(super) broadcast: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    pub(super) address: Ipv4Addr,
    pub(super) server: Ipv4Addr,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) lease: Lease,
    /// Where the grant came from: the server, or the relay that can reach it.
    pub(super) server_mac: MacAddress,
}

impl State {
    pub(super) fn exchange(&self) -> Option<&Exchange> {
        match self {
            Self::Selecting(exchange)
            | Self::Requesting(exchange, _)
            | Self::Rebooting(exchange, _)
            | Self::Renewing(exchange)
            | Self::Rebinding(exchange) => Some(exchange),
            Self::Idle | Self::Paused { .. } | Self::Bound => None,
        }
    }

    pub(super) fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        match self {
            Self::Selecting(exchange)
            | Self::Requesting(exchange, _)
            | Self::Rebooting(exchange, _)
            | Self::Renewing(exchange)
            | Self::Rebinding(exchange) => Some(exchange),
            Self::Idle | Self::Paused { .. } | Self::Bound => None,
        }
    }

    /// When this state does something by itself, apart from the lease's own times.
    pub(super) fn next_step(&self) -> Option<Instant> {
        match self {
            Self::Paused { until } => Some(*until),
            _ => self.exchange().map(|exchange| exchange.next_send),
        }
    }

    pub(super) fn uses_lease(&self) -> bool {
        matches!(self, Self::Bound | Self::Renewing(_) | Self::Rebinding(_))
    }

    pub(super) fn before_rebinding(&self) -> bool {
        matches!(self, Self::Bound | Self::Renewing(_))
    }
}

//! Through SOCKS5 proxies, one after the other.

use mptcp::Transport;
use wire::{Credentials, Destination};

use super::{ConnectError, Onward};

/// SOCKS5 proxies in the order in which they are passed.
#[derive(Clone, Debug)]
pub struct Chain {
    first: Hop,
    more: Vec<Hop>,
}

/// One SOCKS5 proxy.
#[derive(Clone, Debug)]
pub struct Hop {
    /// Where it listens. The first hop's name is resolved here, the others' by the hop before.
    pub proxy: Destination,
    /// What to prove to it, if it asks.
    pub credentials: Option<Credentials>,
}

impl Chain {
    /// A chain of `first`, which is reached over MPTCP, and `more`.
    pub fn new(first: Hop, more: Vec<Hop>) -> Self {
        Self { first, more }
    }

    pub(super) async fn connect(&self, destination: &Destination) -> Result<Onward, ConnectError> {
        todo!("{destination} {:?} {:?}", self.more, Transport::Mptcp)
    }
}

//! Straight to a destination, by Happy Eyeballs (RFC 8305) where it has several addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use mptcp::{ConnectOptions, Transport};
use tokio::net::TcpStream;
use wire::{Destination, Host};

use super::{AddressFilter, ConnectError, Lookups, Onward};
use crate::address::canonical;
use crate::socket;

/// "Connection Attempt Delay", the value that RFC 8305 section 5 recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// How to connect straight to a destination.
pub(crate) struct Direct<'a> {
    pub(crate) transport: Transport,
    pub(crate) filter: Option<&'a dyn AddressFilter>,
    /// Of these the first that fits an address counts; an address that none fits is left out.
    pub(crate) from: Vec<ConnectOptions>,
    pub(crate) lookups: Lookups,
}

impl Direct<'_> {
    pub(super) async fn connect(&self, destination: &Destination) -> Result<Onward, ConnectError> {
        let (stream, local) = self.open(destination).await?;
        Ok(Onward::new(stream, Bytes::new(), local))
    }

    /// To the first of `hosts` that answers, in the place of `destination`.
    pub(super) async fn connect_to(
        &self,
        destination: &Destination,
        hosts: Vec<IpAddr>,
    ) -> Result<Onward, ConnectError> {
        let addresses = hosts
            .into_iter()
            .map(|ip| SocketAddr::new(ip, destination.port));
        let addresses: Vec<_> = addresses.map(canonical).collect();
        if let (Host::Name(name), true) = (&destination.host, addresses.is_empty()) {
            let name = name.clone();
            return Err(ConnectError::NameNotFound { name, source: None });
        }
        let (stream, local) = self.reach(destination, addresses).await?;
        Ok(Onward::new(stream, Bytes::new(), local))
    }

    /// The connection, and our own end of it.
    pub(super) async fn open(
        &self,
        destination: &Destination,
    ) -> Result<(TcpStream, SocketAddr), ConnectError> {
        let addresses = self.addresses(destination).await?;
        self.reach(destination, addresses).await
    }

    /// The addresses that may be connected to, at least one.
    pub(crate) async fn addresses(
        &self,
        destination: &Destination,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        let addresses = resolve(destination, &self.lookups).await?;
        self.usable(destination, addresses)
    }

    /// Those that may be connected to, at least one.
    pub(crate) fn usable(
        &self,
        destination: &Destination,
        mut addresses: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        addresses.retain(|address| self.from(*address).is_some());
        if addresses.is_empty() {
            return Err(ConnectError::NetworkUnreachable {
                destination: destination.clone(),
                source: io::ErrorKind::AddrNotAvailable.into(),
            });
        }
        self.filter(destination, addresses)
    }

    /// How a connection to `address` begins.
    fn from(&self, address: SocketAddr) -> Option<&ConnectOptions> {
        let fits = |from: &&ConnectOptions| {
            let local = from.local;
            local.is_none_or(|local| local.is_ipv4() == address.is_ipv4())
        };
        self.from.iter().find(fits)
    }

    /// A connection to one of the addresses, and our own end of it.
    pub(crate) async fn reach(
        &self,
        destination: &Destination,
        addresses: Vec<SocketAddr>,
    ) -> Result<(TcpStream, SocketAddr), ConnectError> {
        let stream = self.race(destination, interleave(addresses)).await?;
        socket::prepare(&stream);
        match stream.local_addr() {
            Ok(local) => Ok((stream, canonical(local))),
            Err(source) => Err(ConnectError::Local {
                destination: destination.clone(),
                source,
            }),
        }
    }

    /// What may be connected to. It is asked about what will be connected to, not about the name: a
    /// name that resolves to something else each time (DNS rebinding) gains nothing.
    fn filter(
        &self,
        destination: &Destination,
        addresses: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        let Some(filter) = self.filter else {
            return Ok(addresses);
        };
        let (allowed, refused): (Vec<_>, Vec<_>) = addresses
            .into_iter()
            .partition(|it| filter.allows(it.ip(), it.port()));
        match refused.first() {
            Some(address) if allowed.is_empty() => Err(ConnectError::NotAllowed {
                destination: destination.clone(),
                address: *address,
            }),
            _ => Ok(allowed),
        }
    }

    /// Connects to the addresses one after the other, each a little later than the one before or as
    /// soon as that has failed. The first connection wins, the other attempts are dropped.
    async fn race(
        &self,
        destination: &Destination,
        addresses: Vec<SocketAddr>,
    ) -> Result<TcpStream, ConnectError> {
        let mut waiting = addresses.into_iter();
        let mut attempts = FuturesUnordered::new();
        let mut failures = Vec::new();
        loop {
            if let Some(address) = waiting.next() {
                attempts.push(self.attempt(destination, address));
            }
            tokio::select! {
                ended = attempts.next() => match ended {
                    Some(Ok(stream)) => return Ok(stream),
                    Some(Err(error)) => failures.push(error),
                    None => break,
                },
                () = tokio::time::sleep(ATTEMPT_DELAY), if waiting.len() > 0 => {}
            }
        }
        let telling = failures.into_iter().max_by_key(ConnectError::significance);
        Err(telling.expect("there was an address, and no attempt succeeded"))
    }

    async fn attempt(
        &self,
        destination: &Destination,
        address: SocketAddr,
    ) -> Result<TcpStream, ConnectError> {
        let began = Instant::now();
        let from = self.from(address).cloned().unwrap_or_default();
        mptcp::connect(self.transport, address, &from)
            .await
            .map_err(|source| ConnectError::from_io(destination.clone(), source, began.elapsed()))
    }
}

/// At least one address.
async fn resolve(
    destination: &Destination,
    lookups: &Lookups,
) -> Result<Vec<SocketAddr>, ConnectError> {
    let name = match &destination.host {
        Host::Ip(ip) => return Ok(vec![canonical(SocketAddr::new(*ip, destination.port))]),
        Host::Name(name) => name,
    };
    let not_found = |source| ConnectError::NameNotFound {
        name: name.clone(),
        source,
    };
    let found = lookups.addresses(name, destination.port).await;
    let found = found.map_err(|error| not_found(Some(error)))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found.into_iter().map(canonical) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        Err(not_found(None))
    } else {
        Ok(addresses)
    }
}

/// Alternates between the families and keeps the resolver's order within each (RFC 8305 section 4).
/// The family of the first address goes first: the resolver has sorted by RFC 6724.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let mut second = second.into_iter();
    let mut mixed: Vec<_> = first
        .into_iter()
        .flat_map(|address| [Some(address), second.next()])
        .flatten()
        .collect();
    mixed.extend(second);
    mixed
}

#[cfg(test)]
#[path = "direct_tests.rs"]
mod tests;

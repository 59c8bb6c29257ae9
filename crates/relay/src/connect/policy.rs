//! Which way a connection goes, where that is decided for each.

use std::net::{IpAddr, SocketAddr};

use mptcp::ConnectOptions;
use wire::{Destination, DomainName};

use super::ConnectError;

/// Decides which way connections go.
pub trait Policy: std::fmt::Debug + Send + Sync {
    /// Whether it matters what a client calls `address`. To find out can cost it a moment.
    fn wants_name(&self, address: SocketAddr) -> bool;

    /// The way of a connection to `destination`. `name` is what the client calls it, if it has said so
    /// otherwise than by the destination.
    fn decide(&self, destination: &Destination, name: Option<&DomainName>) -> Way;
}

/// The way of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// The connector's own route.
    Usual,
    /// The connector's own route, to whichever address of this name answers: who looks it up tries them all.
    ByName(DomainName),
    /// Straight to the destination, by MPTCP where it can.
    Straight,
    /// Straight to the destination, by plain TCP from one of these addresses of the uplink.
    Uplink {
        /// The uplink's name.
        name: String,
        /// The addresses, or why there are none.
        from: Result<Vec<IpAddr>, String>,
    },
    /// Nowhere.
    Refused {
        /// Number of the rule that says so, counted from 1.
        rule: usize,
    },
}

/// How a plain connection by an uplink begins: its addresses, the first of the destination's family counts.
pub(super) fn by_uplink(
    destination: &Destination,
    uplink: String,
    from: Result<Vec<IpAddr>, String>,
) -> Result<Vec<ConnectOptions>, ConnectError> {
    let from = from.map_err(|why| ConnectError::UplinkDown {
        destination: destination.clone(),
        uplink,
        why,
    })?;
    let options = |local| ConnectOptions {
        local: Some(local),
        ..ConnectOptions::default()
    };
    Ok(from.into_iter().map(options).collect())
}

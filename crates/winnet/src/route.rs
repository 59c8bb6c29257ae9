//! Routes.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::Luid;

/// A route of this machine (`MIB_IPFORWARD_ROW2`, `netioapi.h`). Its age is left out, so that a route
/// equals itself a second later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Which way.
    pub interface: Luid,
    /// Where to.
    pub destination: IpNet,
    /// By whom. None where the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// Its own part of the metric; Windows adds that of the interface.
    pub metric: u32,
    /// Who made it.
    pub protocol: RouteProtocol,
}

/// Who made a route (`NL_ROUTE_PROTOCOL`, `nldef.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RouteProtocol {
    /// Windows, for an address of its own.
    Local,
    /// A user or a program; ours are of this kind.
    NetMgmt,
    /// Another number of the list.
    Other(i32),
}

impl RouteProtocol {
    /// From Windows' number.
    pub fn from_raw(number: i32) -> Self {
        match number {
            2 => Self::Local,
            3 => Self::NetMgmt,
            other => Self::Other(other),
        }
    }
}

/// A route that is to be added. It goes when Windows restarts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRoute {
    /// Which way.
    pub interface: Luid,
    /// Where to. Bits past the prefix don't count.
    pub destination: IpNet,
    /// By whom.
    pub gateway: IpAddr,
    /// Its own part of the metric; Windows adds that of the interface.
    pub metric: u32,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "route to {}", self.destination)?;
        if let Some(gateway) = self.gateway {
            write!(f, " by {gateway}")?;
        }
        write!(f, " on interface {}", self.interface)
    }
}

impl fmt::Display for NewRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            interface,
            destination,
            gateway,
            ..
        } = self;
        write!(
            f,
            "route to {destination} by {gateway} on interface {interface}"
        )
    }
}

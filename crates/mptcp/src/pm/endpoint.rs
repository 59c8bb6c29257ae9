//! The path manager's values.

use std::fmt;
use std::net::IpAddr;

use bitflags::bitflags;
use serde::{Serialize, Serializer};

/// Address id of MPTCP (RFC 8684 section 3.4.1). In the list of endpoints it is 1 to 255; within a
/// connection 0 is the address of the initial subflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct EndpointId(pub u8);

impl EndpointId {
    /// The id of the initial subflow's address within a connection.
    pub const INITIAL: Self = Self(0);
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

bitflags! {
    /// What the path manager does with an endpoint (`MPTCP_PM_ADDR_FLAG_*` of linux/mptcp.h).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct EndpointFlags: u32 {
        /// Announce the address to the peer (ADD_ADDR).
        const SIGNAL = 1 << 0;
        /// Open a subflow from it to the peer's initial address.
        const SUBFLOW = 1 << 1;
        /// Its subflows carry data only if no other can.
        const BACKUP = 1 << 2;
        /// With `SUBFLOW`: open subflows to every address of the peer.
        const FULLMESH = 1 << 3;
        /// Made by the kernel for a subflow without endpoint (Linux 5.18). Not for adding.
        const IMPLICIT = 1 << 4;
        /// Use it for subflows to announced addresses (Linux 6.18).
        const LAMINAR = 1 << 5;
        // A newer kernel's flags are kept as they are.
        const _ = !0;
    }
}

impl fmt::Display for EndpointFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (name, _)) in self.iter_names().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma}{}", name.to_ascii_lowercase())?;
        }
        Ok(())
    }
}

impl Serialize for EndpointFlags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter_names().map(|(name, _)| name.to_ascii_lowercase()))
    }
}

/// A registered endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Endpoint {
    /// Its id, which the kernel or the caller chose.
    pub id: EndpointId,
    /// The local address.
    pub address: IpAddr,
    /// Own listening port; only with `SIGNAL` and without `SUBFLOW`.
    pub port: Option<u16>,
    /// Index of the interface that its subflows are bound to.
    pub interface: Option<u32>,
    /// What it is for.
    pub flags: EndpointFlags,
}

/// An endpoint to be registered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EndpointSpec {
    /// The local address.
    pub address: IpAddr,
    /// Own listening port; only with `SIGNAL` and without `SUBFLOW`.
    pub port: Option<u16>,
    /// Index of the interface. Give it for subflows: without it the routing decides.
    pub interface: Option<u32>,
    /// What it is for.
    pub flags: EndpointFlags,
    /// Wished id; `None` lets the kernel choose.
    pub id: Option<EndpointId>,
}

impl fmt::Display for EndpointSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if let Some(port) = self.port {
            write!(f, " port {port}")?;
        }
        if let Some(id) = self.id {
            write!(f, " id {id}")?;
        }
        if let Some(index) = self.interface {
            write!(f, " on interface {index}")?;
        }
        if !self.flags.is_empty() {
            write!(f, " ({})", self.flags)?;
        }
        Ok(())
    }
}

/// Limits of every connection, 0 to 8 each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Subflows beyond the initial one.
    pub subflows: u32,
    /// Addresses of the peer that we take (ADD_ADDR) and open subflows to.
    pub add_addr_accepted: u32,
}

impl Limits {
    /// The kernel's maximum of both (`MPTCP_PM_ADDR_MAX`, Linux 5.7 to 6.18).
    pub const MAX: u32 = 8;
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            subflows,
            add_addr_accepted,
        } = self;
        write!(
            f,
            "limits of {subflows} extra subflows and {add_addr_accepted} accepted addresses"
        )
    }
}

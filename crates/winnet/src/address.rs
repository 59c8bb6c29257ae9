//! Addresses.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::Luid;

/// An address of this machine (`MIB_UNICASTIPADDRESS_ROW`, `netioapi.h`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Where.
    pub interface: Luid,
    /// The address, with the length of the prefix that is on the link.
    pub net: IpNet,
    /// Whether it can be used.
    pub dad: DadState,
}

/// How far duplicate address detection is (`NL_DAD_STATE`, `nldef.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DadState {
    /// Not to be used.
    Invalid,
    /// Others are still being asked whether they have it.
    Tentative,
    /// Somebody else has it.
    Duplicate,
    /// It runs out, and is not for new connections.
    Deprecated,
    /// It can be used.
    Preferred,
}

/// An address that is to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAddress {
    /// Where.
    pub interface: Luid,
    /// The address, with the length of the prefix that is on the link.
    pub net: IpNet,
    /// Whether programs that don't ask for it get another source address.
    pub skip_as_source: bool,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "address {} of interface {}", self.net, self.interface)
    }
}

impl fmt::Display for NewAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "address {} on interface {}", self.net, self.interface)
    }
}

//! What the functions take, and what Windows' documentation says of it (`netioapi.h`).

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Address, Route, code};

/// What a lifetime that doesn't end is.
const INFINITE: u32 = u32::MAX;
/// `IpPrefixOriginUnchanged` and `IpSuffixOriginUnchanged`.
const UNCHANGED: i32 = 16;
/// `MIB_IPPROTO_NETMGMT`.
const NETMGMT: i32 = 3;

/// `MIB_IPFORWARD_ROW2`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of Windows")]
pub struct RouteRow {
    pub luid: u64,
    pub index: u32,
    /// None where the family is neither of the two, as in these others.
    pub destination: Option<IpAddr>,
    pub prefix_length: u8,
    pub next_hop: Option<IpAddr>,
    pub site_prefix_length: u8,
    pub valid_lifetime: u32,
    pub preferred_lifetime: u32,
    pub metric: u32,
    pub protocol: i32,
    pub loopback: bool,
    pub autoconfigure_address: bool,
    pub publish: bool,
    pub immortal: bool,
}

impl RouteRow {
    /// As `InitializeIpForwardEntry` leaves it.
    pub fn initialized() -> Self {
        Self {
            luid: 0,
            index: 0,
            destination: None,
            prefix_length: 0,
            next_hop: None,
            site_prefix_length: u8::MAX,
            valid_lifetime: INFINITE,
            preferred_lifetime: INFINITE,
            metric: u32::MAX,
            protocol: -1,
            loopback: true,
            autoconfigure_address: true,
            publish: true,
            immortal: true,
        }
    }

    /// One that is there.
    pub(super) fn of(route: &Route) -> Self {
        Self {
            luid: route.interface,
            destination: Some(route.destination),
            prefix_length: route.prefix_length,
            next_hop: Some(route.next_hop),
            site_prefix_length: 0,
            metric: route.metric,
            protocol: route.protocol,
            ..Self::initialized()
        }
    }

    /// The route, if it may be created; but for its interface.
    pub(super) fn check(&self) -> Result<Route, u32> {
        let route = self.key()?;
        let initial = Self::initialized();
        let initialized = self.loopback && self.autoconfigure_address && self.publish;
        let lives = self.immortal && self.preferred_lifetime <= self.valid_lifetime;
        let right = initialized
            && lives
            && self.valid_lifetime == INFINITE
            && self.site_prefix_length <= self.prefix_length
            && self.metric != initial.metric
            && self.protocol == NETMGMT;
        right.then_some(route).ok_or(code::INVALID_PARAMETER)
    }

    /// What a route is found by; but for its interface.
    pub(super) fn key(&self) -> Result<Route, u32> {
        let destination = self.destination.ok_or(code::INVALID_PARAMETER)?;
        let next_hop = self.next_hop.ok_or(code::INVALID_PARAMETER)?;
        let net = IpNet::new(destination, self.prefix_length);
        let net = net.map_err(|_| code::INVALID_PARAMETER)?;
        let one_family = destination.is_ipv4() == next_hop.is_ipv4();
        if !one_family || net.network() != destination {
            return Err(code::INVALID_PARAMETER);
        }
        Ok(Route {
            interface: 0,
            destination,
            prefix_length: self.prefix_length,
            next_hop,
            metric: self.metric,
            protocol: self.protocol,
        })
    }
}

impl Route {
    pub(super) fn on(self, interface: u64) -> Self {
        Self { interface, ..self }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        let key = |it: &Self| (it.interface, it.destination, it.prefix_length, it.next_hop);
        key(self) == key(other)
    }
}

/// `MIB_UNICASTIPADDRESS_ROW`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of Windows")]
pub struct AddressRow {
    /// None where the family is neither of the two.
    pub address: Option<IpAddr>,
    pub luid: u64,
    pub index: u32,
    pub prefix_origin: i32,
    pub suffix_origin: i32,
    pub valid_lifetime: u32,
    pub preferred_lifetime: u32,
    pub prefix_length: u8,
    pub skip_as_source: bool,
    pub dad_state: i32,
}

impl AddressRow {
    /// As `InitializeUnicastIpAddressEntry` leaves it.
    pub fn initialized() -> Self {
        Self {
            address: None,
            luid: 0,
            index: 0,
            prefix_origin: UNCHANGED,
            suffix_origin: UNCHANGED,
            valid_lifetime: INFINITE,
            preferred_lifetime: INFINITE,
            prefix_length: u8::MAX,
            skip_as_source: false,
            dad_state: 0,
        }
    }

    /// The address, if it may be created; but for its interface.
    pub(super) fn check(&self) -> Result<Address, u32> {
        let address = self.key()?;
        let right = IpNet::new(address.address, self.prefix_length).is_ok()
            && self.prefix_origin == UNCHANGED
            && self.suffix_origin == UNCHANGED
            && self.preferred_lifetime <= self.valid_lifetime
            && self.valid_lifetime == INFINITE
            && (0..=4).contains(&self.dad_state);
        right.then_some(address).ok_or(code::INVALID_PARAMETER)
    }

    /// What an address is found by; but for its interface.
    pub(super) fn key(&self) -> Result<Address, u32> {
        let address = self.address.ok_or(code::INVALID_PARAMETER)?;
        let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
        // Loopback addresses are for the loopback interface, which the model has none of.
        let other = address.is_unspecified() || address.is_multicast() || address.is_loopback();
        if other || broadcast {
            return Err(code::INVALID_PARAMETER);
        }
        Ok(Address {
            interface: 0,
            address,
            prefix_length: self.prefix_length,
            skip_as_source: self.skip_as_source,
        })
    }
}

impl Address {
    pub(super) fn on(self, interface: u64) -> Self {
        Self { interface, ..self }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.interface, self.address) == (other.interface, other.address)
    }
}

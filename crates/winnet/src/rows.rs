//! How Windows writes interfaces, addresses and routes: in numbers.
//!
//! Apart from its structures, so that what the numbers mean is tested on every system.

use std::net::IpAddr;

use ipnet::IpNet;
use uuid::Uuid;

use crate::{
    Address, DadState, Interface, InterfaceId, InterfaceIndex, Kind, Luid, MacAddress, Route,
    RouteProtocol,
};

/// What counts of a `MIB_IF_ROW2`.
#[derive(Clone, Debug)]
pub struct InterfaceRow<'a> {
    pub guid: Uuid,
    pub luid: u64,
    pub index: u32,
    /// Ends at its first zero, if it has one.
    pub alias: &'a [u16],
    /// The same.
    pub description: &'a [u16],
    pub physical_address: &'a [u8],
    pub interface_type: u32,
    pub physical_medium: i32,
    pub flags: u8,
    pub oper_status: i32,
    pub admin_status: i32,
    pub media_connect_state: i32,
    pub mtu: u32,
    pub speeds: [u64; 2],
}

/// `InterfaceAndOperStatusFlags`.
const HARDWARE: u8 = 1;
const FILTER: u8 = 1 << 1;
const CONNECTOR: u8 = 1 << 2;

const IF_OPER_STATUS_UP: i32 = 1;
const IF_OPER_STATUS_NOT_PRESENT: i32 = 6;
const NET_IF_ADMIN_STATUS_UP: i32 = 1;
const MEDIA_CONNECT_STATE_DISCONNECTED: i32 = 2;
const NDIS_PHYSICAL_MEDIUM_BLUETOOTH: i32 = 10;

impl From<InterfaceRow<'_>> for Interface {
    fn from(row: InterfaceRow<'_>) -> Self {
        Self {
            id: InterfaceId(row.guid),
            luid: Luid(row.luid),
            index: InterfaceIndex(row.index),
            alias: text(row.alias),
            description: text(row.description),
            mac: row.physical_address.try_into().ok().map(MacAddress),
            kind: kind(row.interface_type, row.physical_medium),
            hardware: row.flags & HARDWARE != 0,
            connector: row.flags & CONNECTOR != 0,
            filter: row.flags & FILTER != 0,
            present: row.oper_status != IF_OPER_STATUS_NOT_PRESENT,
            admin_up: row.admin_status == NET_IF_ADMIN_STATUS_UP,
            oper_up: row.oper_status == IF_OPER_STATUS_UP,
            media_connected: row.media_connect_state != MEDIA_CONNECT_STATE_DISCONNECTED,
            mtu: row.mtu,
            link_speed: row.speeds.into_iter().filter(is_speed).max(),
        }
    }
}

/// Drivers say nothing, or everything, where they don't know.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "for filter")]
fn is_speed(speed: &u64) -> bool {
    !matches!(*speed, 0 | u64::MAX)
}

fn kind(interface_type: u32, physical_medium: i32) -> Kind {
    match interface_type {
        6 if physical_medium == NDIS_PHYSICAL_MEDIUM_BLUETOOTH => Kind::Bluetooth,
        6 => Kind::Ethernet,
        24 => Kind::Loopback,
        71 => Kind::WiFi,
        131 => Kind::Tunnel,
        243 | 244 => Kind::Wwan,
        other => Kind::Other(other),
    }
}

fn text(units: &[u16]) -> String {
    let end = units.iter().position(|unit| *unit == 0);
    String::from_utf16_lossy(&units[..end.unwrap_or(units.len())])
}

/// What counts of a `MIB_UNICASTIPADDRESS_ROW`.
#[derive(Clone, Debug)]
pub struct AddressRow {
    pub luid: u64,
    /// None where it is neither IPv4 nor IPv6.
    pub address: Option<IpAddr>,
    pub prefix_length: u8,
    pub dad_state: i32,
}

impl AddressRow {
    /// None where it makes no sense.
    pub fn read(self) -> Option<Address> {
        Some(Address {
            interface: Luid(self.luid),
            net: IpNet::new(self.address?, self.prefix_length).ok()?,
            dad: match self.dad_state {
                1 => DadState::Tentative,
                2 => DadState::Duplicate,
                3 => DadState::Deprecated,
                4 => DadState::Preferred,
                _ => DadState::Invalid,
            },
        })
    }
}

/// What counts of a `MIB_IPFORWARD_ROW2`.
#[derive(Clone, Debug)]
pub struct RouteRow {
    pub luid: u64,
    /// None where it is neither IPv4 nor IPv6.
    pub destination: Option<IpAddr>,
    pub prefix_length: u8,
    pub next_hop: Option<IpAddr>,
    pub metric: u32,
    pub protocol: i32,
}

impl RouteRow {
    /// None where it makes no sense.
    pub fn read(self) -> Option<Route> {
        Some(Route {
            interface: Luid(self.luid),
            destination: IpNet::new(self.destination?, self.prefix_length).ok()?,
            gateway: self.next_hop.filter(|hop| !hop.is_unspecified()),
            metric: self.metric,
            protocol: RouteProtocol::from_raw(self.protocol),
        })
    }
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;

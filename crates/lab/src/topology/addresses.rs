//! Every address of the lab. Interfaces have the same names in every lab.
//!
//! Public addresses come from the ranges that are set aside for documentation (RFC 5737, RFC 3849),
//! private ones from RFC 1918 and RFC 4193.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use netcfg::{InterfaceName, MacAddress};

use super::node::Uplink;

/// One interface's addresses of both families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The IPv4 address and its network.
    pub v4: Ipv4Net,
    /// The IPv6 address and its network.
    pub v6: Ipv6Net,
}

/// The Windows PC on its way to the guest.
pub const WINDOWS: Pair = pair([172, 22, 0, 2], 24, [0xfd22, 0, 0, 0, 2]);
/// The guest's interface towards Windows.
pub const GUEST: Pair = pair([172, 22, 0, 1], 24, [0xfd22, 0, 0, 0, 1]);
/// The core's interface towards the hub: the hub's gateway.
pub const CORE_TO_HUB: Pair = pair([203, 0, 113, 1], 28, [0x2001, 0xdb8, 0xa, 0, 1]);
/// The hub.
pub const HUB: Pair = pair([203, 0, 113, 2], 28, [0x2001, 0xdb8, 0xa, 0, 2]);
/// The hub's second address, on the same interface.
pub const HUB_SECOND: Pair = pair([203, 0, 113, 3], 28, [0x2001, 0xdb8, 0xa, 0, 3]);
/// The core's interface towards the origin: the origin's gateway.
pub const CORE_TO_ORIGIN: Pair = pair([203, 0, 113, 17], 28, [0x2001, 0xdb8, 0xb, 0, 1]);
/// The origin.
pub const ORIGIN: Pair = pair([203, 0, 113, 18], 28, [0x2001, 0xdb8, 0xb, 0, 2]);

/// Where each access network's IPv4 is if all look alike, as with two modems of one make.
const ALIKE: [u8; 3] = [192, 168, 8];

impl Pair {
    /// The IPv4 address alone.
    #[must_use]
    pub const fn ipv4(&self) -> Ipv4Addr {
        self.v4.addr()
    }

    /// Both addresses alone, IPv4 first.
    #[must_use]
    pub const fn both(&self) -> [IpAddr; 2] {
        [IpAddr::V4(self.ipv4()), IpAddr::V6(self.ipv6())]
    }

    /// The IPv6 address alone.
    #[must_use]
    pub const fn ipv6(&self) -> Ipv6Addr {
        self.v6.addr()
    }
}

/// The access router on the guest's side: the guest's gateway on this uplink. `same_subnet` as in
/// the lab's specification.
#[must_use]
pub const fn access(uplink: Uplink, same_subnet: bool) -> Pair {
    on_uplink(uplink, same_subnet, 1)
}

/// What the guest has on this uplink if its addresses are static. The last number differs from
/// uplink to uplink, so that the addresses do so in one subnet too.
#[must_use]
pub const fn guest_uplink(uplink: Uplink, same_subnet: bool) -> Pair {
    on_uplink(uplink, same_subnet, 1 + uplink.number())
}

/// The core's interface towards an access router.
#[must_use]
pub const fn core_to_access(uplink: Uplink) -> Pair {
    behind_access(uplink, 1)
}

/// The access router's interface towards the core. Its IPv4 address is what the guest's packets
/// have as their source in the Internet.
#[must_use]
pub const fn access_to_core(uplink: Uplink) -> Pair {
    behind_access(uplink, 2)
}

/// The guest's interface of an uplink: `eth1` and so on.
#[must_use]
pub fn uplink_interface(uplink: Uplink) -> InterfaceName {
    interface(&format!("eth{uplink}"))
}

/// The hardware address of the guest's interface of an uplink: 02:4d:50:00:00:01 and so on.
#[must_use]
pub const fn uplink_mac(uplink: Uplink) -> MacAddress {
    MacAddress([0x02, 0x4d, 0x50, 0, 0, uplink.number()])
}

/// The interface between Windows and the guest, on both sides; that of the servers towards the core.
#[must_use]
pub fn eth0() -> InterfaceName {
    interface("eth0")
}

/// The access router's interface towards the guest.
#[must_use]
pub fn access_lan() -> InterfaceName {
    interface("lan")
}

/// The access router's interface towards the core.
#[must_use]
pub fn access_wan() -> InterfaceName {
    interface("wan")
}

pub(super) fn interface(name: &str) -> InterfaceName {
    InterfaceName::new(name).expect("the lab's interface names are short and plain")
}

const fn on_uplink(uplink: Uplink, same_subnet: bool, host: u8) -> Pair {
    let number = 10 + uplink.number();
    let [a, b, c] = if same_subnet {
        ALIKE
    } else {
        [192, 168, number]
    };
    // The decimal number in hexadecimal digits, so that 192.168.11 and 2001:db8:11 belong together.
    let digits = (number / 10 * 16 + number % 10) as u16;
    pair([a, b, c, host], 24, [0x2001, 0xdb8, digits, 0, host as u16])
}

const fn behind_access(uplink: Uplink, host: u8) -> Pair {
    let number = uplink.number();
    let last = (number - 1) * 4 + host;
    pair(
        [198, 51, 100, last],
        30,
        [0x2001, 0xdb8, 0xfe, number as u16, host as u16],
    )
}

/// IPv6: three groups of prefix, the subnet, and the last group; always /64.
const fn pair(v4: [u8; 4], prefix: u8, v6: [u16; 5]) -> Pair {
    let [a, b, c, d] = v4;
    let [p, q, r, subnet, host] = v6;
    Pair {
        v4: Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix),
        v6: Ipv6Net::new_assert(Ipv6Addr::new(p, q, r, subnet, 0, 0, 0, host), 64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_documented() {
        let text = |pair: Pair| format!("{} {}", pair.v4, pair.v6);
        assert_eq!(text(GUEST), "172.22.0.1/24 fd22::1/64");
        assert_eq!(text(HUB), "203.0.113.2/28 2001:db8:a::2/64");
        assert_eq!(text(ORIGIN), "203.0.113.18/28 2001:db8:b::2/64");
        let second = Uplink::SECOND;
        assert_eq!(
            text(access(second, false)),
            "192.168.12.1/24 2001:db8:12::1/64"
        );
        assert_eq!(
            text(access(second, true)),
            "192.168.8.1/24 2001:db8:12::1/64"
        );
        assert_eq!(
            text(core_to_access(second)),
            "198.51.100.5/30 2001:db8:fe:2::1/64"
        );
        assert_eq!(
            text(access_to_core(second)),
            "198.51.100.6/30 2001:db8:fe:2::2/64"
        );
        let last = Uplink::new(Uplink::MOST).unwrap();
        assert_eq!(
            text(access(last, false)),
            "192.168.70.1/24 2001:db8:70::1/64"
        );
        assert_eq!(
            text(access_to_core(last)),
            "198.51.100.238/30 2001:db8:fe:3c::2/64"
        );
        assert_eq!(uplink_mac(second).to_string(), "02:4d:50:00:00:02");
    }
}

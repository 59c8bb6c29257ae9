//! The IPv6 network that edge and host give themselves addresses in, where nobody else gives them any.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use ipnet::Ipv6Net;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// The only prefix length that interface identifiers go with (RFC 4291, 2.5.1).
const PREFIX: u8 = 64;

/// A unique local network (RFC 4193) with a prefix of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkNetwork(Ipv6Net);

/// The text is no such network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no unique local network of 64 bits; write one such as \"fd12:3456:789a::/64\"")]
pub struct LinkNetworkError(String);

impl LinkNetwork {
    /// The one between Windows and its VM. Every PC has the same, as it never leaves the PC: the global id is
    /// "manyp" in ASCII.
    pub const WINDOWS: Self = Self(Ipv6Net::new_assert(
        Ipv6Addr::new(0xfd6d, 0x616e, 0x7970, 0, 0, 0, 0, 0),
        PREFIX,
    ));

    /// The network.
    pub fn net(self) -> Ipv6Net {
        self.0
    }

    /// The host's address.
    pub fn host(self) -> Ipv6Net {
        self.with(1)
    }

    /// The edge's address, by its MAC address there (RFC 4291, appendix A): several edges on one link, as two
    /// users' VMs are, must not have the same.
    pub fn edge(self, mac: [u8; 6]) -> Ipv6Net {
        let [a, b, c, d, e, f] = mac;
        self.with(u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]))
    }

    fn with(self, identifier: u64) -> Ipv6Net {
        let bits = self.0.addr().to_bits() | u128::from(identifier);
        Ipv6Net::new_assert(Ipv6Addr::from_bits(bits), PREFIX)
    }
}

impl FromStr for LinkNetwork {
    type Err = LinkNetworkError;

    fn from_str(text: &str) -> Result<Self, LinkNetworkError> {
        let net = text.parse::<Ipv6Net>().ok().filter(|net| {
            net.prefix_len() == PREFIX && net.addr().is_unique_local() && net.trunc() == *net
        });
        net.map(Self)
            .ok_or_else(|| LinkNetworkError(text.to_owned()))
    }
}

impl fmt::Display for LinkNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for LinkNetwork {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for LinkNetwork {
    fn schema_name() -> Cow<'static, str> {
        "LinkNetwork".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[fF][dD][0-9A-Fa-f:]+::/64$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_have_addresses_of_their_own() {
        let network: LinkNetwork = "fd00:1:2:3::/64".parse().unwrap();
        assert_eq!(network.host().to_string(), "fd00:1:2:3::1/64");
        let edge = network.edge([0, 0x15, 0x5d, 1, 2, 3]);
        assert_eq!(edge.to_string(), "fd00:1:2:3:215:5dff:fe01:203/64");
        let other = network.edge([0, 0x15, 0x5d, 1, 2, 4]);
        assert!(edge != other && network.net().contains(&other));
        assert_eq!(
            LinkNetwork::WINDOWS.to_string().parse(),
            Ok(LinkNetwork::WINDOWS)
        );
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "fd00::",
            "fd00::/48",
            "fd00::1/64",
            "2001:db8::/64",
            "fe80::/64",
            "10.0.0.0/24",
        ] {
            assert_eq!(
                text.parse::<LinkNetwork>(),
                Err(LinkNetworkError(text.to_owned()))
            );
        }
    }
}

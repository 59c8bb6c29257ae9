//! Rules for where a user may connect to.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::network::{NetworkError, network};
use crate::ports::{PortRange, PortRangeError};

/// Destinations: a network, and of its addresses all TCP ports or some. Written `203.0.113.0/24`,
/// `0.0.0.0/0:443` or `[2001:db8::/32]:80-90`; an address alone is the network of that one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DestinationRule {
    /// The addresses.
    pub network: IpNet,
    /// The ports, or all.
    pub ports: Option<PortRange>,
}

/// Why a text is not a rule for destinations.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationRuleError {
    /// An address within a network.
    #[error(transparent)]
    Network(NetworkError),
    /// The ports.
    #[error(transparent)]
    Ports(PortRangeError),
    /// No network, or IPv6 and ports without brackets.
    #[error(
        "{0:?} is no network, with or without ports; write \"203.0.113.0/24\", \"0.0.0.0/0:443\" or \"[2001:db8::/32]:80-90\""
    )]
    Syntax(String),
}

impl DestinationRule {
    /// Whether the rule is for this destination. An IPv4-mapped IPv6 address is the IPv4 address.
    pub fn matches(&self, address: IpAddr, port: u16) -> bool {
        self.network.contains(&address.to_canonical())
            && self.ports.is_none_or(|ports| ports.contains(port))
    }
}

impl FromStr for DestinationRule {
    type Err = DestinationRuleError;

    fn from_str(text: &str) -> Result<Self, DestinationRuleError> {
        let syntax = || DestinationRuleError::Syntax(text.to_owned());
        let (net, ports) = match text.strip_prefix('[') {
            Some(inner) => {
                let (net, rest) = inner.split_once(']').ok_or_else(syntax)?;
                match rest.strip_prefix(':') {
                    Some(ports) => (net, Some(ports)),
                    None if rest.is_empty() => (net, None),
                    None => return Err(syntax()),
                }
            }
            None => match text.split_once(':') {
                // One colon is in front of ports, several are in an IPv6 address.
                Some((net, ports)) if !ports.contains(':') => (net, Some(ports)),
                _ => (text, None),
            },
        };
        let network = network(net).map_err(|error| match error {
            NetworkError::Syntax(_) => syntax(),
            error => DestinationRuleError::Network(error),
        })?;
        let ports = ports.map(str::parse).transpose();
        let ports = ports.map_err(DestinationRuleError::Ports)?;
        Ok(Self { network, ports })
    }
}

impl fmt::Display for DestinationRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.network, self.ports) {
            (network, None) => write!(f, "{network}"),
            (IpNet::V4(network), Some(ports)) => write!(f, "{network}:{ports}"),
            (IpNet::V6(network), Some(ports)) => write!(f, "[{network}]:{ports}"),
        }
    }
}

impl Serialize for DestinationRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for DestinationRule {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DestinationRule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A network, or one with TCP ports: \"203.0.113.0/24\", \"0.0.0.0/0:443\", \"[2001:db8::/32]:80-90\".",
            "type": "string",
            "pattern": r"^([0-9.]+(/\d{1,2})?|\[[0-9A-Fa-f:.]+(/\d{1,3})?\])(:\d{1,5}(-\d{1,5})?)?$|^[0-9A-Fa-f:.]+(/\d{1,3})?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_match_addresses_and_ports() {
        for (rule, address, port, expected) in [
            ("203.0.113.0/24", "203.0.113.18", 1, true),
            ("203.0.113.0/24", "::ffff:203.0.113.18", 1, true),
            ("203.0.113.0/24", "203.0.112.18", 1, false),
            ("0.0.0.0/0:443", "198.51.100.1", 443, true),
            ("0.0.0.0/0:443", "198.51.100.1", 80, false),
            ("0.0.0.0/0:443", "2001:db8::1", 443, false),
            ("[2001:db8::/32]:80-90", "2001:db8::1", 90, true),
            ("[2001:db8::/32]:80-90", "2001:db8::1", 91, false),
            ("2001:db8::/32", "2001:db8::1", 91, true),
            ("[::1]", "::1", 1, true),
            ("198.51.100.7", "198.51.100.7", 1, true),
            ("198.51.100.7", "198.51.100.8", 1, false),
        ] {
            let parsed: DestinationRule = rule.parse().unwrap_or_else(|e| panic!("{rule}: {e}"));
            let address = address.parse().unwrap();
            assert_eq!(parsed.matches(address, port), expected, "{rule} {address}");
            assert_eq!(parsed.to_string().parse(), Ok(parsed), "{rule}");
        }
    }

    #[test]
    fn what_is_no_rule() {
        for rule in [
            "",
            ":443",
            "203.0.113.0/24:",
            "203.0.113.0/24:0",
            "203.0.113.0/24:9-8",
            "[::/0",
            "[::/0]x",
            "[::/0]443",
            "hub.example",
            "203.0.113.1/24",
            "[[::]]:1",
            "2001:db8::/32:80",
            "*:443",
        ] {
            assert!(rule.parse::<DestinationRule>().is_err(), "{rule}");
        }
    }
}

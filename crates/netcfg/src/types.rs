//! Identifiers of kernel objects, one type each, so that none is taken for another.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::Serialize;
use thiserror::Error;

/// The number of an interface in its namespace. A rename keeps it, a new namespace may change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct InterfaceIndex(pub u32);

impl InterfaceIndex {
    /// The loopback interface: the kernel gives it 1 in every namespace (since 2.6.29).
    pub const LOOPBACK: Self = Self(1);
}

/// A routing table. 0 is "unspecified"; above 255 it needs an attribute of its own (`RTA_TABLE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TableId(pub u32);

impl TableId {
    /// Routes that rules look up by default.
    pub const DEFAULT: Self = Self(253);
    /// Where routes go when no table is named.
    pub const MAIN: Self = Self(254);
    /// The kernel's own table of local and broadcast addresses.
    pub const LOCAL: Self = Self(255);
}

/// The place of a rule: rules are tried from the lowest number to the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RulePriority(pub u32);

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

/// The name of an interface: 1 to 15 bytes, no `/`, `:`, white space or control character, and
/// neither `.` nor `..` (`dev_valid_name` in the kernel's net/core/dev.c).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct InterfaceName(String);

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A text that no interface can be named.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} cannot name an interface: 1 to 15 bytes, no '/', ':', space or control character")]
pub struct InvalidInterfaceName(String);

/// A text that is no Ethernet address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no MAC address: six hexadecimal bytes with colons, like 02:00:00:12:34:56")]
pub struct InvalidMacAddress(String);

impl InterfaceName {
    /// Checks a name.
    pub fn new(name: &str) -> Result<Self, InvalidInterfaceName> {
        // The kernel allows other control characters and bytes that are no UTF-8. No tool makes
        // such names, and they would break every text they are put in.
        let allowed = |c: char| !matches!(c, '/' | ':') && !c.is_whitespace() && !c.is_control();
        let valid = (1..=15).contains(&name.len())
            && name != "."
            && name != ".."
            && name.chars().all(allowed);
        if valid {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidInterfaceName(name.to_owned()))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl MacAddress {
    /// Every station on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// The bytes, in the order of transmission.
    pub fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }

    /// The prefix that holds every address: `0.0.0.0/0` or `::/0`.
    pub fn everything(self) -> IpNet {
        match self {
            Self::V4 => IpNet::V4(ipnet::Ipv4Net::default()),
            Self::V6 => IpNet::V6(ipnet::Ipv6Net::default()),
        }
    }
}

impl AsRef<str> for InterfaceName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for InterfaceName {
    type Error = InvalidInterfaceName;

    fn try_from(name: &str) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}

impl FromStr for InterfaceName {
    type Err = InvalidInterfaceName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl From<[u8; 6]> for MacAddress {
    fn from(octets: [u8; 6]) -> Self {
        Self(octets)
    }
}

impl FromStr for MacAddress {
    type Err = InvalidMacAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_mac(text)
            .map(Self)
            .ok_or_else(|| InvalidMacAddress(text.to_owned()))
    }
}

fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        let part = parts.next()?;
        let hexadecimal = part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
        *byte = hexadecimal.then(|| u8::from_str_radix(part, 16).ok())??;
    }
    parts.next().is_none().then_some(bytes)
}

impl fmt::Display for InterfaceIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for RulePriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MacAddress({self})")
    }
}

impl Serialize for MacAddress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_names_are_what_the_kernel_accepts() {
        for good in [
            "lo",
            "eth0",
            "eth0.100",
            "a",
            "fifteen-bytes-x",
            "wlan ".trim(),
            "é0",
        ] {
            assert_eq!(
                InterfaceName::new(good).map(|n| n.to_string()),
                Ok(good.to_owned())
            );
        }
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "a:b",
            "a b",
            "sixteen-bytes-xy",
            "a\n",
            "a\0",
        ] {
            assert!(InterfaceName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn mac_addresses_are_read_as_they_are_written() {
        let mac = MacAddress([2, 0, 0, 0x12, 0xab, 0xff]);
        assert_eq!(mac.to_string(), "02:00:00:12:ab:ff");
        assert_eq!("02:00:00:12:AB:ff".parse(), Ok(mac));
        for bad in [
            "",
            "2:0:0:12:ab:ff",
            "02:00:00:12:ab",
            "02:00:00:12:ab:ff:00",
            "+2:00:00:12:ab:ff",
        ] {
            assert!(bad.parse::<MacAddress>().is_err(), "{bad:?}");
        }
    }
}

//! How a settings file points at a network interface: by name, by MAC address or by VMBus instance.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::wildcard;

/// Longest interface name of Linux in bytes (`IFNAMSIZ` less the closing NUL).
const NAME_MAX: usize = 15;

/// Which interface a `[host]` table or an `[[uplink]]` rule is about. Exactly one of the three keys is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub enum InterfaceMatch {
    /// The interface's name, or (for an uplink) a pattern: * stands for any characters, ? for exactly one.
    #[serde(rename = "interface")]
    Name(Pattern),
    /// The interface's MAC address, such as 02:00:00:00:00:01.
    #[serde(rename = "mac")]
    Mac(MacAddress),
    /// The VMBus instance id of the network adapter: the GUID that is the device's name in /sys/bus/vmbus/devices.
    #[serde(rename = "vmbus")]
    VmBus(Guid),
}

impl InterfaceMatch {
    /// Whether the interface with this name, MAC address and VMBus instance id is meant.
    pub fn matches(&self, name: &str, mac: Option<MacAddress>, vmbus: Option<Guid>) -> bool {
        match self {
            Self::Name(pattern) => pattern.matches(name),
            Self::Mac(wanted) => mac == Some(*wanted),
            Self::VmBus(wanted) => vmbus == Some(*wanted),
        }
    }

    /// The settings key that this is written under: `interface`, `mac` or `vmbus`.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Name(_) => "interface",
            Self::Mac(_) => "mac",
            Self::VmBus(_) => "vmbus",
        }
    }

    /// Whether several interfaces of one machine can match.
    pub fn is_pattern(&self) -> bool {
        matches!(self, Self::Name(pattern) if !pattern.is_literal())
    }
}

impl fmt::Display for InterfaceMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(pattern) => pattern.fmt(f),
            Self::Mac(mac) => mac.fmt(f),
            Self::VmBus(guid) => guid.fmt(f),
        }
    }
}

/// An interface name, or a pattern for names in which `*` stands for any characters and `?` for exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Pattern(#[schemars(length(min = 1), regex(pattern = r"^[^/:\s]+$"))] String);

/// Why a text is not an interface name or pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The text is empty, `.` or `..`.
    #[error(
        "{0:?} is no interface name; write one such as \"eth1\", or a pattern such as \"eth*\""
    )]
    NoName(String),
    /// A character that the kernel refuses in a name (`dev_valid_name`).
    #[error(
        "an interface name cannot hold {0:?}; write a name as `ip link` shows it, such as \"eth1\""
    )]
    Character(char),
    /// Longer than any interface name can be.
    #[error(
        "no interface name is longer than 15 bytes, {0:?} is; write a name as `ip link` shows it"
    )]
    TooLong(String),
}

impl Pattern {
    /// Whether `name` fits.
    pub fn matches(&self, name: &str) -> bool {
        wildcard::fits(&self.0, name)
    }

    /// Whether this is a plain name, without `*` and `?`.
    pub fn is_literal(&self) -> bool {
        wildcard::is_literal(&self.0)
    }

    /// The text as written in the settings file.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if matches!(text, "" | "." | "..") {
            return Err(PatternError::NoName(text.to_owned()));
        }
        let refused = |c: &char| matches!(c, '/' | ':') || c.is_whitespace() || c.is_control();
        if let Some(c) = text.chars().find(refused) {
            return Err(PatternError::Character(c));
        }
        if text.bytes().filter(|&b| b != b'*').count() > NAME_MAX {
            return Err(PatternError::TooLong(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The MAC address (EUI-48) of a network card.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema)]
#[schemars(transparent)]
pub struct MacAddress(
    #[schemars(
        with = "String",
        regex(pattern = r"^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$")
    )]
    [u8; 6],
);

/// Why a text is not a MAC address of a card.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MacAddressError {
    /// Not six bytes in hexadecimal.
    #[error(
        "{0:?} is no MAC address; write six bytes in hexadecimal, such as \"02:00:00:00:00:01\""
    )]
    Syntax(String),
    /// An address that no single card has: all zeros, or a group address (IEEE 802, lowest bit of the first byte).
    #[error(
        "{0} is not the address of one network card; write the one that `ip link` shows for the card"
    )]
    NoCard(MacAddress),
}

impl MacAddress {
    /// The six bytes in the order in which they are written.
    pub fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl From<[u8; 6]> for MacAddress {
    fn from(octets: [u8; 6]) -> Self {
        Self(octets)
    }
}

impl FromStr for MacAddress {
    type Err = MacAddressError;

    /// Reads `02:00:00:00:00:01` and, as Windows prints it, `02-00-00-00-00-01`.
    fn from_str(text: &str) -> Result<Self, MacAddressError> {
        let syntax = || MacAddressError::Syntax(text.to_owned());
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut octets = [0; 6];
        let mut parts = text.split(separator);
        for octet in &mut octets {
            let part = parts.next().ok_or_else(syntax)?;
            if part.len() != 2 || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(syntax());
            }
            *octet = u8::from_str_radix(part, 16).map_err(|_| syntax())?;
        }
        if parts.next().is_some() {
            return Err(syntax());
        }
        let mac = Self(octets);
        if octets == [0; 6] || octets[0] & 1 == 1 {
            return Err(MacAddressError::NoCard(mac));
        }
        Ok(mac)
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
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A GUID: the VMBus instance id of a synthetic network adapter, or the id of an interface of Windows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema)]
#[schemars(transparent)]
pub struct Guid(
    #[schemars(
        with = "String",
        regex(pattern = r"^\{?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?$")
    )]
    u128,
);

/// The text is not a GUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no GUID; write the adapter's name in /sys/bus/vmbus/devices, such as \"7a08391f-f5a0-4ac0-9802-d13fd964f8df\""
)]
pub struct GuidError(String);

/// From the number that `uuid::Uuid::as_u128` gives.
impl From<u128> for Guid {
    fn from(number: u128) -> Self {
        Self(number)
    }
}

impl FromStr for Guid {
    type Err = GuidError;

    /// Reads `7a08391f-f5a0-4ac0-9802-d13fd964f8df`, in braces or not, in either case.
    fn from_str(text: &str) -> Result<Self, GuidError> {
        let error = || GuidError(text.to_owned());
        let bare = text
            .strip_prefix('{')
            .map_or(Some(text), |rest| rest.strip_suffix('}'));
        let groups: Vec<&str> = bare.ok_or_else(error)?.split('-').collect();
        let fits = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
        let digits = groups.concat();
        if !fits || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(error());
        }
        u128::from_str_radix(&digits, 16)
            .map(Self)
            .map_err(|_| error())
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let (a, rest) = digits.split_at(8);
        write!(
            f,
            "{a}-{}-{}-{}-{}",
            &rest[..4],
            &rest[4..8],
            &rest[8..12],
            &rest[12..]
        )
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guid({self})")
    }
}

impl Serialize for Guid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

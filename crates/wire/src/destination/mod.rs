//! Where a connection is to go: a host, by address or by name, and a port.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::ParseIntError;
use std::str::FromStr;

/// A host and a port. Shown as `name:port`, `192.0.2.1:port` or `[2001:db8::1]:port`, and parsed
/// from the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    /// The host.
    pub host: Host,
    /// The port. 0 is left for the user of the value to judge: a SOCKS5 UDP ASSOCIATE may say it.
    pub port: u16,
}

/// A host by its address, or by a name that nobody has resolved yet.
///
/// Text that is an address always becomes [`Host::Ip`], whatever message it came in, so that rules
/// for addresses can't be passed by spelling one as a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// An address. An IPv4-mapped IPv6 address stays one.
    Ip(IpAddr),
    /// A name for the DNS.
    Name(DomainName),
}

/// A name for the DNS: 1 to 255 bytes of UTF-8 (what the length byte of RFC 1928 section 5 can
/// express) without white space, control characters and the delimiters of a URI, and not a number
/// in disguise. The letter case is kept as it came.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DomainName(Box<str>);

/// Why text is no [`DomainName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainNameError {
    /// No byte at all.
    #[error("the host name is empty")]
    Empty,
    /// More than 255 bytes.
    #[error("the host name has {0} bytes, more than the 255 that are allowed")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("the host name {name:?} is not UTF-8 text")]
    NotUtf8 {
        /// The bytes, escaped.
        name: String,
    },
    /// A byte that no host name has.
    #[error("the host name {name:?} holds the character {character:?}, which no name may have")]
    Character {
        /// The name.
        name: String,
        /// The first such character.
        character: char,
    },
    /// The last label is a number, as in `127.1`.
    #[error(
        "the host name {name:?} ends in a number and is not a full IPv4 address like 192.0.2.1"
    )]
    EndsInNumber {
        /// The name.
        name: String,
    },
}

/// Why text is no [`Destination`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// No port.
    #[error("{text:?} has no port; write it as host:port")]
    NoPort {
        /// What was to be parsed.
        text: String,
    },
    /// The port is no number from 0 to 65535.
    #[error("the port {port:?} in {text:?} is not a number from 0 to 65535")]
    Port {
        /// What was to be parsed.
        text: String,
        /// The text after the last colon.
        port: String,
        /// What is wrong with it.
        #[source]
        source: ParseIntError,
    },
    /// Brackets that hold no IPv6 address. Zone ids (`fe80::1%eth0`) are among them: they mean
    /// something on the client's machine only.
    #[error(
        "{text:?} is not an IPv6 address; in brackets goes one without zone, like [2001:db8::1]"
    )]
    Ipv6 {
        /// The text between the brackets, or with the missing bracket.
        text: String,
    },
    /// An IPv6 address that needs brackets.
    #[error("{text:?} has more than one colon; write an IPv6 address as [2001:db8::1]:443")]
    NoBrackets {
        /// What was to be parsed.
        text: String,
    },
    /// The host is neither an address nor a name.
    #[error(transparent)]
    Name(#[from] DomainNameError),
}

impl Destination {
    /// Where to connect to, if no name has to be looked up for it. `also` is another address of the same host.
    #[must_use]
    pub fn addresses(&self, also: Option<IpAddr>) -> Option<Vec<SocketAddr>> {
        let Host::Ip(ip) = self.host else {
            return None;
        };
        let all = [Some(ip), also].into_iter().flatten();
        Some(all.map(|ip| SocketAddr::new(ip, self.port)).collect())
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let no_port = || DestinationError::NoPort { text: text.into() };
        let (host, port) = match text.strip_prefix('[') {
            Some(inner) => {
                let bad = || DestinationError::Ipv6 { text: text.into() };
                let (ip, rest) = inner.split_once(']').ok_or_else(bad)?;
                let host = Host::Ip(ip.parse::<Ipv6Addr>().map_err(|_| bad())?.into());
                (host, rest.strip_prefix(':').ok_or_else(no_port)?)
            }
            None => {
                let (host, port) = text.rsplit_once(':').ok_or_else(no_port)?;
                if host.contains(':') {
                    return Err(DestinationError::NoBrackets { text: text.into() });
                }
                (host.parse()?, port)
            }
        };
        Ok(Self {
            host,
            port: parse_port(text, port)?,
        })
    }
}

fn parse_port(text: &str, port: &str) -> Result<u16, DestinationError> {
    // `u16::from_str` takes a leading plus, a port is digits only (RFC 3986 section 3.2.3).
    let digits = if port.starts_with('+') { "+" } else { port };
    digits.parse().map_err(|source| DestinationError::Port {
        text: text.into(),
        port: port.into(),
        source,
    })
}

impl From<SocketAddr> for Destination {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: Host::Ip(address.ip()),
            port: address.port(),
        }
    }
}

/// Without brackets around IPv6.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// An address (IPv6 without brackets) or a name.
impl FromStr for Host {
    type Err = DomainNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(ip) => Ok(Self::Ip(ip)),
            Err(_) => Ok(Self::Name(text.try_into()?)),
        }
    }
}

/// Reads the host of a message's domain field, which some clients fill with an address.
impl TryFrom<&[u8]> for Host {
    type Error = DomainNameError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        utf8(bytes)?.parse()
    }
}

impl DomainName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for DomainName {
    type Error = DomainNameError;

    fn try_from(name: &str) -> Result<Self, Self::Error> {
        match name.len() {
            0 => return Err(DomainNameError::Empty),
            1..=255 => {}
            len => return Err(DomainNameError::TooLong(len)),
        }
        if let Some(character) = name.chars().find(|c| !is_name_character(*c)) {
            return Err(DomainNameError::Character {
                name: name.into(),
                character,
            });
        }
        if ends_in_number(name) {
            return Err(DomainNameError::EndsInNumber { name: name.into() });
        }
        Ok(Self(name.into()))
    }
}

impl TryFrom<&[u8]> for DomainName {
    type Error = DomainNameError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        utf8(bytes)?.try_into()
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DomainName({:?})", self.0)
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, DomainNameError> {
    if bytes.len() > 255 {
        return Err(DomainNameError::TooLong(bytes.len()));
    }
    str::from_utf8(bytes).map_err(|_| DomainNameError::NotUtf8 {
        name: bytes.escape_ascii().to_string(),
    })
}

/// The delimiters would make `Display` of a destination, or a URI made of it, mean something else.
fn is_name_character(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !":/?#[]@\\%\"<>".contains(c)
}

/// Resolvers take `127.1`, `0x7f.1` and `2130706433` for addresses, as `inet_aton` does. No top-level
/// domain is a number (RFC 3696 section 2), so these are refused as in the WHATWG URL standard
/// ("ends in a number checker").
fn ends_in_number(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or(name);
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests;

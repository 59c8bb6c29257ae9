//! The address of a hub, written as a URL.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use wire::{Destination, DestinationError};
use zeroize::Zeroizing;

use crate::secret::{Credentials, CredentialsError, Secret};

const SCHEME: &str = "socks5://";

/// A SOCKS5 server: `socks5://user:password@host:port`. User and password may be absent, and hold any
/// character when written as %XX (RFC 3986 section 2.1). `Display` hides the password.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProxyUrl {
    /// Name and password to show to the server, if it wants any.
    pub credentials: Option<Credentials>,
    /// Where the server listens. The port is never 0.
    pub destination: Destination,
}

/// Why a text is not the URL of a SOCKS5 server. No variant holds a piece of the text: any could be the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyUrlError {
    /// Another scheme, or none.
    #[error(
        "the address starts neither with manypath:// nor with socks5://; write the hub's link, or \"socks5://user:password@host:port\""
    )]
    Scheme,
    /// No host.
    #[error("the host is missing; write the address as \"socks5://user:password@host:port\"")]
    NoHost,
    /// No port.
    #[error("the port is missing; write it behind the host, such as \"socks5://hub.example:1080\"")]
    NoPort,
    /// The port is not a number between 1 and 65535.
    #[error(
        "the port is not a number from 1 to 65535; write it behind the host, such as \"socks5://hub.example:1080\""
    )]
    Port,
    /// An IPv6 address without its brackets, or something else in brackets.
    #[error("an IPv6 address goes in brackets, such as \"socks5://[2001:db8::1]:1080\"")]
    Ipv6,
    /// Neither an address nor a name.
    #[error(
        "the host is neither an IP address nor a name; write it such as \"socks5://hub.example:1080\""
    )]
    Host,
    /// There is an '@' with a user but without a password.
    #[error("there is a user but no password; write \"socks5://user:password@host:port\"")]
    NoPassword,
    /// A path, query or fragment.
    #[error(
        "nothing may follow the port; write \"socks5://user:password@host:port\", and / ? # within a password as %2F %3F %23"
    )]
    Trailing,
    /// A '%' without two hexadecimal digits, or bytes that are no UTF-8.
    #[error(
        "a % in the user or password is not followed by two hexadecimal digits of UTF-8 text; write a % itself as %25"
    )]
    Percent,
    /// The user or the password breaks a rule.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

impl ProxyUrl {
    /// The whole URL with its password: for a settings file that its owner alone can read.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(self.with_password(|password| encode(password.expose())))
    }

    fn with_password(&self, shown: impl Fn(&Secret) -> String) -> String {
        let Self {
            credentials,
            destination,
        } = self;
        match credentials {
            Some(user) => {
                let (name, password) = (encode(user.name()), shown(user.password()));
                format!("{SCHEME}{name}:{password}@{destination}")
            }
            None => format!("{SCHEME}{destination}"),
        }
    }
}

impl FromStr for ProxyUrl {
    type Err = ProxyUrlError;

    fn from_str(text: &str) -> Result<Self, ProxyUrlError> {
        let start = text.get(..SCHEME.len()).ok_or(ProxyUrlError::Scheme)?;
        if !start.eq_ignore_ascii_case(SCHEME) {
            return Err(ProxyUrlError::Scheme);
        }
        let rest = &text[SCHEME.len()..];
        // The last '@' is the right one: a password may hold others, a host cannot.
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let place = place.strip_suffix('/').unwrap_or(place);
        if place.contains(['/', '?', '#']) {
            return Err(ProxyUrlError::Trailing);
        }
        let destination = destination(place)?;
        let credentials = user.map(credentials).transpose()?;
        Ok(Self {
            credentials,
            destination,
        })
    }
}

fn destination(text: &str) -> Result<Destination, ProxyUrlError> {
    if text.is_empty() || text.starts_with(':') {
        return Err(ProxyUrlError::NoHost);
    }
    match text.parse::<Destination>() {
        Ok(Destination { port: 0, .. }) => Err(ProxyUrlError::Port),
        Ok(destination) => Ok(destination),
        Err(DestinationError::NoPort { .. }) => Err(ProxyUrlError::NoPort),
        Err(DestinationError::Port { port, .. }) if port.is_empty() => Err(ProxyUrlError::NoPort),
        Err(DestinationError::Port { .. }) => Err(ProxyUrlError::Port),
        Err(DestinationError::Ipv6 { .. } | DestinationError::NoBrackets { .. }) => {
            Err(ProxyUrlError::Ipv6)
        }
        Err(DestinationError::Name(_)) => Err(ProxyUrlError::Host),
    }
}

fn credentials(text: &str) -> Result<Credentials, ProxyUrlError> {
    let (name, password) = text.split_once(':').ok_or(ProxyUrlError::NoPassword)?;
    Ok(Credentials::new(
        decode(name)?,
        Secret::new(decode(password)?),
    )?)
}

/// Undoes percent encoding.
fn decode(text: &str) -> Result<String, ProxyUrlError> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part
            .get(..2)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let digits = digits.ok_or(ProxyUrlError::Percent)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| ProxyUrlError::Percent)?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).map_err(|_| ProxyUrlError::Percent)
}

/// Everything but RFC 3986's unreserved characters is encoded.
fn encode(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    encoded.collect()
}

/// Without the password.
impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with_password(|password| password.to_string()))
    }
}

impl Serialize for ProxyUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for ProxyUrl {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ProxyUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A SOCKS5 server: socks5://user:password@host:port, where user and password may be absent and hold special characters as %XX.",
            "type": "string",
            "pattern": r"^[sS][oO][cC][kK][sS]5://(.+:.+@)?(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]]+):\d{1,5}/?$",
        })
    }
}

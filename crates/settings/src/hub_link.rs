//! The link that a hub gives its user: all that an edge needs.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use wire::hub::{IdentityError, Pin, UserSecret};
use wire::{Destination, DestinationError, Host};
use zeroize::Zeroizing;

const SCHEME: &str = "manypath://";
const DEFAULT_PORT: u16 = 443;

/// A hub and a user of it: `manypath://SECRET@host:port/?pin=PIN`. Without a port it is 443. Where the host is an
/// address, `&also=ADDRESS` may follow, for uplinks that have the other family alone. The secret is the user's
/// password; `Display`, `Debug` and `Serialize` show `…` in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubLink {
    /// What the user proves itself with.
    pub secret: UserSecret,
    /// Where the hub listens. The port is never 0.
    pub destination: Destination,
    /// Its address of the other family. Only where `destination` is an address, too.
    pub also: Option<IpAddr>,
    /// What the hub proves itself with.
    pub pin: Pin,
}

/// Why a text is no hub's link. No variant holds a piece of the text: any could be the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HubLinkError {
    /// Another scheme, or none.
    #[error(
        "the link does not start with manypath://; copy it again, as manypath hub init or manypath hub user add printed it"
    )]
    Scheme,
    /// No '@'.
    #[error("the link has no '@' behind the secret; copy it again, from manypath:// to its end")]
    NoSecret,
    /// The secret is damaged.
    #[error("the link is damaged: {0}")]
    Secret(IdentityError),
    /// No host.
    #[error("the link has no host behind the '@'; copy it again")]
    NoHost,
    /// The port is not a number between 1 and 65535.
    #[error(
        "the link's port is not a number from 1 to 65535; write it behind the host, such as hub.example:443"
    )]
    Port,
    /// An IPv6 address without its brackets, or something else in brackets.
    #[error("in the link an IPv6 address goes in brackets, such as [2001:db8::1]:443")]
    Ipv6,
    /// Neither an address nor a name.
    #[error("the link's host is neither an IP address nor a name; copy the link again")]
    Host,
    /// Nothing about the hub's key.
    #[error("the link has no ?pin=, the hub's fingerprint, at its end; copy the whole link")]
    NoPin,
    /// The pin is damaged.
    #[error("the link is damaged: {0}")]
    Pin(IdentityError),
    /// The further address is none, or of the host's own family, or the host is a name.
    #[error(
        "the link's further address (also=) is not an IPv4 address beside an IPv6 one, or the other way round; copy the link again"
    )]
    Also,
    /// Something that this version does not know.
    #[error(
        "the link has a part besides the pin that this version does not know; copy the link again, or use a newer manypath"
    )]
    UnknownPart,
}

/// Whether the text wants to be a hub's link.
pub(crate) fn has_scheme(text: &str) -> bool {
    text.get(..SCHEME.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
}

impl HubLink {
    /// The whole link with its secret: for the user, and for a settings file that its owner alone can read.
    pub fn expose(&self) -> Zeroizing<String> {
        self.with_secret(&self.secret.text())
    }

    fn with_secret(&self, secret: &str) -> Zeroizing<String> {
        let Self {
            destination, pin, ..
        } = self;
        let also = self.also.map(|also| format!("&also={also}"));
        let also = also.unwrap_or_default();
        Zeroizing::new(format!("{SCHEME}{secret}@{destination}/?pin={pin}{also}"))
    }
}

impl FromStr for HubLink {
    type Err = HubLinkError;

    fn from_str(text: &str) -> Result<Self, HubLinkError> {
        if !has_scheme(text) {
            return Err(HubLinkError::Scheme);
        }
        let rest = &text[SCHEME.len()..];
        let (secret, rest) = rest.split_once('@').ok_or(HubLinkError::NoSecret)?;
        let (place, query) = match rest.split_once('?') {
            Some((place, query)) => (place, query),
            None => (rest, ""),
        };
        let place = place.strip_suffix('/').unwrap_or(place);
        let secret = secret.parse().map_err(HubLinkError::Secret)?;
        let destination = destination(place)?;
        let (pin, more) = match query.split_once('&') {
            Some((pin, more)) => (pin, Some(more)),
            None => (query, None),
        };
        Ok(Self {
            secret,
            pin: self::pin(pin)?,
            also: more.map(|more| also(more, &destination)).transpose()?,
            destination,
        })
    }
}

fn destination(text: &str) -> Result<Destination, HubLinkError> {
    if text.is_empty() || text.starts_with(':') {
        return Err(HubLinkError::NoHost);
    }
    let parsed = match text.parse() {
        Err(DestinationError::NoPort { .. }) => format!("{text}:{DEFAULT_PORT}").parse(),
        parsed => parsed,
    };
    match parsed {
        Ok(Destination { port: 0, .. }) => Err(HubLinkError::Port),
        Ok(destination) => Ok(destination),
        Err(DestinationError::NoPort { .. } | DestinationError::Port { .. }) => {
            Err(HubLinkError::Port)
        }
        Err(DestinationError::Ipv6 { .. } | DestinationError::NoBrackets { .. }) => {
            Err(HubLinkError::Ipv6)
        }
        Err(DestinationError::Name(_)) => Err(HubLinkError::Host),
    }
}

fn pin(query: &str) -> Result<Pin, HubLinkError> {
    if query.is_empty() {
        return Err(HubLinkError::NoPin);
    }
    let pin = query
        .strip_prefix("pin=")
        .ok_or(HubLinkError::UnknownPart)?;
    if pin.contains('#') {
        return Err(HubLinkError::UnknownPart);
    }
    pin.parse().map_err(HubLinkError::Pin)
}

fn also(text: &str, destination: &Destination) -> Result<IpAddr, HubLinkError> {
    let address = text
        .strip_prefix("also=")
        .ok_or(HubLinkError::UnknownPart)?;
    let address: IpAddr = address.parse().map_err(|_| HubLinkError::Also)?;
    match destination.host {
        Host::Ip(host) if host.is_ipv4() != address.is_ipv4() => Ok(address),
        Host::Ip(_) | Host::Name(_) => Err(HubLinkError::Also),
    }
}

/// Without the secret.
impl fmt::Display for HubLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with_secret("…"))
    }
}

/// Without the secret.
impl Serialize for HubLink {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for HubLink {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HubLink".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A hub's link: manypath://SECRET@host:port/?pin=PIN, as `manypath hub init` or `manypath hub user add` printed it.",
            "type": "string",
            "pattern": r"^[mM][aA][nN][yY][pP][aA][tT][hH]://[A-Za-z0-9_-]{43}@(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]]+)(:\d{1,5})?/?\?pin=[A-Za-z0-9_-]{43}(&also=[0-9A-Fa-f:.]+)?$",
        })
    }
}

//! Destinations that a rule is for.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use wire::{DomainName, DomainNameError};

use crate::network::{NetworkError, network};

/// A destination, or many: a network, or a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The addresses of a network. An address alone is the network of that one address.
    Network(IpNet),
    /// A name and all names below it.
    Domain(Domain),
}

/// A name and all names below it: `example.com` has `example.com` and `www.example.com`, and not
/// `notexample.com`. In lower case, without a dot at its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Domain(Box<str>);

/// Why a text is no [`Target`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// An address within a network.
    #[error(transparent)]
    Network(NetworkError),
    /// Neither a network nor a name.
    #[error(
        "{0:?} is neither a network nor a domain; write one such as \"203.0.113.0/24\" or \"example.com\""
    )]
    Syntax(String),
    /// Something that is a name, and can't be one here.
    #[error(transparent)]
    Domain(#[from] DomainError),
}

/// Why a text is no [`Domain`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// No name.
    #[error(transparent)]
    Name(#[from] DomainNameError),
    /// With a star or a dot at its start.
    #[error("{written:?} needs no star: write {plain:?}, which is for all names below it, too")]
    Star {
        /// What is in the file.
        written: String,
        /// The domain.
        plain: String,
    },
    /// A star somewhere else, or an empty label.
    #[error(
        "{0:?} is no domain: no pattern is possible, and each part between dots has a character; write one such as \"example.com\""
    )]
    Pattern(String),
    /// Letters that the DNS does not have.
    #[error(
        "{0:?} has letters that the DNS doesn't know; write it as it is there, such as \"xn--bcher-kva.example\""
    )]
    NotAscii(String),
}

impl Domain {
    /// Whether `name` is the domain's own or one below it, in whatever case.
    pub fn has(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name).as_bytes();
        let Some(rest) = name.len().checked_sub(self.0.len()) else {
            return false;
        };
        let (before, end) = name.split_at(rest);
        end.eq_ignore_ascii_case(self.0.as_bytes()) && matches!(before.last(), None | Some(b'.'))
    }

    /// Whether `name` is the domain's own.
    pub(super) fn is(&self, name: &str) -> bool {
        name.strip_suffix('.')
            .unwrap_or(name)
            .eq_ignore_ascii_case(&self.0)
    }
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let whole = text.strip_suffix('.').unwrap_or(text);
        if let Some(plain) = whole.strip_prefix("*.").or_else(|| whole.strip_prefix('.')) {
            return Err(DomainError::Star {
                written: text.to_owned(),
                plain: plain.to_owned(),
            });
        }
        if whole.contains('*') || whole.split('.').any(str::is_empty) {
            return Err(DomainError::Pattern(text.to_owned()));
        }
        let name = DomainName::try_from(whole)?;
        if !name.as_str().is_ascii() {
            return Err(DomainError::NotAscii(text.to_owned()));
        }
        Ok(Self(name.as_str().to_ascii_lowercase().into()))
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let is_network = text.contains('/') || text.parse::<IpAddr>().is_ok();
        if !is_network {
            return match text.parse() {
                Ok(domain) => Ok(Self::Domain(domain)),
                Err(DomainError::Name(_)) => Err(TargetError::Syntax(text.to_owned())),
                Err(error) => Err(error.into()),
            };
        }
        match network(text) {
            Ok(network) => Ok(Self::Network(network)),
            Err(NetworkError::Syntax(text)) => Err(TargetError::Syntax(text)),
            Err(error) => Err(TargetError::Network(error)),
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Domain(domain) => domain.fmt(f),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Target {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Target".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A network such as \"203.0.113.0/24\", or a domain such as \"example.com\", which is for all names below it, too.",
            "type": "string",
            "pattern": r"^[^\s*]+$",
        })
    }
}

//! A user of the hub.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use wire::hub::UserKey;

use crate::destination_rule::DestinationRule;
use crate::rate::Rate;

/// How many connections at once a user may have if the users file does not say.
pub const DEFAULT_MAX_CONNECTIONS: u32 = 4096;

/// A user of the hub: `[[user]]` in the users file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// What logs, counters and `manypath hub user` call the user. No name twice.
    pub name: UserName,
    /// The user's public key, as `manypath hub user add` wrote it. No key twice.
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "String", regex(pattern = r"^[A-Za-z0-9_-]{43}$"))]
    pub key: UserKey,
    /// How many connections the user may have at once.
    #[serde(default = "default_max_connections")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_connections: u32,
    /// How fast all of the user's connections together may be, in each direction. Absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Rate")]
    pub rate: Option<Rate>,
    /// Where the user may connect to. Absent: everywhere that the hub allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<DestinationRule>,
    /// Where the user may not connect to, even if it is in `allow`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<DestinationRule>,
}

fn default_max_connections() -> u32 {
    DEFAULT_MAX_CONNECTIONS
}

fn as_text<S: Serializer>(key: &UserKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(key)
}

impl User {
    /// A user without any limits of its own.
    pub fn new(name: UserName, key: UserKey) -> Self {
        Self {
            name,
            key,
            max_connections: DEFAULT_MAX_CONNECTIONS,
            rate: None,
            allow: Vec::new(),
            deny: Vec::new(),
        }
    }
}

/// A user's name: 1 to 64 letters, digits, '.', '_', '-' and '@', the first one a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct UserName(#[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"))] String);

/// The text is no name for a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name for a user; write 1 to 64 letters, digits, '.', '_', '-' and '@', the first one a letter or digit, such as \"alice\""
)]
pub struct UserNameError(String);

impl UserName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = UserNameError;

    fn from_str(text: &str) -> Result<Self, UserNameError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@');
        let first = text.bytes().next();
        let starts = first.is_some_and(|b| b.is_ascii_alphanumeric());
        if starts && text.len() <= 64 && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(UserNameError(text.to_owned()))
        }
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

//! Text that must never reach a log, a status page or an error message.

use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// What is shown in place of a secret.
const HIDDEN: &str = "…";

/// A password. `Debug`, `Display` and `Serialize` show `…`; only [`Secret::expose`] gives the text.
#[derive(Clone, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the place that sends it or checks it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

/// A user's name and password, of 1 to 255 bytes each (RFC 1929 section 2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The user's name, 1 to 255 bytes; without ':' (RFC 7617 section 2).
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[^:]+$"))]
    name: String,
    /// The password, 1 to 255 bytes.
    #[schemars(length(min = 1, max = 255))]
    password: Secret,
}

/// Why a name and password cannot be used. No variant holds either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// SOCKS5 and HTTP cannot tell an empty name from none.
    #[error("the user name is empty; write one of 1 to 255 bytes")]
    NoName,
    /// More than RFC 1929's length byte can say.
    #[error("the user name is longer than 255 bytes; write a shorter one")]
    NameTooLong,
    /// HTTP's basic authentication ends the name at the first ':'.
    #[error("the user name holds ':', which HTTP cannot carry (RFC 7617); write one without it")]
    NameColon,
    /// A control character, which would disturb a log line.
    #[error("the user name holds a control character; write one without it")]
    NameControl,
    /// RFC 1929 wants at least one byte.
    #[error("the password is empty; write one of 1 to 255 bytes")]
    NoPassword,
    /// More than RFC 1929's length byte can say.
    #[error("the password is longer than 255 bytes; write a shorter one")]
    PasswordTooLong,
}

impl Credentials {
    /// A name and a password that SOCKS5 and HTTP can both carry.
    pub fn new(name: String, password: Secret) -> Result<Self, CredentialsError> {
        match name.len() {
            0 => return Err(CredentialsError::NoName),
            256.. => return Err(CredentialsError::NameTooLong),
            _ => {}
        }
        if name.contains(':') {
            return Err(CredentialsError::NameColon);
        }
        if name.contains(char::is_control) {
            return Err(CredentialsError::NameControl);
        }
        match password.expose().len() {
            0 => Err(CredentialsError::NoPassword),
            256.. => Err(CredentialsError::PasswordTooLong),
            _ => Ok(Self { name, password }),
        }
    }

    /// The user's name, 1 to 255 bytes without ':'.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The password, 1 to 255 bytes.
    pub fn password(&self) -> &Secret {
        &self.password
    }
}

impl From<&Credentials> for wire::Credentials {
    fn from(credentials: &Credentials) -> Self {
        let fits = "Credentials::new takes no name or password of more than 255 bytes";
        Self {
            user: credentials.name.as_str().try_into().expect(fits),
            password: credentials.password.expose().try_into().expect(fits),
        }
    }
}

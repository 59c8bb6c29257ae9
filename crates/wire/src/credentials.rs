//! User names and passwords, as SOCKS5 (RFC 1929) and HTTP Basic (RFC 7617) carry them.

use std::fmt;

/// The longest user name or password that RFC 1929's length byte can express.
const MAX_LEN: usize = 255;

/// Who wants to use a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: UserName,
    /// The user's password.
    pub password: Password,
}

/// A user name: 0 to 255 bytes of no particular encoding (RFC 1929 names none).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UserName(Box<[u8]>);

/// A password: 0 to 255 bytes. Its `Debug` never shows them.
#[derive(Clone)]
pub struct Password(Box<[u8]>);

/// A user name or password was too long to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// More than 255 bytes of user name.
    #[error("the user name has {0} bytes; SOCKS5 allows 255, use a shorter one")]
    UserTooLong(usize),
    /// More than 255 bytes of password.
    #[error("the password has {0} bytes; SOCKS5 allows 255, use a shorter one")]
    PasswordTooLong(usize),
}

impl UserName {
    /// The name as it goes over the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for UserName {
    type Error = CredentialsError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        if bytes.len() > MAX_LEN {
            return Err(CredentialsError::UserTooLong(bytes.len()));
        }
        Ok(Self(bytes.into()))
    }
}

impl TryFrom<&str> for UserName {
    type Error = CredentialsError;

    fn try_from(name: &str) -> Result<Self, Self::Error> {
        name.as_bytes().try_into()
    }
}

/// Shows the name with everything escaped that could disturb a log line.
impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserName(\"{self}\")")
    }
}

impl Password {
    /// The secret itself: for encoding and checking, never for a message or a log.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Password {
    type Error = CredentialsError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        if bytes.len() > MAX_LEN {
            return Err(CredentialsError::PasswordTooLong(bytes.len()));
        }
        Ok(Self(bytes.into()))
    }
}

impl TryFrom<&str> for Password {
    type Error = CredentialsError;

    fn try_from(password: &str) -> Result<Self, Self::Error> {
        password.as_bytes().try_into()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

/// Looks at every byte, so that the time taken does not tell how many of them were right.
impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        if self.0.len() != other.0.len() {
            return false;
        }
        let pairs = self.0.iter().zip(&other.0);
        let difference = pairs.fold(0, |seen, (a, b)| std::hint::black_box(seen | (a ^ b)));
        difference == 0
    }
}

impl Eq for Password {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_password() {
        let credentials = Credentials {
            user: "ann\n".try_into().unwrap(),
            password: "hunter2".try_into().unwrap(),
        };
        let shown = format!("{credentials:?} {credentials:#?}");
        assert!(shown.contains("ann\\n"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(!shown.contains("104"), "no bytes either: {shown}");
    }

    #[test]
    fn length_limits() {
        let long = "x".repeat(256);
        assert!(UserName::try_from(&long[..255]).is_ok());
        assert!(Password::try_from("").is_ok());
        assert_eq!(
            UserName::try_from(&*long),
            Err(CredentialsError::UserTooLong(256))
        );
        assert_eq!(
            Password::try_from(&*long),
            Err(CredentialsError::PasswordTooLong(256))
        );
    }

    #[test]
    fn passwords_compare_whole() {
        let password = |text: &str| Password::try_from(text).unwrap();
        assert_eq!(password("abc"), password("abc"));
        for other in ["", "ab", "abd", "xbc", "abcd"] {
            assert_ne!(password("abc"), password(other));
        }
    }
}

//! Who the two ends are: the user's secret and key, and the pin of the hub's key.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const BYTES: usize = 32;

/// The length of 32 bytes in base64url (RFC 4648 section 5) without padding.
const CHARACTERS: usize = 43;

/// What a user proves itself with: the seed of an Ed25519 key (RFC 8032 section 5.1.5).
///
/// `Debug` and `Display` show `…`, comparing takes the same time for every other secret, and the
/// bytes are overwritten when it is dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct UserSecret([u8; BYTES]);

/// Who a user is for the hub: the Ed25519 public key (RFC 8032 section 5.1.5) of the secret. It can't
/// be used to pass for the user. Shown and parsed as base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserKey([u8; BYTES]);

/// Who a hub is for an edge: the SHA-256 of the SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) of
/// its key. Shown and parsed as base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pin([u8; BYTES]);

/// Why text is no secret, key or pin. It never shows the text, which may be a secret with a typing
/// error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Too short or too long.
    #[error("the {what} has {found} bytes of text instead of {CHARACTERS}; copy the whole of it")]
    Length {
        /// What was to be parsed.
        what: &'static str,
        /// How long it is.
        found: usize,
    },
    /// A character that base64url does not have.
    #[error("character {position} of the {what} is none of A-Z, a-z, 0-9, - and _; copy it again")]
    Character {
        /// What was to be parsed.
        what: &'static str,
        /// Which character, counted from 1.
        position: usize,
    },
    /// The last character stands for 6 bits, of which only 4 are used and 2 must be zero.
    #[error("the last character of the {what} can't be right; copy it again")]
    LastCharacter {
        /// What was to be parsed.
        what: &'static str,
    },
}

impl UserSecret {
    /// Takes 32 bytes that nobody can guess.
    pub fn from_bytes(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }

    /// The secret itself: for cryptography, never for a message or a log.
    pub fn expose(&self) -> &[u8; BYTES] {
        &self.0
    }

    /// The secret itself as base64url: for the link that the user gets.
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for UserSecret {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        decode("secret", text).map(|bytes| Self(*bytes))
    }
}

impl fmt::Debug for UserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserSecret(…)")
    }
}

impl fmt::Display for UserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Looks at every byte, so that the time taken does not tell how many of them were right.
impl PartialEq for UserSecret {
    fn eq(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        pairs.fold(0, |seen, (a, b)| std::hint::black_box(seen | (a ^ b))) == 0
    }
}

impl Eq for UserSecret {}

macro_rules! public {
    ($name:ident, $what:literal) => {
        impl $name {
            #[doc = concat!("Takes the bytes of a ", $what, ".")]
            pub const fn from_bytes(bytes: [u8; BYTES]) -> Self {
                Self(bytes)
            }

            #[doc = concat!("The bytes of the ", $what, ".")]
            pub const fn as_bytes(&self) -> &[u8; BYTES] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdentityError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                decode($what, text).map(|bytes| Self(*bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

public!(UserKey, "user key");
public!(Pin, "pin");

fn decode(what: &'static str, text: &str) -> Result<Zeroizing<[u8; BYTES]>, IdentityError> {
    if text.len() != CHARACTERS {
        let found = text.len();
        return Err(IdentityError::Length { what, found });
    }
    let is_wrong = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if let Some(index) = text.chars().position(is_wrong) {
        let position = index + 1;
        return Err(IdentityError::Character { what, position });
    }
    // The decoder asks for room for the byte that 43 characters have no bits for.
    let mut room = Zeroizing::new([0; BYTES + 1]);
    let mut bytes = Zeroizing::new([0; BYTES]);
    match BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut *room) {
        Ok(BYTES) => bytes.copy_from_slice(&room[..BYTES]),
        _ => return Err(IdentityError::LastCharacter { what }),
    }
    Ok(bytes)
}

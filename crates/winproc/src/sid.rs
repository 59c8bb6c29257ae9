//! Security identifiers.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The most subauthorities that an identifier can have (`SID_MAX_SUB_AUTHORITIES`).
const MOST: usize = 15;

/// A security identifier: a user, a group or a part of Windows. See MS-DTYP, 2.4.2.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid {
    /// 48 bits.
    authority: u64,
    /// 1 to 15 numbers.
    numbers: Cow<'static, [u32]>,
}

impl Sid {
    /// Windows itself, and the services that run as LocalSystem: `S-1-5-18`.
    pub const SYSTEM: Self = Self::windows(&[18]);
    /// Windows' administrators: `S-1-5-32-544`.
    pub const ADMINISTRATORS: Self = Self::windows(&[32, 544]);
    /// Everybody who has logged on, but no guest: `S-1-5-11`.
    pub const AUTHENTICATED_USERS: Self = Self::windows(&[11]);

    /// An identifier below Windows' own authority.
    const fn windows(numbers: &'static [u32]) -> Self {
        Self {
            authority: 5,
            numbers: Cow::Borrowed(numbers),
        }
    }

    /// Reads the form that Windows keeps in memory; what follows it is ignored.
    ///
    /// # Errors
    /// When there is no identifier.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidSid> {
        let (head, rest) = bytes.split_first_chunk::<8>().ok_or(InvalidSid)?;
        let [1, count, authority @ ..] = *head else {
            return Err(InvalidSid);
        };
        let (numbers, _) = rest.as_chunks::<4>();
        let numbers = numbers.get(..count.into()).ok_or(InvalidSid)?;
        Self::new(
            authority.iter().fold(0, |sum, &b| sum << 8 | u64::from(b)),
            numbers.iter().map(|&n| u32::from_le_bytes(n)).collect(),
        )
    }

    /// The form that Windows keeps in memory: the authority's first byte first, the numbers' last.
    pub fn to_bytes(&self) -> Vec<u8> {
        let count = u8::try_from(self.numbers.len()).expect("15 numbers at most");
        let [0, 0, authority @ ..] = self.authority.to_be_bytes() else {
            unreachable!("an authority has 48 bits");
        };
        let numbers = self.numbers.iter().flat_map(|n| n.to_le_bytes());
        [1, count]
            .into_iter()
            .chain(authority)
            .chain(numbers)
            .collect()
    }

    fn new(authority: u64, numbers: Vec<u32>) -> Result<Self, InvalidSid> {
        if authority >> 48 != 0 || !(1..=MOST).contains(&numbers.len()) {
            return Err(InvalidSid);
        }
        Ok(Self {
            authority,
            numbers: numbers.into(),
        })
    }
}

/// `S-1-5-21-…`. An authority of more than 32 bits is written in hexadecimal (MS-DTYP, 2.4.2.1).
impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.authority >> 32 == 0 {
            write!(f, "S-1-{}", self.authority)?;
        } else {
            write!(f, "S-1-0x{:012X}", self.authority)?;
        }
        self.numbers.iter().try_for_each(|n| write!(f, "-{n}"))
    }
}

impl FromStr for Sid {
    type Err = InvalidSid;

    fn from_str(text: &str) -> Result<Self, InvalidSid> {
        let mut parts = text.split('-');
        let (Some("S" | "s"), Some("1"), Some(authority)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidSid);
        };
        let authority = match authority.strip_prefix("0x") {
            Some(digits) => number(digits, 16)?,
            None => number(authority, 10)?,
        };
        let numbers = parts.map(|part| u32::try_from(number(part, 10)?).map_err(|_| InvalidSid));
        Self::new(authority, numbers.collect::<Result<_, _>>()?)
    }
}

/// Digits only: `from_str_radix` would take a sign as well.
fn number(digits: &str, radix: u32) -> Result<u64, InvalidSid> {
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(InvalidSid);
    }
    u64::from_str_radix(digits, radix).map_err(|_| InvalidSid)
}

/// What was given is no security identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no security identifier: one looks like S-1-5-21-1004336348-1177238915-682003330-512")]
pub struct InvalidSid;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of MS-DTYP: a domain's administrators.
    const USER: &str = "S-1-5-21-1004336348-1177238915-682003330-512";

    #[test]
    fn well_known_ones() {
        assert_eq!(Sid::SYSTEM.to_string(), "S-1-5-18");
        assert_eq!(Sid::ADMINISTRATORS.to_string(), "S-1-5-32-544");
        assert_eq!("s-1-5-11".parse(), Ok(Sid::AUTHENTICATED_USERS));
    }

    #[test]
    fn a_user() {
        let sid: Sid = USER.parse().unwrap();
        assert_eq!(sid.to_string(), USER);
        let bytes = sid.to_bytes();
        assert_eq!(bytes[..8], [1, 5, 0, 0, 0, 0, 0, 5]);
        assert_eq!(bytes[8..12], 21u32.to_le_bytes());
        assert_eq!(bytes[12..16], 1_004_336_348u32.to_le_bytes());
        assert_eq!(bytes.len(), 28);
    }

    #[test]
    fn a_large_authority_is_hexadecimal() {
        let sid: Sid = "S-1-0x0123456789AB-7".parse().unwrap();
        assert_eq!(sid.to_bytes()[2..8], [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB]);
        assert_eq!(sid.to_string(), "S-1-0x0123456789AB-7");
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "S-1",
            "S-1-5",
            "S-2-5-18",
            "S-1-5-",
            "S-1-5-+18",
            "S-1-5-18-",
            "S-1-5-4294967296",
            "S-1-0x1000000000000-1",
            "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
            "Everyone",
        ] {
            assert_eq!(text.parse::<Sid>(), Err(InvalidSid), "{text}");
        }
        for bytes in [
            &[][..],
            &[1, 1, 0, 0, 0, 0, 0, 5],
            &[1, 0, 0, 0, 0, 0, 0, 5],
            &[2, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0],
            &[1, 16, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0],
        ] {
            assert_eq!(Sid::from_bytes(bytes), Err(InvalidSid), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn both_forms_say_the_same(
            authority in 0u64..1 << 48,
            numbers in prop::collection::vec(any::<u32>(), 1..=MOST),
            rest in prop::collection::vec(any::<u8>(), 0..9),
        ) {
            let sid = Sid::new(authority, numbers).unwrap();
            prop_assert_eq!(sid.to_string().parse(), Ok(sid.clone()));
            let bytes = [sid.to_bytes(), rest].concat();
            prop_assert_eq!(Sid::from_bytes(&bytes), Ok(sid));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(sid) = Sid::from_bytes(&bytes) {
                prop_assert!(bytes.starts_with(&sid.to_bytes()));
            }
        }
    }
}

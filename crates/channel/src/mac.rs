//! MAC addresses, as text.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The MAC address of an uplink in the guest: `02:15:5d:01:02:03`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mac(pub [u8; 6]);

/// The text is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no MAC address such as 02:15:5d:01:02:03")]
pub struct MacError(String);

impl TryFrom<String> for Mac {
    type Error = MacError;

    fn try_from(text: String) -> Result<Self, MacError> {
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        let read = octets.iter_mut().try_for_each(|octet| {
            let is_octet = |it: &&str| it.len() == 2 && it.bytes().all(|it| it.is_ascii_hexdigit());
            let part = parts.next().filter(is_octet)?;
            *octet = u8::from_str_radix(part, 16).ok()?;
            Some(())
        });
        match (read, parts.next()) {
            (Some(()), None) => Ok(Self(octets)),
            _ => Err(MacError(text)),
        }
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> Self {
        mac.to_string()
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let mac = Mac([2, 0x15, 0x5d, 0, 0xff, 3]);
        assert_eq!(mac.to_string(), "02:15:5d:00:ff:03");
        assert_eq!(Mac::try_from(mac.to_string()), Ok(mac));
        for text in [
            "",
            "02:15:5d:00:ff",
            "02:15:5d:00:ff:03:04",
            "02:15:5d:00:ff:+3",
            "2:15:5d:00:ff:3",
        ] {
            assert_eq!(
                Mac::try_from(text.to_owned()),
                Err(MacError(text.to_owned()))
            );
        }
    }
}

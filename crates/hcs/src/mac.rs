//! MAC addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A MAC address. Written with dashes and in capitals, the only form that HCN and HCS both take.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// Another address, for the guest's adapter behind the network card that has this one.
    ///
    /// It is locally administered and unicast, always the same (so DHCP gives the same lease), and never
    /// that of the card, which Windows goes on using, even if a card has a random address that is
    /// locally administered itself. Other bytes change, too: Windows derives addresses for Wi-Fi Direct
    /// by setting the same bit.
    #[must_use]
    pub fn locally_administered(self) -> Self {
        const LOCAL: u8 = 0b10;
        const MULTICAST: u8 = 0b1;
        let [first, rest @ ..] = self.0;
        let other = if first & LOCAL == 0 { 0 } else { 0x40 };
        let first = (first & !MULTICAST | LOCAL) ^ other;
        let mut bytes = [first, 0, 0, 0, 0, 0];
        for (byte, (from, mark)) in bytes[1..].iter_mut().zip(rest.iter().zip(b"paths")) {
            *byte = from ^ mark;
        }
        Self(bytes)
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02X}-{b:02X}-{c:02X}-{d:02X}-{e:02X}-{g:02X}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is no MAC address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no MAC address; one is like 02-11-22-33-44-55")]
pub struct MacAddressError(String);

impl FromStr for MacAddress {
    type Err = MacAddressError;

    /// Six pairs of digits with dashes or colons between.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || MacAddressError(text.to_owned());
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut bytes = [0; 6];
        let mut parts = text.split(separator);
        for byte in &mut bytes {
            // `from_str_radix` would take a sign.
            let digits =
                |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
            let part = parts.next().filter(digits).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| wrong())?;
        }
        parts
            .next()
            .is_none()
            .then_some(Self(bytes))
            .ok_or_else(wrong)
    }
}

impl TryFrom<String> for MacAddress {
    type Error = MacAddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MacAddress> for String {
    fn from(address: MacAddress) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_read_with_dashes_or_colons() {
        let address = MacAddress([0x02, 0x11, 0xAB, 0x33, 0x44, 0xFF]);
        assert_eq!("02-11-ab-33-44-FF".parse(), Ok(address));
        assert_eq!("02:11:AB:33:44:ff".parse(), Ok(address));
        assert_eq!(address.to_string(), "02-11-AB-33-44-FF");
        for wrong in [
            "",
            "02-11-AB-33-44",
            "02-11-AB-33-44-FF-00",
            "02-11:AB-33-44-FF",
            "+2-1-AB-33-44-FF",
        ] {
            let error = wrong.parse::<MacAddress>().unwrap_err();
            assert!(error.to_string().contains(wrong));
        }
    }

    // Whoever changes this changes the address, and with it the DHCP lease, of every guest.
    #[test]
    fn the_guests_address_stays_what_it_is() {
        let card = MacAddress([0x14, 0x11, 0x22, 0x33, 0x44, 0x55]);
        assert_eq!(card.locally_administered().to_string(), "16-61-43-47-2C-26");
    }

    proptest! {
        #[test]
        fn the_guests_address_is_local_unicast_and_not_the_cards(bytes: [u8; 6]) {
            let guest = MacAddress(bytes).locally_administered();
            prop_assert_eq!(guest.0[0] & 0b11, 0b10);
            prop_assert_ne!(guest, MacAddress(bytes));
            // Nor that of Wi-Fi Direct.
            prop_assert_ne!(guest.0[1..].to_vec(), bytes[1..].to_vec());
        }

        #[test]
        fn two_cards_have_two_guests(one: [u8; 6], bit in 0_usize..48) {
            // All but the multicast bit, which no card has set.
            prop_assume!(bit != 0);
            let mut other = one;
            other[bit / 8] ^= 1 << (bit % 8);
            let guest = |bytes| MacAddress(bytes).locally_administered();
            prop_assert_ne!(guest(one), guest(other));
        }
    }
}

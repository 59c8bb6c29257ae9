//! DHCP options (RFC 2132): the set that a message carries, and typed access to the values we use.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;

const PAD: u8 = 0;
const END: u8 = 255;

/// The number of an option; the constants name those that Manypath reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OptionCode(pub u8);

impl OptionCode {
    /// Subnet mask (RFC 2132 3.3).
    pub const SUBNET_MASK: Self = Self(1);
    /// Routers (RFC 2132 3.5).
    pub const ROUTER: Self = Self(3);
    /// Domain name servers (RFC 2132 3.8).
    pub const DNS: Self = Self(6);
    /// Host name (RFC 2132 3.14).
    pub const HOST_NAME: Self = Self(12);
    /// Domain name (RFC 2132 3.17).
    pub const DOMAIN: Self = Self(15);
    /// Interface MTU in bytes (RFC 2132 5.1).
    pub const MTU: Self = Self(26);
    /// Requested IP address (RFC 2132 9.1).
    pub const REQUESTED_ADDRESS: Self = Self(50);
    /// Lease time in seconds (RFC 2132 9.2).
    pub const LEASE_TIME: Self = Self(51);
    /// Options continue in `file` and `sname` (RFC 2132 9.3).
    pub const OVERLOAD: Self = Self(52);
    /// Message type (RFC 2132 9.6).
    pub const MESSAGE_TYPE: Self = Self(53);
    /// Server identifier, an IPv4 address (RFC 2132 9.7).
    pub const SERVER_ID: Self = Self(54);
    /// Parameter request list (RFC 2132 9.8).
    pub const PARAMETERS: Self = Self(55);
    /// Largest DHCP message the sender takes, in bytes (RFC 2132 9.10).
    pub const MAX_MESSAGE_SIZE: Self = Self(57);
    /// Renewal time T1 in seconds (RFC 2132 9.11).
    pub const RENEWAL_TIME: Self = Self(58);
    /// Rebinding time T2 in seconds (RFC 2132 9.12).
    pub const REBINDING_TIME: Self = Self(59);
    /// Client identifier (RFC 2132 9.14).
    pub const CLIENT_ID: Self = Self(61);
    /// Classless static routes (RFC 3442).
    pub const CLASSLESS_ROUTES: Self = Self(121);
}

/// The options of one message, in order of their numbers.
///
/// Typed readers return `None` for an absent value and for one of the wrong length alike: a
/// malformed option counts as not sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OptionSet(BTreeMap<OptionCode, Vec<u8>>);

impl OptionSet {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The raw value of `code`.
    #[must_use]
    pub fn get(&self, code: OptionCode) -> Option<&[u8]> {
        self.0.get(&code).map(Vec::as_slice)
    }

    /// Sets `code` to raw bytes, in place of an earlier value. The numbers that the codec itself
    /// writes (0, 52, 53, 255) are left out of a message.
    pub fn set(&mut self, code: OptionCode, value: impl Into<Vec<u8>>) -> &mut Self {
        self.0.insert(code, value.into());
        self
    }

    /// Sets `code` to one address.
    pub fn set_address(&mut self, code: OptionCode, address: Ipv4Addr) -> &mut Self {
        self.set(code, address.octets())
    }

    /// Sets `code` to whole seconds; a longer time than the field holds becomes "for ever".
    pub fn set_seconds(&mut self, code: OptionCode, time: Duration) -> &mut Self {
        let seconds = u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        self.set(code, seconds.to_be_bytes())
    }

    /// One byte.
    #[must_use]
    pub fn byte(&self, code: OptionCode) -> Option<u8> {
        Some(u8::from_be_bytes(self.array(code)?))
    }

    /// Two bytes.
    #[must_use]
    pub fn short(&self, code: OptionCode) -> Option<u16> {
        Some(u16::from_be_bytes(self.array(code)?))
    }

    /// One IPv4 address.
    #[must_use]
    pub fn address(&self, code: OptionCode) -> Option<Ipv4Addr> {
        Some(Ipv4Addr::from(self.array::<4>(code)?))
    }

    /// All complete IPv4 addresses of a list.
    #[must_use]
    pub fn addresses(&self, code: OptionCode) -> Vec<Ipv4Addr> {
        let (whole, _rest) = self.get(code).unwrap_or_default().as_chunks::<4>();
        whole.iter().copied().map(Ipv4Addr::from).collect()
    }

    /// Seconds as they are on the wire; `u32::MAX` means "for ever" (RFC 2131 3.3).
    #[must_use]
    pub fn seconds(&self, code: OptionCode) -> Option<u32> {
        Some(u32::from_be_bytes(self.array(code)?))
    }

    /// Text without trailing NULs, if it is printable ASCII without spaces.
    #[must_use]
    pub fn text(&self, code: OptionCode) -> Option<&str> {
        let text = std::str::from_utf8(self.get(code)?).ok()?;
        let text = text.trim_end_matches('\0');
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        plain.then_some(text)
    }

    /// Classless routes as (destination, gateway); `None` when the option is absent or malformed.
    #[must_use]
    pub fn classless_routes(&self) -> Option<Vec<(Ipv4Net, Ipv4Addr)>> {
        let mut rest = self.get(OptionCode::CLASSLESS_ROUTES)?;
        let mut routes = Vec::new();
        while let Some((&width, tail)) = rest.split_first() {
            // RFC 3442: only the octets of the destination that the mask covers are sent.
            let significant = usize::from(width).div_ceil(8);
            let (prefix, tail) = tail.split_at_checked(significant)?;
            let (gateway, tail) = tail.split_first_chunk::<4>()?;
            let mut octets = [0; 4];
            octets.get_mut(..significant)?.copy_from_slice(prefix);
            let destination = Ipv4Net::new(Ipv4Addr::from(octets), width).ok()?;
            routes.push((destination.trunc(), Ipv4Addr::from(*gateway)));
            rest = tail;
        }
        Some(routes)
    }

    fn array<const N: usize>(&self, code: OptionCode) -> Option<[u8; N]> {
        self.get(code)?.try_into().ok()
    }

    /// Reads one options field into the set. A value sent in several parts is joined (RFC 3396). An
    /// option that runs over the end of the field ends the reading; what came before it stays.
    pub(super) fn read(&mut self, mut field: &[u8]) {
        while let Some((&code, tail)) = field.split_first() {
            match code {
                PAD => field = tail,
                END => return,
                code => {
                    let Some((&length, tail)) = tail.split_first() else {
                        return;
                    };
                    let Some((value, tail)) = tail.split_at_checked(usize::from(length)) else {
                        return;
                    };
                    self.0
                        .entry(OptionCode(code))
                        .or_default()
                        .extend_from_slice(value);
                    field = tail;
                }
            }
        }
    }

    pub(super) fn remove(&mut self, code: OptionCode) {
        self.0.remove(&code);
    }

    /// Writes the set and the end mark. What the codec itself decides (padding, end, overload, message
    /// type) is left out.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for (code, value) in &self.0 {
            if !matches!(
                *code,
                OptionCode(PAD | END) | OptionCode::OVERLOAD | OptionCode::MESSAGE_TYPE
            ) {
                write_option(out, *code, value);
            }
        }
        out.push(END);
    }
}

/// Writes one option, in parts of up to 255 bytes (RFC 3396).
fn write_option(out: &mut Vec<u8>, code: OptionCode, value: &[u8]) {
    if value.is_empty() {
        out.extend([code.0, 0]);
    }
    for part in value.chunks(usize::from(u8::MAX)) {
        out.extend([code.0, u8::try_from(part.len()).unwrap_or(u8::MAX)]);
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes_of(bytes: &[u8]) -> Option<Vec<(Ipv4Net, Ipv4Addr)>> {
        let mut options = OptionSet::new();
        options.set(OptionCode::CLASSLESS_ROUTES, bytes);
        options.classless_routes()
    }

    #[test]
    fn classless_routes_take_as_many_octets_as_the_mask_covers() {
        let routes = routes_of(&[
            0, 10, 0, 0, 1, 12, 172, 16, 10, 0, 0, 2, 32, 1, 2, 3, 4, 0, 0, 0, 0,
        ]);
        let expected = [
            ("0.0.0.0/0", "10.0.0.1"),
            ("172.16.0.0/12", "10.0.0.2"),
            ("1.2.3.4/32", "0.0.0.0"),
        ]
        .map(|(net, gateway)| (net.parse().unwrap(), gateway.parse().unwrap()));
        assert_eq!(routes, Some(expected.to_vec()));
    }

    #[test]
    fn malformed_classless_routes_count_as_absent() {
        assert_eq!(routes_of(&[33, 1, 2, 3, 4, 5, 10, 0, 0, 1]), None);
        assert_eq!(routes_of(&[255; 40]), None);
        assert_eq!(routes_of(&[24, 10, 0, 0, 10, 0, 0]), None);
    }

    #[test]
    fn a_value_in_parts_is_joined_and_a_long_one_is_split() {
        let long: Vec<u8> = (0..=255).chain(0..=255).collect();
        let mut options = OptionSet::new();
        options.set(OptionCode(43), long.clone());
        let mut bytes = Vec::new();
        options.write(&mut bytes);
        assert_eq!(bytes.len(), 512 + 3 * 2 + 1);
        let mut read = OptionSet::new();
        read.read(&bytes);
        assert_eq!(read.get(OptionCode(43)), Some(long.as_slice()));
    }

    #[test]
    fn an_option_cut_short_ends_the_reading() {
        let mut options = OptionSet::new();
        options.read(&[53, 1, 5, 0, 3, 4, 10, 0]);
        assert_eq!(options.byte(OptionCode::MESSAGE_TYPE), Some(5));
        assert_eq!(options.get(OptionCode::ROUTER), None);
    }

    #[test]
    fn values_of_the_wrong_length_count_as_absent() {
        let mut options = OptionSet::new();
        options
            .set(OptionCode::SERVER_ID, [1, 2, 3])
            .set(OptionCode::DOMAIN, *b"a b")
            .set(OptionCode::DNS, [8, 8, 8, 8, 1]);
        assert_eq!(options.address(OptionCode::SERVER_ID), None);
        assert_eq!(options.text(OptionCode::DOMAIN), None);
        assert_eq!(
            options.addresses(OptionCode::DNS),
            [Ipv4Addr::new(8, 8, 8, 8)]
        );
    }
}

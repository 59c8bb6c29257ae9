//! Values as ranges of big-endian numbers: the form in which the kernel keeps sets, and in which
//! overlaps can be merged.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::{InterfacePattern, OneOf, Ports, Protocol};

/// First and last value, both included, as numbers of [`Element::WIDTH`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Range {
    pub first: u128,
    pub last: u128,
}

impl Range {
    /// Number of leading bits that all values share, if the range is all values that share them.
    pub fn prefix_bits(self, width: usize) -> Option<u32> {
        let differing = self.first ^ self.last;
        let aligned = self.first & differing == 0 && differing.trailing_ones() == bits(differing);
        aligned.then(|| 8 * width as u32 - bits(differing))
    }
}

fn bits(value: u128) -> u32 {
    128 - value.leading_zeros()
}

/// How one range of values is compared without a set.
pub(super) enum SinglePrefix {
    /// With a mask.
    Masked,
    /// By its leading bytes only.
    LeadingBytes,
    /// Not as a prefix: as two bounds.
    Bounds,
}

/// What can be in a [`OneOf`].
pub(super) trait Element {
    /// Bytes of one value.
    const WIDTH: usize;
    /// Number of the type in nft (`enum datatypes` of its source), which `nft list` prints sets by.
    const DATATYPE: u32;
    /// Byte order of the type in nft (`enum byteorder`): 1 host, 2 network.
    const BYTEORDER: u32 = 2;
    const SINGLE_PREFIX: SinglePrefix;

    fn range(&self) -> Range;
    /// Writes in nft syntax.
    fn write(range: Range, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// The values in ascending order, overlaps and neighbours merged.
pub(super) fn merged<T: Element>(one_of: &OneOf<T>) -> Vec<Range> {
    joined(one_of, |last| last.saturating_add(1))
}

/// The values in ascending order, overlaps merged.
pub(super) fn ascending<T: Element>(one_of: &OneOf<T>) -> Vec<Range> {
    joined(one_of, |last| last)
}

fn joined<T: Element>(one_of: &OneOf<T>, reach: impl Fn(u128) -> u128) -> Vec<Range> {
    let mut ranges: Vec<Range> = one_of.values.iter().map(Element::range).collect();
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let joins = next.first <= reach(kept.last);
        if joins {
            kept.last = kept.last.max(next.last);
        }
        joins
    });
    ranges
}

impl Element for Ipv4Net {
    const WIDTH: usize = 4;
    const DATATYPE: u32 = 7;
    const SINGLE_PREFIX: SinglePrefix = SinglePrefix::Masked;

    fn range(&self) -> Range {
        Range {
            first: self.network().to_bits().into(),
            last: self.broadcast().to_bits().into(),
        }
    }

    fn write(range: Range, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_addresses(
            range,
            Self::WIDTH,
            |bits| Ipv4Addr::from_bits(bits as u32),
            f,
        )
    }
}

impl Element for Ipv6Net {
    const WIDTH: usize = 16;
    const DATATYPE: u32 = 8;
    const SINGLE_PREFIX: SinglePrefix = SinglePrefix::Masked;

    fn range(&self) -> Range {
        Range {
            first: self.network().to_bits(),
            last: self.broadcast().to_bits(),
        }
    }

    fn write(range: Range, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_addresses(range, Self::WIDTH, Ipv6Addr::from_bits, f)
    }
}

fn write_addresses<A: fmt::Display>(
    range: Range,
    width: usize,
    address: impl Fn(u128) -> A,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let first = address(range.first);
    match range.prefix_bits(width) {
        _ if range.first == range.last => write!(f, "{first}"),
        Some(bits) => write!(f, "{first}/{bits}"),
        None => write!(f, "{first}-{}", address(range.last)),
    }
}

impl Element for Ports {
    const WIDTH: usize = 2;
    const DATATYPE: u32 = 13;
    // nft lists a masked port as arithmetic.
    const SINGLE_PREFIX: SinglePrefix = SinglePrefix::Bounds;

    fn range(&self) -> Range {
        Range {
            first: self.first.into(),
            last: self.last.into(),
        }
    }

    fn write(range: Range, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if range.first == range.last {
            return write!(f, "{}", range.first);
        }
        write!(f, "{}-{}", range.first, range.last)
    }
}

impl Element for Protocol {
    const WIDTH: usize = 1;
    const DATATYPE: u32 = 12;
    const SINGLE_PREFIX: SinglePrefix = SinglePrefix::Bounds;

    fn range(&self) -> Range {
        let number = self.number().into();
        Range {
            first: number,
            last: number,
        }
    }

    fn write(range: Range, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No two of the protocols are neighbours, so a range is always one of them.
        let named = Self::ALL
            .into_iter()
            .find(|one| u128::from(one.number()) == range.first);
        named.map_or(Ok(()), |protocol| write!(f, "{protocol}"))
    }
}

impl Protocol {
    const ALL: [Self; 4] = [Self::Tcp, Self::Udp, Self::Icmp, Self::Icmpv6];

    /// The IANA protocol number.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Icmp => 1,
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Icmpv6 => 58,
        }
    }
}

impl Element for InterfacePattern {
    const WIDTH: usize = 16;
    const DATATYPE: u32 = 41;
    const BYTEORDER: u32 = 1;
    const SINGLE_PREFIX: SinglePrefix = SinglePrefix::LeadingBytes;

    fn range(&self) -> Range {
        let padded = |filler: u8| {
            let mut bytes = [filler; 16];
            bytes[..self.name.len()].copy_from_slice(self.name.as_bytes());
            u128::from_be_bytes(bytes)
        };
        let first = padded(0);
        Range {
            first,
            last: if self.prefix { padded(0xff) } else { first },
        }
    }

    fn write(range: Range, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = range.first.to_be_bytes();
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        let name = String::from_utf8_lossy(&bytes[..end]);
        // The kernel allows a star in a name; nft wants it escaped at the end.
        match (range.first == range.last, name.strip_suffix('*')) {
            (false, _) => write!(f, "\"{name}*\""),
            (true, Some(stem)) => write!(f, "\"{stem}\\*\""),
            (true, None) => write!(f, "\"{name}\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge4(nets: &[&str]) -> Vec<(Range, Option<u32>)> {
        let nets = nets.iter().map(|net| net.parse::<Ipv4Net>().unwrap());
        let ranges = merged(&OneOf::any(nets).unwrap());
        ranges
            .into_iter()
            .map(|range| (range, range.prefix_bits(4)))
            .collect()
    }

    #[test]
    fn overlaps_and_neighbours_become_one_range() {
        let range = |first, last| Range { first, last };
        assert_eq!(
            merge4(&["12.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8", "11.0.0.0/8"]),
            [(range(0x0a00_0000, 0x0cff_ffff), None)]
        );
        assert_eq!(
            merge4(&["10.0.0.0/8", "11.0.0.0/8", "13.0.0.1/32"]),
            [
                (range(0x0a00_0000, 0x0bff_ffff), Some(7)),
                (range(0x0d00_0001, 0x0d00_0001), Some(32))
            ]
        );
    }

    #[test]
    fn the_whole_range_is_a_prefix_of_no_bits() {
        assert_eq!(
            merge4(&["0.0.0.0/0"]),
            [(
                Range {
                    first: 0,
                    last: 0xffff_ffff
                },
                Some(0)
            )]
        );
        let all: OneOf<Ipv6Net> = Ipv6Net::default().into();
        assert_eq!(
            merged(&all),
            [Range {
                first: 0,
                last: u128::MAX
            }]
        );
        assert_eq!(merged(&all)[0].prefix_bits(16), Some(0));
    }

    #[test]
    fn a_prefix_of_names_takes_in_the_names() {
        let names = ["eth1", "eth*", "et", "eu*"].map(|name| name.parse().unwrap());
        let names: OneOf<InterfacePattern> = OneOf::any(names).unwrap();
        assert_eq!(ascending(&names).len(), 3);
        assert_eq!(ascending(&names)[1].prefix_bits(16), Some(24));
    }
}

//! Netlink attributes (`struct nlattr`) of nf_tables: numbers are big-endian.

/// Attributes one after another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attrs(Vec<u8>);

impl Attrs {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    #[must_use]
    pub fn bytes(mut self, kind: u16, value: &[u8]) -> Self {
        self.header(kind, value.len());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    #[must_use]
    pub fn u8(self, kind: u16, value: u8) -> Self {
        self.bytes(kind, &[value])
    }

    #[must_use]
    pub fn u32(self, kind: u16, value: u32) -> Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    #[must_use]
    pub fn text(self, kind: u16, value: &str) -> Self {
        self.bytes(kind, &[value.as_bytes(), b"\0"].concat())
    }

    #[must_use]
    pub fn nest(self, kind: u16, inner: Self) -> Self {
        self.bytes(kind | libc::NLA_F_NESTED as u16, &inner.0)
    }

    fn header(&mut self, kind: u16, len: usize) {
        let len = u16::try_from(4 + len).expect("sets are split, and nothing else grows that long");
        self.0.extend_from_slice(&len.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
    }
}

/// The attributes in `bytes`, as kind and value, up to the first that is cut off.
pub(crate) fn parse(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let len = usize::from(u16::from_ne_bytes(*bytes.first_chunk()?));
        let kind = u16::from_ne_bytes(*bytes.get(2..)?.first_chunk()?);
        let value = bytes.get(4..len)?;
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
        let flags = libc::NLA_F_NESTED | libc::NLA_F_NET_BYTEORDER;
        Some((kind & !(flags as u16), value))
    })
}

/// The value of the first attribute of this kind.
pub(crate) fn find(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    parse(bytes)
        .find(|(found, _)| *found == kind)
        .map(|(_, value)| value)
}

/// The first attribute of this kind as text without its closing NUL.
pub(crate) fn find_text(bytes: &[u8], kind: u16) -> Option<&str> {
    let value = find(bytes, kind)?;
    std::str::from_utf8(value.strip_suffix(b"\0").unwrap_or(value)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_parsed() {
        let attrs = Attrs::new()
            .u8(1, 7)
            .text(2, "abcd")
            .nest(3, Attrs::new().u32(9, 1));
        let bytes = attrs.into_bytes();
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(find(&bytes, 1), Some(&[7][..]));
        assert_eq!(find_text(&bytes, 2), Some("abcd"));
        assert_eq!(find(find(&bytes, 3).unwrap(), 9), Some(&[0, 0, 0, 1][..]));
        assert_eq!(find(&bytes, 4), None);
    }

    #[test]
    fn a_cut_off_attribute_ends_the_list() {
        let bytes = Attrs::new().u32(1, 1).u32(2, 2).into_bytes();
        for end in 0..bytes.len() {
            assert!(parse(&bytes[..end]).count() <= end / 8);
        }
        // A length below that of the header must not loop or panic.
        assert_eq!(parse(&[0, 0, 1, 0, 0, 0, 0, 0]).count(), 0);
    }
}

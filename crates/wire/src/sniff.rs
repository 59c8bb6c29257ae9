//! Telling the protocols on one port apart.

/// What a client speaks to a proxy port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// SOCKS 4 or 4a.
    Socks4,
    /// SOCKS 5 (RFC 1928).
    Socks5,
    /// HTTP/1: `CONNECT` or absolute-form requests.
    Http,
}

/// Names the protocol by the first byte of a connection, `None` when it is none of ours.
///
/// SOCKS starts with its version. HTTP starts with a method, and every registered one begins with
/// an upper-case letter (RFC 9110 section 9.1: methods are case-sensitive).
pub fn sniff(first: u8) -> Option<Protocol> {
    match first {
        4 => Some(Protocol::Socks4),
        5 => Some(Protocol::Socks5),
        b'A'..=b'Z' => Some(Protocol::Http),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes() {
        assert_eq!(sniff(4), Some(Protocol::Socks4));
        assert_eq!(sniff(5), Some(Protocol::Socks5));
        for method in ["CONNECT", "GET", "PATCH", "ZAP"] {
            assert_eq!(sniff(method.as_bytes()[0]), Some(Protocol::Http));
        }
        // 0x16 is a TLS handshake, 'g' no method.
        for other in [0, 3, 6, 0x16, b'g', b'@', b'[', 0xff] {
            assert_eq!(sniff(other), None, "{other:#04x}");
        }
    }
}

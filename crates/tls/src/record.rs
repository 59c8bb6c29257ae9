//! The sizes of TLS records (RFC 8446 section 5).

/// The most plaintext in one record (RFC 8446 section 5.1).
const MAX_PLAIN: usize = 1 << 14;

/// Content type, version and length.
pub(crate) const HEADER: usize = 5;

/// Header, true content type, and the tag that all three cipher suites of TLS 1.3 share
/// (RFC 8446 section 5.2, RFC 5116 section 5.1, RFC 8439 section 2.8).
const OVERHEAD: usize = HEADER + 1 + 16;

/// A receive buffer of this many bytes holds every record (RFC 8446 section 5.2). A
/// [`Channel`](crate::Channel) never needs more; it gives an error to a peer that wants it to.
pub const MAX_INCOMING: usize = HEADER + MAX_PLAIN + 256;

/// How many bytes [`Channel::seal`](crate::Channel::seal) makes of `plain` bytes when nothing else is
/// to be sent.
pub const fn sealed_len(plain: usize) -> usize {
    plain + plain.div_ceil(MAX_PLAIN) * OVERHEAD
}

//! Header fields that are meant for one connection and end at each proxy (RFC 9110 section 7.6.1).

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderValue};

/// Removed whether Connection names them or not.
///
/// * Keep-Alive and Proxy-Connection: section 7.6.1 says so, since old clients send them without
///   naming them.
/// * Upgrade: the same, and the other protocol's bytes could not pass: programs use CONNECT for
///   WebSocket through a proxy. A server is free to ignore the wish (section 7.8).
/// * Proxy-Authorization, Proxy-Authenticate, Proxy-Authentication-Info (section 11.7): between the
///   client and us. The first holds the client's password, which is no business of the origin.
///
/// Trailer stays: it describes the message, not the connection (section 6.6.2).
const ALWAYS: [HeaderName; 6] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    UPGRADE,
    PROXY_AUTHORIZATION,
    PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-authentication-info"),
];

/// Never removed, even if Connection names them, which section 7.6.1 forbids. Without Host the origin
/// can't tell what is asked for. The other two are the framing: hyper writes the message anew after
/// them, and would send a GET without its body if they were gone.
const NEVER: [HeaderName; 3] = [HOST, TRANSFER_ENCODING, CONTENT_LENGTH];

/// Takes out of a request or a response what must not be passed on: Connection, the fields that it
/// names, and those that are known to be for one connection.
///
/// TE keeps its value `trailers`, since trailers are passed on; it is then named in a new Connection
/// field (RFC 9110 section 10.1.4). Content-Length goes if there is a Transfer-Encoding (RFC 9112
/// section 6.3), so that no two readers can see different ends of the message.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let keeps_trailers =
        listed(headers, &TE).any(|coding| coding.eq_ignore_ascii_case(b"trailers"));
    let named: Vec<HeaderName> = listed(headers, &CONNECTION)
        .filter_map(|option| option.try_into().ok())
        .collect();
    for name in named.iter().filter(|name| !NEVER.contains(name)) {
        headers.remove(name);
    }
    for name in ALWAYS.iter().chain([&CONNECTION, &TE]) {
        headers.remove(name);
    }
    if keeps_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
}

/// The members of a field that is a comma-separated list, over all its lines (RFC 9110 section 5.6.1).
fn listed<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).into_iter();
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
}

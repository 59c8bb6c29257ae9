//! The server that a request is for, by bytes that pass by.

use http::uri::Authority;
use httparse::{EMPTY_HEADER, Request, Status};

use crate::{Host, Opening};

/// The most fields that are looked through. hyper takes as many.
const MOST_FIELDS: usize = 100;

/// The name in a request's Host field (RFC 9112 section 3.2), by the first bytes of a connection. An address
/// in it is no name.
pub fn request_host(bytes: &[u8]) -> Opening {
    let mut fields = [EMPTY_HEADER; MOST_FIELDS];
    let mut request = Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(Status::Partial) => return Opening::Incomplete,
        Ok(Status::Complete(_)) => {}
        Err(_) => return Opening::Nameless,
    }
    let mut hosts = request
        .headers
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case("host"));
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Authority::try_from(host.value).ok(),
        // Two of them: the server will not take the request either.
        _ => None,
    };
    match host.and_then(|it| it.host().parse::<Host>().ok()) {
        Some(Host::Name(name)) => Opening::Named(name),
        _ => Opening::Nameless,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Opening {
        Opening::Named(name.try_into().unwrap())
    }

    #[test]
    fn a_whole_head_names_its_server_and_a_part_does_not() {
        let head = b"GET /a HTTP/1.1\r\nUser-Agent: x\r\nHOST: www.example.com:8080\r\n\r\n";
        assert_eq!(request_host(head), named("www.example.com"));
        for length in 0..head.len() {
            assert_eq!(
                request_host(&head[..length]),
                Opening::Incomplete,
                "{length}"
            );
        }
        assert_eq!(
            request_host(&[head, &b"body"[..]].concat()),
            named("www.example.com")
        );
    }

    #[test]
    fn what_has_no_name_is_nameless() {
        for head in [
            "GET / HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
            "GET / HTTP/1.1\r\nHost:\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "SSH-2.0-OpenSSH_9.2\r\n",
            "\x05\x01\x00",
        ] {
            assert_eq!(request_host(head.as_bytes()), Opening::Nameless, "{head}");
        }
    }
}

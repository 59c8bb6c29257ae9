use proptest::prelude::*;

use super::*;
use crate::test_support::{check_any, check_message, destinations, near_message};

#[track_caller]
fn check(bytes: &[u8], dest: &str, user_id: &str) {
    let dest = dest.parse().unwrap();
    let request = Request {
        dest,
        user_id: user_id.as_bytes().into(),
    };
    check_message(Request::parse, Request::MAX_LEN, bytes, request);
}

/// The server only parses requests; this is the client's half, for the round trip.
fn encode(request: &Request) -> Vec<u8> {
    let (ip, name) = match &request.dest.host {
        Host::Ip(std::net::IpAddr::V4(ip)) => (ip.octets(), None),
        other => ([0, 0, 0, 7], Some(other.to_string())),
    };
    let mut bytes = vec![VERSION, CONNECT];
    bytes.extend(request.dest.port.to_be_bytes());
    bytes.extend(ip);
    bytes.extend([&*request.user_id, &[0]].concat());
    bytes.extend(
        name.map(|name| [name.as_bytes(), &[0]].concat())
            .unwrap_or_default(),
    );
    bytes
}

#[test]
fn requests_of_curl() {
    check(b"\x04\x01\x00P\xc0\x00\x02\x07\x00", "192.0.2.7:80", "");
    check(b"\x04\x01\x00P\xc0\x00\x02\x07me\x00", "192.0.2.7:80", "me");
    check(
        b"\x04\x01\x00P\x00\x00\x00\x01\x00example.com\x00",
        "example.com:80",
        "",
    );
    // With --socks4a, curl 7.88 sends an address as a name.
    check(
        b"\x04\x01\x00P\x00\x00\x00\x01\x00192.0.2.7\x00",
        "192.0.2.7:80",
        "",
    );
}

#[test]
fn requests_of_ncat() {
    check(b"\x04\x01\x01\xbb\xc0\x00\x02\x07\x00", "192.0.2.7:443", "");
    check(
        b"\x04\x01\x01\xbb\x00\x00\x00\x01ann\x00example.com\x00",
        "example.com:443",
        "ann",
    );
}

#[test]
fn only_0_0_0_x_announces_a_name() {
    check(&[4, 1, 0, 80, 0, 0, 0, 0, 0], "0.0.0.0:80", "");
    check(&[4, 1, 0, 80, 0, 0, 1, 1, 0], "0.0.1.1:80", "");
    check(b"\x04\x01\x00P\x00\x00\x00\xff\x00::1\x00", "[::1]:80", "");
}

#[test]
fn errors_come_with_the_wrong_byte() {
    let parse = |bytes: &[u8]| Request::parse(bytes).unwrap_err();
    assert_eq!(parse(&[5]), Error::Version(5));
    assert_eq!(parse(&[4, 2]), Error::BindUnsupported);
    assert_eq!(parse(&[4, 0]), Error::UnknownCommand(0));
    let unnamed = b"\x04\x01\x00P\x00\x00\x00\x01\x00\x00";
    assert_eq!(parse(unnamed), Error::Domain(DomainNameError::Empty));
    let spaced = b"\x04\x01\x00P\x00\x00\x00\x01\x00a b\x00";
    assert!(matches!(
        parse(spaced),
        Error::Domain(DomainNameError::Character { .. })
    ));
}

#[test]
fn fields_are_bounded() {
    let (head, name) = ([4, 1, 0, 80, 0, 0, 0, 1], [b'a'; 256]);
    let longest = [&head[..], &name[..255], &[0], &name[..255], &[0]].concat();
    assert_eq!(longest.len(), Request::MAX_LEN);
    check(
        &longest,
        &format!("{}:80", "a".repeat(255)),
        &"a".repeat(255),
    );

    let long_user = [&head[..], &name].concat();
    assert_eq!(Request::parse(&long_user), Err(Error::UserIdTooLong));
    let long_name = [&head[..], &[0], &name].concat();
    assert_eq!(Request::parse(&long_name), Err(Error::DomainTooLong));
}

#[test]
fn replies() {
    assert_eq!(Reply::Granted.encode(), [0, 90, 0, 0, 0, 0, 0, 0]);
    assert_eq!(Reply::Rejected.encode(), [0, 91, 0, 0, 0, 0, 0, 0]);
    assert_eq!(Reply::IdentUnreachable.encode()[1], 92);
    assert_eq!(Reply::IdentMismatch.encode()[1], 93);
}

proptest! {
    #[test]
    fn round_trip(dest in destinations(), user_id in prop::collection::vec(1..=255u8, 0..=255)) {
        // An address that would announce a name can't be sent.
        prop_assume!(!dest.to_string().starts_with("0.0.0."));
        let request = Request { dest, user_id: user_id.into() };
        check_message(Request::parse, Request::MAX_LEN, &encode(&request), request);
    }

    #[test]
    fn any_bytes(bytes in near_message(VERSION)) {
        check_any(Request::parse, Request::MAX_LEN, &bytes);
    }
}

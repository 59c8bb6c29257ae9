use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;
use crate::test_support::{
    check_any, check_message, credentials, destinations, near_message, socket_addresses,
};
use crate::{Credentials, DomainNameError, Parsed};

/// Parses bytes that must be one whole message.
#[track_caller]
fn whole<T, E: std::fmt::Debug>(parse: impl Fn(&[u8]) -> Result<Parsed<T>, E>, bytes: &[u8]) -> T {
    match parse(bytes).unwrap() {
        Parsed::Complete { value, used } if used == bytes.len() => value,
        _ => panic!("{bytes:?} is not one whole message"),
    }
}

fn request(command: Command, dest: &str) -> Request {
    Request {
        command,
        dest: dest.parse().unwrap(),
    }
}

fn auth(user: &str, password: &str) -> UserPassAuth {
    let (user, password) = (user.try_into().unwrap(), password.try_into().unwrap());
    UserPassAuth(Credentials { user, password })
}

#[test]
fn offers_of_curl_and_ncat() {
    let methods = |bytes: &[u8]| whole(MethodOffer::parse, bytes).methods().to_vec();
    assert_eq!(methods(&[5, 2, 0, 1]), [Method::NoAuth, Method::Gssapi]);
    let with_user = methods(&[5, 3, 0, 1, 2]);
    assert_eq!(
        with_user,
        [Method::NoAuth, Method::Gssapi, Method::UserPass]
    );
    assert_eq!(methods(&[5, 1, 0]), [Method::NoAuth]);
    assert_eq!(methods(&[5, 2, 0, 2]), [Method::NoAuth, Method::UserPass]);
    assert_eq!(methods(&[5, 0]), []);

    assert!(whole(MethodOffer::parse, &[5, 2, 0, 2]).has(Method::UserPass));
    assert!(!whole(MethodOffer::parse, &[5, 2, 0, 1]).has(Method::UserPass));
}

#[test]
fn our_offers() {
    assert_eq!(MethodOffer::new(false).encode(), [5, 1, 0]);
    assert_eq!(MethodOffer::new(true).encode(), [5, 2, 0, 2]);
}

#[test]
fn selections_and_statuses() {
    assert_eq!(MethodSelection(Method::NoneAcceptable).encode(), [5, 0xff]);
    assert_eq!(MethodSelection(Method::UserPass).encode(), [5, 2]);
    assert_eq!(AuthStatus::Accepted.encode(), [1, 0]);
    assert_eq!(whole(AuthStatus::parse, &[1, 0]), AuthStatus::Accepted);
    for other in [1, 2, 0xff] {
        assert_eq!(whole(AuthStatus::parse, &[1, other]), AuthStatus::Refused);
    }
}

#[test]
fn credentials_of_curl() {
    let check = |bytes: &[u8], auth: UserPassAuth| {
        assert_eq!(auth.encode(), bytes);
        check_message(UserPassAuth::parse, UserPassAuth::MAX_LEN, bytes, auth);
    };
    check(b"\x01\x03ann\x06secret", auth("ann", "secret"));
    check(b"\x01\x03ann\x00", auth("ann", ""));
}

#[test]
fn requests_of_curl() {
    let check = |bytes: &[u8], dest: &str| {
        let request = request(Command::Connect, dest);
        assert_eq!(request.encode(), bytes);
        check_message(Request::parse, Request::MAX_LEN, bytes, request);
    };
    check(b"\x05\x01\x00\x01\xc0\x00\x02\x07\x00P", "192.0.2.7:80");
    check(b"\x05\x01\x00\x03\x0bexample.com\x00P", "example.com:80");
    check(
        b"\x05\x01\x00\x04 \x01\r\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x00P",
        "[2001:db8::7]:80",
    );
}

#[test]
fn other_requests() {
    let bind = whole(Request::parse, &[5, 2, 0, 1, 192, 0, 2, 7, 0, 21]);
    assert_eq!(bind, request(Command::Bind, "192.0.2.7:21"));
    // The usual UDP ASSOCIATE of a client that does not know its address yet.
    let udp = whole(Request::parse, &[5, 3, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(udp, request(Command::UdpAssociate, "0.0.0.0:0"));
    let address_as_name = whole(Request::parse, b"\x05\x01\x00\x03\x09127.0.0.1\x00P");
    assert_eq!(address_as_name, request(Command::Connect, "127.0.0.1:80"));
    let reserved_byte_set = whole(Request::parse, &[5, 1, 9, 1, 192, 0, 2, 7, 0, 80]);
    assert_eq!(reserved_byte_set, request(Command::Connect, "192.0.2.7:80"));
}

#[test]
fn wrong_requests_have_their_reply_codes() {
    for (bytes, code, message) in [
        (
            &[4][..],
            ReplyCode::GeneralFailure,
            "SOCKS5 request: the version (byte 0) is 4, not 5",
        ),
        (
            &[5, 9],
            ReplyCode::CommandNotSupported,
            "SOCKS5 request: the command (byte 1) is 9, not 1, 2 or 3",
        ),
        (
            &[5, 1, 0, 2],
            ReplyCode::AddressTypeNotSupported,
            "SOCKS5 request: the address type (byte 3) is 2, not 1, 3 or 4",
        ),
        (
            &[5, 1, 0, 3, 0, 0, 80],
            ReplyCode::GeneralFailure,
            "SOCKS5 request: the domain name (from byte 5) is wrong",
        ),
    ] {
        let error = Request::parse(bytes).unwrap_err();
        assert_eq!((error.reply_code(), &*error.to_string()), (code, message));
    }
    let nul = Request::parse(b"\x05\x01\x00\x03\x03a\0b\x00P").unwrap_err();
    assert!(matches!(
        nul,
        Error::Domain(DomainNameError::Character {
            character: '\0',
            ..
        })
    ));
}

#[test]
fn other_messages_refuse_other_versions() {
    for (error, message) in [
        (
            MethodOffer::parse(&[4]).unwrap_err(),
            "SOCKS5 method offer: the version (byte 0) is 4, not 5",
        ),
        (
            MethodSelection::parse(b"HTTP").unwrap_err(),
            "SOCKS5 method selection: the version (byte 0) is 72, not 5",
        ),
        (
            UserPassAuth::parse(&[5]).unwrap_err(),
            "SOCKS5 user and password: the version of user/password authentication (byte 0) \
             is 5, not 1",
        ),
        (
            AuthStatus::parse(&[5, 0]).unwrap_err(),
            "SOCKS5 authentication status: the version of user/password authentication (byte 0) \
             is 5, not 1",
        ),
        (
            Reply::parse(&[0]).unwrap_err(),
            "SOCKS5 reply: the version (byte 0) is 0, not 5",
        ),
        (
            Reply::parse(&[5, 0, 0, 9]).unwrap_err(),
            "SOCKS5 reply: the address type (byte 3) is 9, not 1, 3 or 4",
        ),
    ] {
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn replies() {
    let unbound = Reply::unbound(ReplyCode::ConnectionRefused);
    assert_eq!(unbound.encode(), [5, 5, 0, 1, 0, 0, 0, 0, 0, 0]);
    // What microsocks and ssh -D send after success.
    let zeros = whole(Reply::parse, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(zeros, Reply::unbound(ReplyCode::Succeeded));
    let bound: SocketAddr = "192.0.2.7:258".parse().unwrap();
    let code = ReplyCode::Succeeded;
    assert_eq!(
        Reply { code, bound }.encode(),
        [5, 0, 0, 1, 192, 0, 2, 7, 1, 2]
    );
}

#[test]
fn a_name_as_bound_address_is_ignored() {
    // Not even a good name: nobody looks at it.
    let bytes = b"\x05\x00\x00\x03\x02 \xff\x01\x02";
    let bound = "0.0.0.0:258".parse().unwrap();
    let reply = Reply {
        code: ReplyCode::Succeeded,
        bound,
    };
    check_message(Reply::parse, Reply::MAX_LEN, bytes, reply);
}

#[test]
fn reply_codes() {
    for byte in 0..=255 {
        assert_eq!(u8::from(ReplyCode::from(byte)), byte);
        assert_eq!(
            matches!(ReplyCode::from(byte), ReplyCode::Other(_)),
            byte > 8
        );
    }
    assert_eq!(
        ReplyCode::ConnectionRefused.to_string(),
        "connection refused"
    );
    assert_eq!(ReplyCode::from(42).to_string(), "unknown reply code 42");
}

#[test]
fn longest_messages() {
    let longest_offer = [&[5, 255][..], &[7; 255]].concat();
    assert_eq!(longest_offer.len(), MethodOffer::MAX_LEN);
    assert_eq!(
        whole(MethodOffer::parse, &longest_offer).encode(),
        longest_offer
    );
    let long = "a".repeat(255);
    assert_eq!(auth(&long, &long).encode().len(), UserPassAuth::MAX_LEN);
    let longest_request = request(Command::Connect, &format!("{long}:80")).encode();
    assert_eq!(longest_request.len(), Request::MAX_LEN);
    let longest_reply = [&[5, 0, 0][..], &longest_request[3..]].concat();
    assert_eq!(longest_reply.len(), Reply::MAX_LEN);
    whole(Reply::parse, &longest_reply);
}

proptest! {
    #[test]
    fn offer_round_trip(methods in prop::collection::vec(any::<u8>(), 0..=255)) {
        let count = u8::try_from(methods.len()).unwrap();
        let bytes = [&[5, count][..], &methods].concat();
        let offer = whole(MethodOffer::parse, &bytes);
        prop_assert_eq!(&offer.encode(), &bytes);
        check_message(MethodOffer::parse, MethodOffer::MAX_LEN, &bytes, offer);
    }

    #[test]
    fn selection_round_trip(method in any::<u8>()) {
        let selection = MethodSelection(Method::from(method));
        let bytes = selection.encode();
        prop_assert_eq!(bytes, [5, method]);
        check_message(MethodSelection::parse, MethodSelection::MAX_LEN, &bytes, selection);
    }

    #[test]
    fn auth_round_trip(credentials in credentials()) {
        let auth = UserPassAuth(credentials);
        check_message(UserPassAuth::parse, UserPassAuth::MAX_LEN, &auth.encode(), auth);
    }

    #[test]
    fn status_round_trip(
        status in prop::sample::select(vec![AuthStatus::Accepted, AuthStatus::Refused]),
    ) {
        check_message(AuthStatus::parse, AuthStatus::MAX_LEN, &status.encode(), status);
    }

    #[test]
    fn request_round_trip(
        command in prop::sample::select(vec![
            Command::Connect, Command::Bind, Command::UdpAssociate,
        ]),
        dest in destinations(),
    ) {
        let request = Request { command, dest };
        check_message(Request::parse, Request::MAX_LEN, &request.encode(), request);
    }

    #[test]
    fn reply_round_trip(code in any::<u8>(), bound in socket_addresses()) {
        let reply = Reply { code: code.into(), bound };
        check_message(Reply::parse, Reply::MAX_LEN, &reply.encode(), reply);
    }

    #[test]
    fn any_bytes(bytes in near_message(VERSION), auth_bytes in near_message(1)) {
        check_any(MethodOffer::parse, MethodOffer::MAX_LEN, &bytes);
        check_any(MethodSelection::parse, MethodSelection::MAX_LEN, &bytes);
        check_any(Request::parse, Request::MAX_LEN, &bytes);
        check_any(Reply::parse, Reply::MAX_LEN, &bytes);
        check_any(UserPassAuth::parse, UserPassAuth::MAX_LEN, &auth_bytes);
        check_any(AuthStatus::parse, AuthStatus::MAX_LEN, &auth_bytes);
    }
}

/// PySocks, when it asks for datagrams.
#[test]
fn where_datagrams_will_come_from_may_be_nonsense() {
    let udp = whole(Request::parse, &[5, 3, 0, 3, 1, b'0', 0x1f, 0x90]);
    assert_eq!(udp, request(Command::UdpAssociate, "0.0.0.0:8080"));
    let tcp = Request::parse(&[5, 1, 0, 3, 1, b'0', 0x1f, 0x90]);
    assert!(matches!(tcp, Err(Error::Domain(_))), "{tcp:?}");
}

#[test]
fn a_datagram_says_where_it_is_to_go() {
    for peer in ["192.0.2.1:53", "[2001:db8::1]:53", "stun.example.org:3478"] {
        let header = DatagramHeader {
            peer: peer.parse().unwrap(),
            fragment: 0,
        };
        let bytes = [header.encode(), b"payload".to_vec()].concat();
        let used = bytes.len() - 7;
        assert_eq!(
            DatagramHeader::parse(&bytes),
            Ok(Parsed::Complete {
                value: header,
                used
            })
        );
        assert_eq!(
            DatagramHeader::parse(&bytes[..used - 1]),
            Ok(Parsed::Incomplete)
        );
    }
    let wrong = DatagramHeader::parse(&[0, 0, 0, 9, 1, 2, 3, 4, 5, 6]);
    assert!(matches!(wrong, Err(Error::UnknownAddressType { .. })));
}

//! What the property tests of all messages share.

use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;

use crate::{Credentials, Destination, DomainName, Host, Parsed};

/// Checks what every parser owes to a whole message of at most `max_len` bytes: it is found again,
/// `used` counts it exactly, bytes after it change nothing, and a part of it is never an error.
pub(crate) fn check_message<T: PartialEq + Debug, E: PartialEq + Debug>(
    parse: impl Fn(&[u8]) -> Result<Parsed<T>, E>,
    max_len: usize,
    message: &[u8],
    value: T,
) {
    assert!(
        message.len() <= max_len,
        "{} bytes, more than {max_len}",
        message.len()
    );
    for len in 0..message.len() {
        assert_eq!(
            parse(&message[..len]),
            Ok(Parsed::Incomplete),
            "the first {len} bytes"
        );
    }
    let complete = Ok(Parsed::Complete {
        value,
        used: message.len(),
    });
    assert_eq!(parse(message), complete);
    for next in [&[0][..], &[5, 1, 0], &[0xff; 600]] {
        assert_eq!(
            parse(&[message, next].concat()),
            complete,
            "followed by {next:?}"
        );
    }
}

/// Checks what every parser owes to arbitrary bytes: no panic, `used` within the buffer and enough to
/// give the same value alone, and no wish for more bytes than a message can have.
pub(crate) fn check_any<T: PartialEq + Debug, E: PartialEq + Debug>(
    parse: impl Fn(&[u8]) -> Result<Parsed<T>, E>,
    max_len: usize,
    bytes: &[u8],
) {
    match parse(bytes) {
        Ok(Parsed::Complete { value, used }) => {
            assert!(
                used <= bytes.len().min(max_len),
                "{used} of {} bytes",
                bytes.len()
            );
            assert_eq!(parse(&bytes[..used]), Ok(Parsed::Complete { value, used }));
        }
        Ok(Parsed::Incomplete) => assert!(bytes.len() < max_len, "{} bytes", bytes.len()),
        Err(error) => assert_eq!(parse(&[bytes, &[0; 600]].concat()), Err(error)),
    }
}

/// Bytes that look enough like a message of `version` to get deep into its parser.
pub(crate) fn near_message(version: u8) -> impl Strategy<Value = Vec<u8>> {
    let tail = || prop::collection::vec(prop_oneof![any::<u8>(), 0..6u8, Just(b'a')], 0..700);
    prop_oneof![
        tail(),
        tail().prop_map(move |tail| [&[version, 1][..], &tail].concat())
    ]
}

pub(crate) fn names() -> impl Strategy<Value = DomainName> {
    prop_oneof![
        "[a-zA-Z0-9_-]{1,63}(\\.[a-z][a-z0-9-]{0,20}){0,6}\\.?",
        "\\PC{1,255}"
    ]
    .prop_filter_map("not a name", |name| DomainName::try_from(&*name).ok())
}

pub(crate) fn destinations() -> impl Strategy<Value = Destination> {
    let host = prop_oneof![
        any::<IpAddr>().prop_map(Host::Ip),
        names().prop_map(Host::Name)
    ];
    (host, any::<u16>()).prop_map(|(host, port)| Destination { host, port })
}

pub(crate) fn socket_addresses() -> impl Strategy<Value = SocketAddr> {
    any::<(IpAddr, u16)>().prop_map(SocketAddr::from)
}

pub(crate) fn credentials() -> impl Strategy<Value = Credentials> {
    let field = || prop::collection::vec(any::<u8>(), 0..=255);
    (field(), field()).prop_map(|(user, password)| Credentials {
        user: user[..].try_into().unwrap(),
        password: password[..].try_into().unwrap(),
    })
}

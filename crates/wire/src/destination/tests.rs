use proptest::prelude::*;

use super::*;
use crate::test_support::{destinations, names};

fn name(text: &str) -> Host {
    Host::Name(DomainName::try_from(text).unwrap())
}

#[test]
fn text_of_destinations() {
    let v6 = |text: &str| Host::Ip(IpAddr::V6(text.parse().unwrap()));
    for (text, host, port) in [
        ("192.0.2.1:80", Host::Ip(IpAddr::from([192, 0, 2, 1])), 80),
        ("[2001:db8::1]:443", v6("2001:db8::1"), 443),
        // Stays as it is: what it means is for the rules about addresses to decide.
        ("[::ffff:192.0.2.1]:443", v6("::ffff:192.0.2.1"), 443),
        ("example.com:0", name("example.com"), 0),
        ("localhost.:65535", name("localhost."), 65535),
        ("münchen.example:80", name("münchen.example"), 80),
        ("1and1.com:80", name("1and1.com"), 80),
        ("my_host:80", name("my_host"), 80),
    ] {
        let destination: Destination = text.parse().unwrap();
        assert_eq!(destination, Destination { host, port }, "{text}");
        assert_eq!(destination.to_string(), text);
    }
}

#[test]
fn wrong_destinations_say_what_is_wrong() {
    for (text, message) in [
        (
            "example.com",
            "\"example.com\" has no port; write it as host:port",
        ),
        ("[::1]", "\"[::1]\" has no port; write it as host:port"),
        (
            "[::1]443",
            "\"[::1]443\" has no port; write it as host:port",
        ),
        (":80", "the host name is empty"),
        (
            "a:",
            "the port \"\" in \"a:\" is not a number from 0 to 65535",
        ),
        (
            "a:65536",
            "the port \"65536\" in \"a:65536\" is not a number from 0 to 65535",
        ),
        (
            "a:+80",
            "the port \"+80\" in \"a:+80\" is not a number from 0 to 65535",
        ),
        (
            "a: 80",
            "the port \" 80\" in \"a: 80\" is not a number from 0 to 65535",
        ),
        (
            "2001:db8::1:443",
            "\"2001:db8::1:443\" has more than one colon; write an IPv6 address as [2001:db8::1]:443",
        ),
        (
            "[fe80::1%eth0]:80",
            "\"[fe80::1%eth0]:80\" is not an IPv6 address; \
             in brackets goes one without zone, like [2001:db8::1]",
        ),
        (
            "[192.0.2.1]:80",
            "\"[192.0.2.1]:80\" is not an IPv6 address; \
             in brackets goes one without zone, like [2001:db8::1]",
        ),
        (
            "a b:80",
            "the host name \"a b\" holds the character ' ', which no name may have",
        ),
    ] {
        let error = text.parse::<Destination>().unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
    }
}

#[test]
fn names_are_bounded() {
    let long = "a".repeat(256);
    assert!(DomainName::try_from(&long[..255]).is_ok());
    assert_eq!(
        DomainName::try_from(&*long),
        Err(DomainNameError::TooLong(256))
    );
    assert_eq!(
        DomainName::try_from(long.as_bytes()),
        Err(DomainNameError::TooLong(256))
    );
    assert_eq!(DomainName::try_from(""), Err(DomainNameError::Empty));
    let bad = DomainName::try_from(&b"caf\xe9"[..]).unwrap_err();
    assert_eq!(
        bad.to_string(),
        "the host name \"caf\\\\xe9\" is not UTF-8 text"
    );
}

#[test]
fn characters_that_no_name_has() {
    for character in "\0\n\r\t \x7f\u{85}\u{a0}\u{3000}:/?#[]@\\%\"<>".chars() {
        let text = format!("a{character}b");
        let error = DomainName::try_from(&*text).unwrap_err();
        assert_eq!(
            error,
            DomainNameError::Character {
                name: text,
                character
            }
        );
    }
}

#[test]
fn an_address_is_never_a_name() {
    for text in ["192.0.2.1", "::1", "2001:db8::7", "::ffff:10.0.0.1"] {
        assert_eq!(text.parse::<Host>(), Ok(Host::Ip(text.parse().unwrap())));
        assert_eq!(Host::try_from(text.as_bytes()), text.parse());
        assert!(DomainName::try_from(text).is_err(), "{text}");
    }
    // What inet_aton takes for an address, and the loopback address with a dot after it.
    for text in [
        "127.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "a.0x",
    ] {
        let error = text.parse::<Host>().unwrap_err();
        assert_eq!(error, DomainNameError::EndsInNumber { name: text.into() });
    }
    for text in [
        "127.1.example",
        "0x7f.net",
        "1.2.3.4a",
        "a.0xg",
        "1e100.net",
    ] {
        assert_eq!(text.parse(), Ok(name(text)));
    }
}

#[test]
fn from_socket_address() {
    let address: SocketAddr = "[2001:db8::1]:443".parse().unwrap();
    assert_eq!(
        Destination::from(address),
        "[2001:db8::1]:443".parse().unwrap()
    );
}

proptest! {
    #[test]
    fn text_round_trip(destination in destinations()) {
        prop_assert_eq!(destination.to_string().parse(), Ok(destination));
    }

    #[test]
    fn names_round_trip(name in names()) {
        prop_assert_eq!(DomainName::try_from(name.as_str().as_bytes()), Ok(name.clone()));
        prop_assert_eq!(name.to_string().parse(), Ok(Host::Name(name)));
    }

    #[test]
    fn any_text(text in "[a-f0-9.:%\\[\\]x ]{0,30}|\\PC*") {
        if let Ok(destination) = text.parse::<Destination>() {
            prop_assert_eq!(destination.to_string().parse(), Ok(destination));
        }
    }
}

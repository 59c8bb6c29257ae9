use proptest::prelude::*;

use crate::hub::datagram::*;

fn content(peer: &str, payload: &'static [u8]) -> Content<'static> {
    Content {
        peer: peer.parse().unwrap(),
        payload,
    }
}

/// The examples of `docs/protocol.md`.
#[test]
fn bytes_are_those_of_the_specification() {
    let once = content("192.0.2.1:53", b"hi").encode();
    assert_eq!(once, [0, 53, 1, 192, 0, 2, 1, b'h', b'i']);
    let packet = Packet::Once {
        flow: FlowId(7),
        content: &once,
    };
    assert_eq!(packet.encode()[..5], [0x30, 0, 0, 0, 7]);
    let part = Packet::Part {
        flow: FlowId(7),
        number: 258,
        index: 1,
        last: 2,
        bytes: b"x",
    };
    let bytes = [0x32, 0, 0, 0, 7, 0, 0, 1, 2, 1, 2, b'x'];
    assert_eq!(part.encode(), bytes);
    assert_eq!(Packet::parse(&bytes), Ok(part));
    assert_eq!(Packet::Probe.encode(), [0x33]);
    let unreachable = Packet::Unreachable {
        flow: FlowId(7),
        peer: "192.0.2.1:53".parse().unwrap(),
    };
    let bytes = [0x36, 0, 0, 0, 7, 0, 53, 1, 192, 0, 2, 1];
    assert_eq!(unreachable.encode(), bytes);
    assert_eq!(Packet::parse(&bytes), Ok(unreachable));
    let mut orders = Vec::new();
    let prefer = Order::Prefer {
        number: 3,
        rank: Rank::Second,
    };
    prefer.encode(&mut orders);
    assert_eq!(orders, [0x35, 0, 5, 0, 0, 0, 3, 1]);
}

#[test]
fn what_was_written_is_read() {
    for peer in ["192.0.2.1:53", "[2001:db8::1]:443", "stun.example.org:3478"] {
        let content = content(peer, b"payload");
        assert_eq!(Content::parse(&content.encode()), Ok(content));
    }
    for order in [
        Order::Join(SessionId([9; 16])),
        Order::Prefer {
            number: u32::MAX,
            rank: Rank::First,
        },
    ] {
        let mut bytes = Vec::new();
        order.encode(&mut bytes);
        assert_eq!(Order::parse(&bytes), Ok(order));
        assert!(bytes.len() <= MAX_ORDER);
        bytes.pop();
        assert_eq!(Order::parse(&bytes), Err(DatagramError::Length));
    }
}

#[test]
fn what_is_wrong_is_refused() {
    let error = |bytes: &[u8]| Packet::parse(bytes).unwrap_err();
    assert_eq!(error(&[]), DatagramError::Type);
    assert_eq!(error(&[0x13, 1]), DatagramError::Type);
    assert_eq!(error(&[0x33, 1]), DatagramError::Type);
    assert_eq!(error(&[0x30, 0, 0, 0]), DatagramError::Cut);
    for (index, last) in [(0, 0), (2, 1), (0, 64)] {
        let bytes = [0x32, 0, 0, 0, 7, 0, 0, 0, 1, index, last];
        assert_eq!(error(&bytes), DatagramError::Part { index, last });
    }
    let longer = [0x36, 0, 0, 0, 7, 0, 53, 1, 192, 0, 2, 1, 0];
    assert_eq!(error(&longer), DatagramError::Length);
    let name = [0x36, 0, 0, 0, 7, 0, 53, 3, 1, b'a'];
    assert_eq!(error(&name), DatagramError::AddressType(3));
    let error = |bytes: &[u8]| Content::parse(bytes).unwrap_err();
    assert_eq!(error(&[0, 53, 2]), DatagramError::AddressType(2));
    assert_eq!(error(&[0, 53, 3, 9, b'a']), DatagramError::Cut);
    assert!(matches!(
        error(&[0, 53, 3, 1, b' ']),
        DatagramError::Name(_)
    ));
}

/// A port and address in other clothes must not get past rules for addresses.
#[test]
fn mapped_addresses_are_those_of_ipv4() {
    let content = content("[::ffff:10.0.0.1]:80", b"");
    assert_eq!(content.address(), Some("10.0.0.1:80".parse().unwrap()));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
        if let Ok(packet) = Packet::parse(&bytes) {
            prop_assert_eq!(packet.encode(), bytes.clone());
        }
        if let Ok(content) = Content::parse(&bytes) {
            let again = content.encode();
            prop_assert_eq!(Content::parse(&again), Ok(content));
        }
        let _order = Order::parse(&bytes);
    }
}

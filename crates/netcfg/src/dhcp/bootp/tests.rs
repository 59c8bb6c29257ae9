//! The message on the wire, and hostile bytes.

use proptest::prelude::*;

use super::*;

fn sample() -> Message {
    let mut message = Message::request(
        MessageType::Discover,
        0x1234_5678,
        MacAddress([2, 0, 0, 0, 0, 9]),
    );
    message.broadcast = true;
    message.elapsed_seconds = 7;
    message.client_address = Ipv4Addr::new(10, 0, 0, 9);
    message
        .options
        .set_address(OptionCode::REQUESTED_ADDRESS, Ipv4Addr::new(10, 0, 0, 8));
    message
}

#[test]
fn the_wire_form_is_that_of_the_rfc() {
    let bytes = sample().encode();
    assert_eq!(bytes.len(), 300);
    assert_eq!(
        bytes[..16],
        [
            1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78, 0, 7, 0x80, 0, 10, 0, 0, 9
        ]
    );
    assert_eq!(bytes[28..34], [2, 0, 0, 0, 0, 9]);
    assert_eq!(
        bytes[236..250],
        [99, 130, 83, 99, 53, 1, 1, 50, 4, 10, 0, 0, 8, 255]
    );
}

#[test]
fn overloaded_fields_are_read() {
    let mut bytes = sample().encode();
    bytes.truncate(240);
    bytes.extend([52, 1, 3, 255]);
    bytes[108..112].copy_from_slice(&[53, 1, 5, 255]); // file
    bytes[44..51].copy_from_slice(&[54, 4, 10, 0, 0, 1, 255]); // sname
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.kind, MessageType::Ack);
    assert_eq!(
        message.options.address(OptionCode::SERVER_ID),
        Some(Ipv4Addr::new(10, 0, 0, 1))
    );
    bytes[242] = 1;
    assert_eq!(
        Message::parse(&bytes)
            .unwrap()
            .options
            .get(OptionCode::SERVER_ID),
        None
    );
}

#[test]
fn each_kind_of_foreign_bytes_has_its_error() {
    let with = |at: usize, value: u8| {
        let mut bytes = sample().encode();
        bytes[at] = value;
        Message::parse(&bytes)
    };
    assert_eq!(with(0, 3), Err(ParseError::UnknownOperation));
    assert_eq!(with(1, 6), Err(ParseError::NotEthernet));
    assert_eq!(with(2, 16), Err(ParseError::NotEthernet));
    assert_eq!(with(236, 0), Err(ParseError::NotDhcp));
    assert_eq!(with(242, 99), Err(ParseError::UnknownType));
    assert_eq!(
        Message::parse(&sample().encode()[..239]),
        Err(ParseError::Truncated)
    );
}

prop_compose! {
    fn messages()(
        kind in prop::sample::select(MessageType::ALL.as_slice()),
        reply: bool, transaction: u32, elapsed_seconds: u16, broadcast: bool,
        addresses: [[u8; 4]; 3], mac: [u8; 6],
        options in prop::collection::btree_map(
            any::<u8>().prop_filter("resolved by the codec", |code| !matches!(code, 0 | 52 | 53 | 255)),
            prop::collection::vec(any::<u8>(), 0..600), 0..6),
    ) -> Message {
        let mut message = Message::request(kind, transaction, MacAddress(mac));
        message.operation = if reply { Operation::Reply } else { Operation::Request };
        message.elapsed_seconds = elapsed_seconds;
        message.broadcast = broadcast;
        message.client_address = addresses[0].into();
        message.your_address = addresses[1].into();
        message.relay_address = addresses[2].into();
        for (code, value) in options {
            message.options.set(OptionCode(code), value);
        }
        message
    }
}

proptest! {
    #[test]
    fn a_message_survives_the_wire(message in messages()) {
        prop_assert_eq!(Message::parse(&message.encode()), Ok(message));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
        let _ = Message::parse(&bytes);
    }

    #[test]
    fn arbitrary_options_never_panic(
        tail in prop::collection::vec(any::<u8>(), 0..400), overload in 0u8..4,
    ) {
        let mut bytes = sample().encode();
        bytes[16..20].copy_from_slice(&[10, 0, 0, 9]);
        bytes.truncate(240);
        bytes.extend([53, 1, 5, 51, 4, 0, 0, 1, 0, 54, 4, 10, 0, 0, 1, 52, 1, overload]);
        bytes.extend(&tail);
        // A second message type in the tail makes the first one invalid.
        if let Ok(message) = Message::parse(&bytes) {
            let _ = crate::dhcp::Lease::from_ack(&message, std::time::Instant::now());
        }
    }
}

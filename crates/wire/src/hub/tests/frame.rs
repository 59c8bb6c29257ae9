use std::net::SocketAddr;

use proptest::prelude::*;

use crate::DomainNameError;
use crate::hub::*;
use crate::test_support::{destinations, socket_addresses};

fn encoded(frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    bytes
}

/// The frames of `docs/protocol.md`, each with the bytes that stand there.
fn examples() -> Vec<(Frame<'static>, &'static str)> {
    let open = |text: &str| {
        let destination = text.parse().unwrap();
        Frame::Open(Open { destination })
    };
    let opened = |text: &str| {
        let bound = text.parse::<SocketAddr>().unwrap();
        Frame::Opened(Opened { bound })
    };
    let hello = Hello {
        versions: 1..=1,
        software: "manypath 0.1.0".into(),
    };
    let welcome = Welcome {
        version: 1,
        software: "manypath 0.1.0".into(),
    };
    let refused = Refused {
        code: Refusal::UnknownUser,
        versions: 1..=1,
        text: "no such user".into(),
    };
    let open_refused = OpenRefused {
        code: OpenRefusal::NotAllowed,
        text: "private address".into(),
    };
    let ping = *b"\x01\x23\x45\x67\x89\xab\xcd\xef";
    vec![
        (
            Frame::Hello(hello),
            "01 00 19 6d 61 6e 79 70 61 74 68 01 01 0e 6d 61 6e 79 70 61 74 68 20 30 2e 31 2e 30",
        ),
        (
            Frame::Welcome(welcome),
            "02 00 10 01 0e 6d 61 6e 79 70 61 74 68 20 30 2e 31 2e 30",
        ),
        (
            Frame::Refused(refused),
            "03 00 10 00 02 01 01 6e 6f 20 73 75 63 68 20 75 73 65 72",
        ),
        (
            open("example.org:443"),
            "10 00 10 01 01 bb 03 0b 65 78 61 6d 70 6c 65 2e 6f 72 67",
        ),
        (open("192.0.2.1:80"), "10 00 08 01 00 50 01 c0 00 02 01"),
        (
            open("[2001:db8::1]:443"),
            "10 00 14 01 01 bb 04 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01",
        ),
        (opened("203.0.113.9:40000"), "11 00 07 01 cb 00 71 09 9c 40"),
        (
            Frame::OpenRefused(open_refused),
            "12 00 11 00 06 70 72 69 76 61 74 65 20 61 64 64 72 65 73 73",
        ),
        (Frame::Data(b"GET /"), "13 00 05 47 45 54 20 2f"),
        (Frame::Fin, "14 00 00"),
        (Frame::Abort, "15 00 00"),
        (Frame::Ping(ping), "20 00 08 01 23 45 67 89 ab cd ef"),
        (Frame::Pong(ping), "21 00 08 01 23 45 67 89 ab cd ef"),
        (Frame::GoAway, "22 00 00"),
    ]
}

#[test]
fn the_examples_of_the_documentation() {
    let documentation = include_str!("../../../../../docs/protocol.md");
    let mut record = Vec::new();
    for (frame, hex) in examples() {
        let bytes = encoded(&frame);
        let shown: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(shown.join(" "), hex, "{frame:?}");
        assert!(documentation.contains(hex), "{frame:?} is not documented");
        record.extend(bytes);
    }
    let expected: Vec<_> = examples().into_iter().map(|(frame, _)| Ok(frame)).collect();
    assert_eq!(frames(&record).collect::<Vec<_>>(), expected);
}

#[test]
fn the_codes_of_the_documentation() {
    let documentation = include_str!("../../../../../docs/protocol.md");
    for code in 1..=8 {
        let row = format!("| {code} | {} |", OpenRefusal::from(code));
        assert!(documentation.contains(&row), "{row}");
    }
    for code in 1..=5 {
        let row = format!("| {code} | {} |", Refusal::from(code));
        assert!(documentation.contains(&row), "{row}");
    }
}

#[test]
fn a_record_that_ends_inside_a_frame() {
    for (frame, _) in examples() {
        let whole = encoded(&frame);
        for len in 1..whole.len() {
            let found: Vec<_> = frames(&whole[..len]).collect();
            let cut = FrameError::Cut {
                record: len,
                start: 0,
            };
            assert_eq!(found, [Err(cut)], "{len} bytes of {frame:?}");
        }
        let behind_another = [&[0x14, 0, 0], &whole[..whole.len() - 1]].concat();
        let found: Vec<_> = frames(&behind_another).collect();
        let cut = FrameError::Cut {
            record: behind_another.len(),
            start: 3,
        };
        assert_eq!(found, [Ok(Frame::Fin), Err(cut)]);
    }
}

#[test]
fn a_payload_that_is_too_short_or_too_long() {
    for (frame, _) in examples() {
        let whole = encoded(&frame);
        let with_len = |len: usize| {
            let mut bytes = whole.clone();
            bytes.resize(HEADER + len, 0x20);
            bytes[1..HEADER].copy_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
            frames(&bytes).next().unwrap().is_ok()
        };
        let len = whole.len() - HEADER;
        let kind = frame.kind();
        let has_rest = matches!(kind, Kind::Refused | Kind::OpenRefused | Kind::Data);
        let grows = matches!(kind, Kind::Hello | Kind::Welcome);
        assert!(with_len(len));
        assert_eq!(with_len(len + 1), has_rest || grows, "{kind} + 1");
        assert_eq!(len > 0 && with_len(len - 1), has_rest, "{kind} - 1");
    }
}

#[test]
fn unknown_types() {
    let known: Vec<u8> = examples()
        .iter()
        .map(|(frame, _)| frame.kind() as u8)
        .collect();
    for number in 0..=255 {
        let record = [number, 0, 1, 7, 0x14, 0, 0];
        let found: Vec<_> = frames(&record).collect();
        match number {
            0x80.. => assert_eq!(found, [Ok(Frame::Fin)]),
            number if known.contains(&number) => {}
            number => assert_eq!(found, [Err(FrameError::UnknownType(number))]),
        }
    }
    assert_eq!(frames(&[]).count(), 0);
    assert_eq!(frames(&[0xff, 0, 0]).count(), 0);
}

#[test]
fn what_is_wrong_inside() {
    let error = |bytes: &[u8]| match frames(bytes).next() {
        Some(Err(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(error(b"\x01\0\x0bmanypatH\x01\x01\0"), FrameError::Magic);
    let kind = Kind::Hello;
    for (lowest, highest) in [(0, 1), (2, 1), (0, 0)] {
        let versions = FrameError::Versions {
            kind,
            lowest,
            highest,
        };
        let hello = [&b"\x01\0\x0bmanypath"[..], &[lowest, highest, 0]].concat();
        assert_eq!(error(&hello), versions);
    }
    assert_eq!(
        error(b"\x02\0\x04\x01\x02a\n"),
        FrameError::Text(Kind::Welcome)
    );
    assert_eq!(
        error(b"\x03\0\x05\0\x01\x01\x01\xff"),
        FrameError::Text(Kind::Refused)
    );
    let long = [&b"\x12\x01\x02\0\x01"[..], &[b'x'; 256]].concat();
    assert_eq!(error(&long), FrameError::Text(Kind::OpenRefused));
    assert_eq!(
        error(b"\x10\0\x08\x02\0\x50\x01\xc0\0\x02\x01"),
        FrameError::OpenKind(2)
    );
    let (kind, found) = (Kind::Open, 2);
    assert_eq!(
        error(b"\x10\0\x08\x01\0\x50\x02\xc0\0\x02\x01"),
        FrameError::AddressType { kind, found }
    );
    // What the origin sees is an address, never a name.
    let (kind, found) = (Kind::Opened, 3);
    assert_eq!(
        error(b"\x11\0\x05\x03\x01a\0\x50"),
        FrameError::AddressType { kind, found }
    );
    assert_eq!(
        error(b"\x10\0\x05\x01\0\x50\x03\0"),
        FrameError::Name(DomainNameError::Empty)
    );
}

#[test]
fn texts_are_cut_and_cleaned() {
    let text = format!("\u{1b}[2J{}", "é".repeat(200));
    let refused = Frame::OpenRefused(OpenRefused {
        code: OpenRefusal::Other(900),
        text,
    });
    let bytes = encoded(&refused);
    let Some(Ok(Frame::OpenRefused(found))) = frames(&bytes).next() else {
        panic!("{bytes:?}");
    };
    assert_eq!(found.code, OpenRefusal::Other(900));
    assert_eq!(found.text, format!(" [2J{}", "é".repeat(125)));
}

#[test]
fn data_fills_a_record() {
    let most = vec![1; MAX_PAYLOAD];
    let record = encoded(&Frame::Data(&most));
    assert_eq!(record.len(), 16384);
    assert_eq!(record[..HEADER], data_header(MAX_PAYLOAD));
    assert_eq!(
        frames(&record).collect::<Vec<_>>(),
        [Ok(Frame::Data(&most))]
    );
}

#[test]
fn common_versions() {
    let common = |edge, hub| {
        let software = String::new();
        Hello {
            versions: edge,
            software,
        }
        .common_version(hub)
    };
    assert_eq!(common(1..=1, 1..=1), Some(1));
    assert_eq!(common(1..=3, 2..=5), Some(3));
    assert_eq!(common(2..=5, 1..=3), Some(3));
    assert_eq!(common(2..=9, 1..=1), None);
    assert_eq!(common(1..=1, 2..=9), None);
}

fn texts(max: usize) -> impl Strategy<Value = String> {
    "\\PC{0,255}".prop_filter("short enough and printable", move |text| {
        text.len() <= max && !text.contains(char::is_control)
    })
}

fn versions() -> impl Strategy<Value = std::ops::RangeInclusive<u8>> {
    (1..=255u8, 1..=255u8).prop_map(|(a, b)| a.min(b)..=a.max(b))
}

fn any_frame() -> impl Strategy<Value = Frame<'static>> {
    let software = || "[ -~]{0,64}";
    prop_oneof![
        (versions(), software())
            .prop_map(|(versions, software)| Frame::Hello(Hello { versions, software })),
        (1..=255u8, software())
            .prop_map(|(version, software)| Frame::Welcome(Welcome { version, software })),
        (any::<u16>(), versions(), texts(MAX_TEXT)).prop_map(|(code, versions, text)| {
            let code = code.into();
            Frame::Refused(Refused {
                code,
                versions,
                text,
            })
        }),
        destinations().prop_map(|destination| Frame::Open(Open { destination })),
        socket_addresses().prop_map(|bound| Frame::Opened(Opened { bound })),
        (any::<u16>(), texts(MAX_TEXT)).prop_map(|(code, text)| {
            let code = code.into();
            Frame::OpenRefused(OpenRefused { code, text })
        }),
        (1..100usize).prop_map(|len| Frame::Data(&[0xa5; 100][..len])),
        Just(Frame::Fin),
        Just(Frame::Abort),
        any::<[u8; 8]>().prop_map(Frame::Ping),
        any::<[u8; 8]>().prop_map(Frame::Pong),
        Just(Frame::GoAway),
    ]
}

proptest! {
    #[test]
    fn frames_round_trip(all in prop::collection::vec(any_frame(), 0..8)) {
        let mut record = Vec::new();
        all.iter().for_each(|frame| frame.encode(&mut record));
        let found: Result<Vec<_>, _> = frames(&record).collect();
        prop_assert_eq!(found, Ok(all));
    }

    #[test]
    fn any_bytes_give_frames_or_one_error(record in prop::collection::vec(
        prop_oneof![any::<u8>(), 0..6u8, Just(0x10), Just(0x13)], 0..300,
    )) {
        let found: Vec<_> = frames(&record).collect();
        let errors = found.iter().filter(|frame| frame.is_err()).count();
        prop_assert!(errors <= 1);
        prop_assert!(found.iter().rev().skip(1).all(Result::is_ok));
    }
}

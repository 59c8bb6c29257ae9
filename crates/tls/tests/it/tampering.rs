//! What somebody between the two ends could do to the bytes.

use tls::{Channel, TlsError, user_key};

use crate::pair::{Inbox, Pair, WORLD, receive, sealed};

/// Which bits of a byte are flipped.
const MASKS: [u8; 2] = [0x01, 0xff];

/// The flights of a handshake: what they are called, in their order.
const FLIGHTS: [&str; 3] = ["edge's first", "hub's", "edge's second"];

/// What the edge sends behind its second flight.
const HELLO: &[u8] = b"the first frames";

/// What both ends have come to after a handshake that somebody meddled with.
struct Outcome {
    edge: Result<(), TlsError>,
    hub: Result<(), TlsError>,
    pair: Pair,
    to_hub: Inbox,
}

/// The length of each flight.
fn lengths() -> [usize; 3] {
    let mut lengths = [0; 3];
    shake_hands(|flight, bytes| lengths[flight] = bytes.len());
    lengths
}

/// A handshake with HELLO behind it, in which `meddle` may change each flight.
fn shake_hands(mut meddle: impl FnMut(usize, &mut Vec<u8>)) -> Outcome {
    let mut pair = Pair::new();
    let (mut to_edge, mut to_hub) = (Inbox::default(), Inbox::default());
    let mut flight = std::mem::take(pair.edge.outgoing());
    meddle(0, &mut flight);
    let mut hub = to_hub.take(&mut pair.hub, &flight);
    let mut flight = std::mem::take(pair.hub.outgoing());
    meddle(1, &mut flight);
    let edge = to_edge.take(&mut pair.edge, &flight);
    let mut flight = Vec::new();
    if pair.edge.seal(HELLO, &mut flight).is_err() {
        flight = std::mem::take(pair.edge.outgoing());
    }
    meddle(2, &mut flight);
    if hub.is_ok() {
        hub = to_hub.take(&mut pair.hub, &flight);
    }
    Outcome {
        edge,
        hub,
        pair,
        to_hub,
    }
}

impl Outcome {
    /// What must hold whatever was done.
    #[track_caller]
    fn check(&self, what: &str) {
        let hub = &self.pair.hub;
        assert!(
            self.edge.is_ok() || !self.pair.edge.is_established(),
            "{what}"
        );
        assert!(self.hub.is_ok() || !hub.is_established(), "{what}");
        for record in &self.to_hub.records {
            assert_eq!(record, HELLO, "{what}");
            assert_eq!(
                hub.peer().or(Some(user_key(&WORLD.secret))),
                Some(user_key(&WORLD.secret))
            );
        }
        if hub.is_established() {
            assert_eq!(hub.peer(), Some(user_key(&WORLD.secret)), "{what}");
        }
    }

    fn is_done(&self) -> bool {
        self.pair.hub.is_established() && self.to_hub.records == [HELLO]
    }
}

#[test]
fn nothing_done_is_done() {
    let outcome = shake_hands(|_, _| {});
    outcome.check("nothing");
    assert!(outcome.is_done());
}

#[test]
fn a_handshake_with_any_byte_changed_fails() {
    for (flight, len) in lengths().into_iter().enumerate() {
        for at in 0..len {
            for mask in MASKS {
                let mut ignored = false;
                let outcome = shake_hands(|number, bytes| {
                    if number == flight {
                        ignored = is_ignored(bytes, at);
                        bytes[at] ^= mask;
                    }
                });
                let what = format!("{} flight, byte {at} ^ {mask:#x}", FLIGHTS[flight]);
                outcome.check(&what);
                assert!(ignored || !outcome.is_done(), "{what}");
            }
        }
    }
}

/// Whether byte `at` is in a record header, before the length. Of a plaintext record's it means nothing
/// and is protected by nothing (RFC 8446 section 5.1); rustls does not look at that of the others
/// during the handshake.
fn is_ignored(flight: &[u8], at: usize) -> bool {
    let mut start = 0;
    loop {
        let len = usize::from(u16::from_be_bytes([flight[start + 3], flight[start + 4]]));
        if at < start + 5 + len {
            return at - start < 3;
        }
        start += 5 + len;
    }
}

#[test]
fn a_handshake_cut_at_any_byte_waits() {
    for (flight, len) in lengths().into_iter().enumerate() {
        for at in 0..len {
            let outcome = shake_hands(|number, bytes| {
                if number == flight {
                    bytes.truncate(at);
                }
                if number > flight {
                    bytes.clear();
                }
            });
            let what = format!("{} flight, {at} of {len} bytes", FLIGHTS[flight]);
            outcome.check(&what);
            assert!(!outcome.is_done(), "{what}");
            assert!(
                outcome.edge.is_ok() && outcome.hub.is_ok(),
                "{what}: not an error yet"
            );
        }
    }
}

/// What an end says in the tests below: records of several sizes, and close_notify.
const SAID: [&[u8]; 3] = [b"a", b"some bytes", &[0x5a; 70]];

fn say(from: &mut Channel) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in SAID {
        from.seal(record, &mut bytes).expect("it is established");
    }
    from.close();
    bytes.append(from.outgoing());
    bytes
}

/// Who speaks, who listens.
type Direction = fn(&mut Pair) -> (&mut Channel, &mut Channel);

fn directions() -> [Direction; 2] {
    [
        |pair| (&mut pair.edge, &mut pair.hub),
        |pair| (&mut pair.hub, &mut pair.edge),
    ]
}

#[test]
fn traffic_with_any_byte_changed_ends_there() {
    let len = say(&mut Pair::established().edge).len();
    for direction in directions() {
        for at in 0..len {
            let mut pair = Pair::established();
            let (from, to) = direction(&mut pair);
            let mut bytes = say(from);
            bytes[at] ^= MASKS[at % 2];
            let mut inbox = Inbox::default();
            let end = inbox.take(to, &bytes);
            let whole = whole_records(at);
            assert_eq!(inbox.records, SAID[..whole.min(3)], "byte {at}");
            assert!(!to.peer_closed(), "byte {at}");
            match end {
                Ok(()) => assert!(inbox.is_waiting(), "byte {at}"),
                Err(TlsError::BadRecord(_) | TlsError::TooLong) => {
                    assert!(matches!(inbox.take(to, &[]), Err(TlsError::NotOpen)));
                    assert!(!to.is_established());
                }
                Err(error) => panic!("byte {at}: {error:?}"),
            }
        }
    }
}

/// How many records lie before byte `at` of what [`say`] gives.
fn whole_records(at: usize) -> usize {
    let ends = SAID.iter().scan(0, |end, record| {
        *end += tls::sealed_len(record.len());
        Some(*end)
    });
    ends.filter(|end| *end <= at).count()
}

#[test]
fn traffic_cut_at_any_byte_waits() {
    let mut pair = Pair::established();
    let bytes = say(&mut pair.edge);
    let mut inbox = Inbox::default();
    for at in 0..bytes.len() {
        assert_eq!(inbox.records, SAID[..whole_records(at)], "byte {at}");
        assert!(!pair.hub.peer_closed(), "byte {at}: a cut is no end");
        inbox.take(&mut pair.hub, &bytes[at..=at]).unwrap();
    }
    assert!(pair.hub.peer_closed());
}

#[test]
fn records_repeated_dropped_swapped_or_sent_back() {
    let records = |from: &mut Channel| [sealed(from, b"one"), sealed(from, b"two")];
    type Meddle = fn([Vec<u8>; 2]) -> (Vec<u8>, usize);
    let cases: [(&str, Meddle); 3] = [
        ("repeated", |[one, _]| ([one.clone(), one].concat(), 1)),
        ("dropped", |[_, two]| (two, 0)),
        ("swapped", |[one, two]| ([two, one].concat(), 0)),
    ];
    for (what, meddle) in cases {
        let mut pair = Pair::established();
        let (bytes, good) = meddle(records(&mut pair.edge));
        let mut inbox = Inbox::default();
        let error = inbox.take(&mut pair.hub, &bytes).unwrap_err();
        assert!(matches!(error, TlsError::BadRecord(_)), "{what}: {error:?}");
        assert_eq!(inbox.records.len(), good, "{what}");
    }
    let mut pair = Pair::established();
    let mut mirrored = sealed(&mut pair.edge, b"mirrored");
    assert!(receive(&mut pair.edge, &mut mirrored).is_err());
}

/// Everything that an edge has sent, played to the hub once more, is worth nothing.
#[test]
fn a_recorded_edge_is_never_let_in() {
    let mut recorded = Vec::new();
    let outcome = shake_hands(|flight, bytes| {
        if flight != 1 {
            recorded.push(bytes.clone());
        }
    });
    assert!(outcome.is_done());
    for all_at_once in [true, false] {
        let mut hub = Channel::hub(&WORLD.hub).unwrap();
        let mut inbox = Inbox::default();
        let end = if all_at_once {
            inbox.take(&mut hub, &recorded.concat())
        } else {
            inbox.take(&mut hub, &recorded[0]).unwrap();
            assert!(!std::mem::take(hub.outgoing()).is_empty());
            inbox.take(&mut hub, &recorded[1])
        };
        assert!(matches!(end, Err(TlsError::BadRecord(_))), "{end:?}");
        assert!(!hub.is_established() && hub.peer().is_none() && inbox.records.is_empty());
    }
}

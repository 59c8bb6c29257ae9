//! Data, and its end.

use proptest::prelude::*;
use tls::{Channel, TlsError, sealed_len};

use crate::pair::{Inbox, Pair, receive, sealed};

#[test]
fn close_notify_is_an_end() {
    let Pair { mut edge, mut hub } = Pair::established();
    let mut bytes = sealed(&mut edge, b"last");
    edge.close();
    edge.close();
    bytes.append(edge.outgoing());
    // RFC 8446 section 6.1: what comes behind is ignored.
    bytes.extend([0; 100]);
    assert_eq!(receive(&mut hub, &mut bytes).unwrap(), [b"last"]);
    assert!(hub.peer_closed() && !edge.peer_closed());
    // The other direction goes on.
    let mut bytes = sealed(&mut hub, b"still");
    hub.close();
    bytes.append(hub.outgoing());
    assert_eq!(receive(&mut edge, &mut bytes).unwrap(), [b"still"]);
    assert!(edge.peer_closed());
    for end in [&mut edge, &mut hub] {
        assert!(matches!(
            end.seal(b"x", &mut Vec::new()),
            Err(TlsError::NotOpen)
        ));
        assert_eq!(receive(end, &mut [7; 10]).unwrap(), [[]; 0]);
    }
}

#[test]
fn closing_before_the_handshake_is_over_sends_nothing() {
    let Pair { mut edge, mut hub } = Pair::new();
    let first = edge.outgoing().len();
    edge.close();
    hub.close();
    assert_eq!(edge.outgoing().len(), first);
    assert!(hub.outgoing().is_empty());
}

#[test]
fn sealed_len_is_exact() {
    let mut edge = Pair::established().edge;
    for len in [0, 1, 16383, 16384, 16385, 32768, 100_000] {
        assert_eq!(
            sealed(&mut edge, &vec![1; len]).len(),
            sealed_len(len),
            "{len}"
        );
    }
}

#[test]
fn one_record_for_each_16384_bytes() {
    let Pair { mut edge, mut hub } = Pair::established();
    let mut bytes = sealed(&mut edge, &vec![1; 40_000]);
    let lengths: Vec<_> = receive(&mut hub, &mut bytes)
        .unwrap()
        .iter()
        .map(Vec::len)
        .collect();
    assert_eq!(lengths, [16384, 16384, 7232]);
}

#[test]
fn what_is_outgoing_goes_before_what_is_sealed() {
    let Pair { mut edge, mut hub } = Pair::new();
    let mut hello = std::mem::take(edge.outgoing());
    receive(&mut hub, &mut hello).unwrap();
    let mut answer = std::mem::take(hub.outgoing());
    receive(&mut edge, &mut answer).unwrap();
    let mut out = b"earlier".to_vec();
    edge.seal(b"frames", &mut out).unwrap();
    assert_eq!(receive(&mut hub, &mut out[7..]).unwrap(), [b"frames"]);
}

/// Moves `data` in pieces as TCP may deliver them.
fn transfer(
    from: &mut Channel,
    to: &mut Channel,
    data: &[u8],
    sealing: &[usize],
    pieces: &[usize],
) {
    let (mut rest, mut bytes) = (data, Vec::new());
    for size in sealing.iter().cycle() {
        let (now, later) = rest.split_at(rest.len().min(*size));
        from.seal(now, &mut bytes).expect("it is established");
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    let (mut rest, mut inbox) = (&bytes[..], Inbox::default());
    for size in pieces.iter().cycle() {
        let (now, later) = rest.split_at(rest.len().min(*size));
        inbox.take(to, now).expect("nobody meddles");
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    assert!(!inbox.is_waiting());
    assert!(inbox.records.concat() == data, "other bytes came out");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn large_transfers_in_any_pieces(
        seed: u8,
        len in 65_537..300_000usize,
        sealing in prop::collection::vec(1..40_000usize, 1..5),
        pieces in prop::collection::vec(prop_oneof![500..3000usize, 1..100_000usize], 1..8),
    ) {
        let data: Vec<u8> = (0..len).map(|i| (i * 31 / 7) as u8 ^ seed).collect();
        let Pair { mut edge, mut hub } = Pair::established();
        transfer(&mut edge, &mut hub, &data, &sealing, &pieces);
        transfer(&mut hub, &mut edge, &data, &sealing, &pieces);
    }
}

//! The hub's end of TLS, against an edge or whoever sits between.
//!
//! The first byte says what the hub has seen before; the second how the bytes are cut up; the others
//! are bytes to be taken as they are, or what to do to genuine ones.
#![no_main]

use fuzz::channel::{SAID, Until, Victim, edge, hub, meddle, say, shake_hands};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [mode, piece, rest @ ..] = bytes else {
        return;
    };
    match mode % 6 {
        0 => raw(Until::Nothing, *piece, rest),
        1 => raw(Until::FirstFlight, *piece, rest),
        2 => raw(Until::Established, *piece, rest),
        3 => first_flight(*piece, rest),
        4 => second_flight(*piece, rest),
        _ => traffic(*piece, rest),
    }
});

fn raw(until: Until, piece: u8, bytes: &[u8]) {
    let (mut edge, mut hub) = (edge(), hub());
    if until == Until::Established {
        shake_hands(&mut edge, &mut hub);
    }
    let mut victim = Victim::new(hub);
    if until == Until::FirstFlight {
        victim.take_piece(edge.outgoing());
        assert!(victim.end.is_ok());
    }
    victim.take(bytes, piece);
    victim.check(&[]);
}

fn first_flight(piece: u8, how: &[u8]) {
    let mut flight = std::mem::take(edge().outgoing());
    meddle(&mut flight, how);
    let mut victim = Victim::new(hub());
    victim.take(&flight, piece);
    victim.check(&[]);
}

fn second_flight(piece: u8, how: &[u8]) {
    let mut edge = edge();
    let mut victim = Victim::new(hub());
    victim.take_piece(edge.outgoing());
    edge.outgoing().clear();
    let mut answer = std::mem::take(victim.channel.outgoing());
    let _ = edge.receive(&mut answer, &mut |_| {}).expect("genuine");
    let mut flight = say(&mut edge);
    let meddled = meddle(&mut flight, how);
    victim.take(&flight, piece);
    victim.check(&SAID);
    if !meddled {
        assert_eq!(victim.records, SAID);
        assert!(victim.channel.peer_closed());
    }
}

fn traffic(piece: u8, how: &[u8]) {
    let (mut edge, mut hub) = (edge(), hub());
    shake_hands(&mut edge, &mut hub);
    let mut bytes = say(&mut edge);
    let meddled = meddle(&mut bytes, how);
    let mut victim = Victim::new(hub);
    victim.take(&bytes, piece);
    victim.check(&SAID);
    assert_eq!(victim.channel.peer_closed(), !meddled);
}

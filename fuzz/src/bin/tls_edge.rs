//! The edge's end of TLS, against a hub or whoever sits between; the input is as that of `tls_hub`.
#![no_main]

use fuzz::channel::{SAID, Until, Victim, edge, hub, meddle, say, shake_hands};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [mode, piece, rest @ ..] = bytes else {
        return;
    };
    match mode % 4 {
        0 => raw(Until::Nothing, *piece, rest),
        1 => raw(Until::Established, *piece, rest),
        2 => flight(*piece, rest),
        _ => traffic(*piece, rest),
    }
});

/// The edge has sent its first flight in any case.
fn raw(until: Until, piece: u8, bytes: &[u8]) {
    let (mut edge, mut hub) = (edge(), hub());
    if until == Until::Established {
        shake_hands(&mut edge, &mut hub);
    }
    let mut victim = Victim::new(edge);
    victim.take(bytes, piece);
    victim.check(&[]);
    assert!(until == Until::Established || !victim.channel.is_established());
}

fn flight(piece: u8, how: &[u8]) {
    let (mut edge, mut hub) = (edge(), hub());
    let _ = hub.receive(edge.outgoing(), &mut |_| {}).expect("genuine");
    edge.outgoing().clear();
    let mut flight = std::mem::take(hub.outgoing());
    let meddled = meddle(&mut flight, how);
    let mut victim = Victim::new(edge);
    victim.take(&flight, piece);
    victim.check(&[]);
    assert!(meddled || victim.channel.is_established());
}

fn traffic(piece: u8, how: &[u8]) {
    let (mut edge, mut hub) = (edge(), hub());
    shake_hands(&mut edge, &mut hub);
    let mut bytes = say(&mut hub);
    let meddled = meddle(&mut bytes, how);
    let mut victim = Victim::new(edge);
    victim.take(&bytes, piece);
    victim.check(&SAID);
    assert_eq!(victim.channel.peer_closed(), !meddled);
}

//! What an edge can send that has keys and another TLS than ours.

use std::sync::Arc;

use ring::aead::{AES_128_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use rustls::ConnectionTrafficSecrets;

use super::*;
use crate::{HubKey, generate_secret, sealed_len};

const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// KeyUpdate with `update_requested` (RFC 8446 section 4.6.3).
const KEY_UPDATE: [u8; 5] = [24, 0, 0, 1, 1];

/// The keys of an edge, to make any record with.
struct Forger {
    key: LessSafeKey,
    iv: [u8; 12],
    sequence: u64,
}

impl Forger {
    fn record(&mut self, content: &[u8], content_type: u8) -> Vec<u8> {
        let mut inner = [content, &[content_type]].concat();
        let [high, low] = u16::try_from(inner.len() + 16).unwrap().to_be_bytes();
        let header = [APPLICATION_DATA, 3, 3, high, low];
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *byte ^= number;
        }
        self.sequence += 1;
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key
            .seal_in_place_append_tag(nonce, Aad::from(header), &mut inner)
            .unwrap();
        [&header[..], &inner].concat()
    }
}

/// An established hub, and the keys of the edge at its other end.
fn forger_and_hub() -> (Forger, Channel) {
    let key = HubKey::generate();
    let mut config = EdgeConfig::new(&key.pin(), &generate_secret());
    let tls = Arc::get_mut(&mut config.tls).unwrap();
    tls.enable_secret_extraction = true;
    let mut edge = Channel::edge(&config).unwrap();
    let mut hub = Channel::hub(&HubConfig::new(&key)).unwrap();
    while !hub.is_established() {
        receive(&mut hub, std::mem::take(edge.outgoing())).unwrap();
        receive(&mut edge, std::mem::take(hub.outgoing())).unwrap();
    }
    let Connection::Edge(edge) = edge.connection else {
        unreachable!("it is an edge");
    };
    let (secrets, _) = edge.dangerous_into_kernel_connection().unwrap();
    let (algorithm, key, iv) = match &secrets.tx.1 {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv),
        ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key, iv),
        _ => panic!("another cipher suite"),
    };
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key.as_ref()).unwrap());
    let iv = iv.as_ref().try_into().unwrap();
    let sequence = secrets.tx.0;
    (Forger { key, iv, sequence }, hub)
}

fn receive(channel: &mut Channel, mut bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, TlsError> {
    let mut records = Vec::new();
    let received = channel.receive(&mut bytes, &mut |record| records.push(record.to_vec()))?;
    assert_eq!(received.used, bytes.len());
    Ok(records)
}

#[test]
fn forged_records_are_right_when_they_should_be() {
    let (mut forger, mut hub) = forger_and_hub();
    for text in [&b"one"[..], b"two"] {
        let record = forger.record(text, APPLICATION_DATA);
        assert_eq!(receive(&mut hub, record).unwrap(), [text]);
    }
}

/// rustls panics if it is called again without the first part, as sealing has to.
#[test]
fn a_message_in_two_records_is_refused() {
    for (content, rest) in [(&KEY_UPDATE[..2], 3), (&[4, 0, 0x40, 0], 0x4000)] {
        let (mut forger, mut hub) = forger_and_hub();
        let first = forger.record(content, HANDSHAKE);
        let error = receive(&mut hub, first).unwrap_err();
        assert!(
            matches!(error, TlsError::BadRecord(_)),
            "{error:?} before {rest} more"
        );
        assert!(matches!(
            hub.seal(b"x", &mut Vec::new()),
            Err(TlsError::NotOpen)
        ));
        hub.close();
    }
    let (mut forger, mut hub) = forger_and_hub();
    let both = forger.record(&[&KEY_UPDATE[..], &KEY_UPDATE[..4]].concat(), HANDSHAKE);
    assert!(receive(&mut hub, both).is_err());
    assert!(hub.seal(b"x", &mut Vec::new()).is_err());
}

#[test]
fn a_key_update_is_answered_before_the_next_record() {
    let (mut forger, mut hub) = forger_and_hub();
    let update = forger.record(&KEY_UPDATE, HANDSHAKE);
    assert_eq!(receive(&mut hub, update).unwrap().len(), 0);
    let mut out = Vec::new();
    hub.seal(b"data", &mut out).unwrap();
    assert_eq!(out.len(), sealed_len(KEY_UPDATE.len()) + sealed_len(4));
    out.clear();
    hub.seal(b"data", &mut out).unwrap();
    assert_eq!(out.len(), sealed_len(4));
}

#[test]
fn a_key_update_changes_the_key() {
    let (mut forger, mut hub) = forger_and_hub();
    let update = forger.record(&KEY_UPDATE, HANDSHAKE);
    receive(&mut hub, update).unwrap();
    // The forger does not know the new key, so this is damage to the hub.
    let next = forger.record(b"old key", APPLICATION_DATA);
    assert!(matches!(
        receive(&mut hub, next),
        Err(TlsError::BadRecord(_))
    ));
}

#[test]
fn empty_records_carry_nothing_and_come_to_an_end() {
    let (mut forger, mut hub) = forger_and_hub();
    let empty = |forger: &mut Forger| forger.record(b"", APPLICATION_DATA);
    assert_eq!(receive(&mut hub, empty(&mut forger)).unwrap().len(), 0);
    let mut answers = (0..1000).map(|_| receive(&mut hub, empty(&mut forger)));
    assert!(
        answers.any(|answer| answer.is_err()),
        "a peer may not keep us busy with nothing"
    );
}

#[test]
fn content_that_is_no_traffic_is_refused() {
    for content_type in [0, 20, 24, 99] {
        let (mut forger, mut hub) = forger_and_hub();
        let record = forger.record(b"\x01", content_type);
        assert!(receive(&mut hub, record).is_err(), "type {content_type}");
    }
}

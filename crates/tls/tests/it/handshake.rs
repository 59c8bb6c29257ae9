//! Who gets to talk to whom.

use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::unbuffered::ConnectionState;
use rustls::{ClientConfig, RootCertStore};
use tls::{
    Channel, EdgeConfig, HubConfig, HubKey, MAX_INCOMING, TlsError, generate_secret, user_key,
};

use crate::pair::{Inbox, Pair, WORLD, receive, sealed};

#[test]
fn both_ends_prove_themselves_and_data_goes_both_ways() {
    let Pair { mut edge, mut hub } = Pair::established();
    assert_eq!(hub.peer(), Some(user_key(&WORLD.secret)));
    assert_eq!(edge.peer(), None);
    let mut bytes = sealed(&mut edge, b"up");
    assert_eq!(receive(&mut hub, &mut bytes).unwrap(), [b"up"]);
    let mut bytes = sealed(&mut hub, b"down");
    assert_eq!(receive(&mut edge, &mut bytes).unwrap(), [b"down"]);
}

#[test]
fn the_edge_seals_right_behind_its_second_flight() {
    let Pair { mut edge, mut hub } = Pair::new();
    let mut bytes = std::mem::take(edge.outgoing());
    receive(&mut hub, &mut bytes).unwrap();
    assert!(matches!(
        hub.seal(b"too early", &mut Vec::new()),
        Err(TlsError::NotOpen)
    ));
    let mut bytes = std::mem::take(hub.outgoing());
    receive(&mut edge, &mut bytes).unwrap();
    assert!(edge.is_established() && !hub.is_established());
    assert_eq!(hub.peer(), None, "nothing is proved yet");
    let mut bytes = sealed(&mut edge, b"hello");
    assert!(edge.outgoing().is_empty(), "the flight went along");
    assert_eq!(receive(&mut hub, &mut bytes).unwrap(), [b"hello"]);
    assert_eq!(hub.peer(), Some(user_key(&WORLD.secret)));
}

#[test]
fn a_wrong_pin() {
    let other = HubKey::generate();
    let mut pair = Pair::with(&EdgeConfig::new(&other.pin(), &WORLD.secret), &WORLD.hub);
    let error = pair.shake_hands().unwrap_err();
    let TlsError::WrongPin { found } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*found, WORLD.key.pin());
    assert!(
        error.to_string().contains(&WORLD.key.pin().to_string()),
        "{error}"
    );
    // The hub is told, so that its log can say it.
    let mut alert = std::mem::take(pair.edge.outgoing());
    let error = receive(&mut pair.hub, &mut alert).unwrap_err();
    assert!(matches!(error, TlsError::PinRefused), "{error:?}");
    assert!(!pair.edge.is_established() && !pair.hub.is_established());
}

#[test]
fn a_wrong_secret_is_another_user() {
    let secret = generate_secret();
    let mut pair = Pair::with(&EdgeConfig::new(&WORLD.key.pin(), &secret), &WORLD.hub);
    pair.shake_hands().unwrap();
    assert_eq!(pair.hub.peer(), Some(user_key(&secret)));
    assert_ne!(pair.hub.peer(), Some(user_key(&WORLD.secret)));
}

#[test]
fn an_edge_meets_something_else() {
    let no_tls: [&[u8]; 4] = [
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
        &[5, 0xff],
        &[0; 64],
    ];
    for answer in no_tls {
        let mut edge = Channel::edge(&WORLD.edge).unwrap();
        let error = Inbox::default().take(&mut edge, answer).unwrap_err();
        assert!(matches!(error, TlsError::NotTls(_)), "{error:?}");
    }
    // What TLS servers of other kinds say: fatal alerts (RFC 8446 section 6).
    for (alert, other_protocol) in [(40, false), (70, false), (109, false), (120, true)] {
        let mut edge = Channel::edge(&WORLD.edge).unwrap();
        let error = receive(&mut edge, &mut [0x15, 3, 3, 0, 2, 2, alert]).unwrap_err();
        match error {
            TlsError::NotManypath(_) => assert!(!other_protocol),
            TlsError::OtherProtocol => assert!(other_protocol),
            error => panic!("{alert}: {error:?}"),
        }
    }
}

#[test]
fn a_hub_meets_something_else() {
    for request in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x05\x01\x00\x05\x01\x00"] {
        let mut hub = Channel::hub(&WORLD.hub).unwrap();
        let error = Inbox::default().take(&mut hub, request).unwrap_err();
        assert!(matches!(error, TlsError::NotTls(_)), "{error:?}");
    }
}

/// The hub's answer to a TLS client with certificates, as a browser or a scanner is one.
fn hub_meets_client(alpn: &[&[u8]]) -> TlsError {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS 1.3")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from("hub.example").expect("a name");
    let mut client = UnbufferedClientConnection::new(Arc::new(config), name).expect("a client");
    let mut hello = vec![0; 4096];
    let len = match client.process_tls_records(&mut []).state {
        Ok(ConnectionState::EncodeTlsData(mut data)) => data.encode(&mut hello).expect("room"),
        other => panic!("{other:?}"),
    };
    let mut hub = Channel::hub(&WORLD.hub).expect("a hub");
    let error = receive(&mut hub, &mut hello[..len]).expect_err("no edge");
    assert!(!hub.outgoing().is_empty(), "an alert");
    error
}

#[test]
fn a_hub_meets_other_tls_clients() {
    for alpn in [&[][..], &[&b"h2"[..]], &[b"manypath"]] {
        let error = hub_meets_client(alpn);
        let known = matches!(error, TlsError::NotManypath(_) | TlsError::OtherProtocol);
        assert!(known, "{error:?}");
    }
}

#[test]
fn two_edges_or_two_hubs() {
    let mut edge = Channel::edge(&WORLD.edge).unwrap();
    let mut hello = std::mem::take(Channel::edge(&WORLD.edge).unwrap().outgoing());
    assert!(receive(&mut edge, &mut hello).is_err());
}

#[test]
fn nobody_has_to_buffer_without_end() {
    // A ClientHello that says to have 65535 bytes, in records that never end it.
    let mut incoming = vec![0x16, 3, 3, 0x40, 0, 1, 0, 0xff, 0xff];
    incoming.resize(5 + 0x4000, 0);
    let mut hub = Channel::hub(&WORLD.hub).unwrap();
    assert_eq!(hub.receive(&mut incoming, &mut |_| {}).unwrap().used, 0);
    incoming.extend([0x16, 3, 3, 0x40, 0]);
    incoming.resize(MAX_INCOMING, 0);
    let error = hub.receive(&mut incoming, &mut |_| {}).unwrap_err();
    assert!(matches!(error, TlsError::TooLong), "{error:?}");
}

#[test]
fn keys_from_files() {
    let key = HubKey::generate();
    let pem = key.to_pem();
    assert_eq!(HubKey::from_pem(pem.as_bytes()).unwrap().pin(), key.pin());
    // The seed of RFC 8032 section 7.1, test 1, as openssl writes it. Its pin is what
    // `openssl pkey -pubout -outform DER | openssl dgst -sha256 -binary` gives.
    let openssl = b"-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
        -----END PRIVATE KEY-----\n";
    let key = HubKey::from_pem(openssl).unwrap();
    let pin = "BuP9j9opu2CrWVV95h7bCuzbIxE0vjDnW0Vfjht5L6k";
    assert_eq!(key.pin().to_string(), pin);
    assert_eq!(key.to_pem().as_bytes(), openssl);
    let edge = EdgeConfig::new(&key.pin(), &WORLD.secret);
    let mut pair = Pair::with(&edge, &HubConfig::new(&key));
    pair.shake_hands().unwrap();
    for wrong in [
        &b""[..],
        b"secret",
        b"-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\nMC4CAQAw\n-----END CERTIFICATE-----\n",
    ] {
        let error = HubKey::from_pem(wrong).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("MC4C"));
    }
}

/// RFC 8032 section 7.1, test 1.
#[test]
fn user_keys_are_those_of_the_rfc() {
    let hex = |text: &str| -> [u8; 32] {
        let byte = |i: usize| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap();
        std::array::from_fn(byte)
    };
    let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let secret = wire::hub::UserSecret::from_bytes(seed);
    assert_eq!(user_key(&secret).as_bytes(), &public);
}

#[test]
fn nothing_secret_is_shown() {
    let pem = WORLD.key.to_pem();
    let base64 = pem.lines().nth(1).unwrap();
    let Pair { edge, hub } = Pair::established();
    let shown = format!(
        "{:?} {:?} {:?} {edge:?} {hub:?}",
        WORLD.key, WORLD.edge, WORLD.hub
    );
    assert!(shown.contains(&WORLD.key.pin().to_string()));
    assert!(!shown.contains(&base64[24..]) && !shown.contains(WORLD.secret.text().as_str()));
    assert!(
        !shown.contains(&format!("{:?}", WORLD.secret.expose())),
        "nor as numbers"
    );
}

//! Who gets in by the hub protocol.

use std::io::{Read, Write};

use lab::topology::{Node, addresses};
use mptcp::Transport;
use relay::secure::SecureError;
use tls::HubKey;
use wire::hub::{Frame, Open, Refusal};

use crate::client::dial;
use crate::edge::{self, User, admitted, greet, secure};
use crate::raw::Raw;
use crate::server::{EDGES_PORT, LIMIT, Server, hub_edges};

#[test]
fn a_user_is_served_over_mptcp_and_both_families() {
    let server = Server::start("");
    server.at_guest(async || {
        for hub in addresses::HUB.both() {
            let hub = (hub, EDGES_PORT).into();
            let stream = secure(&server.key, &server.alice, Transport::Mptcp, hub).await;
            let (mut edge, welcome) = greet(stream.expect("TLS"), 1..=1).await.expect("a user");
            assert_eq!(welcome.version, 1);
            assert!(welcome.software.starts_with("manypath"), "{welcome:?}");
            let info = mptcp::connection_info(&**edge.stream.tcp()).expect("a connection");
            assert!(!info.fallback && info.token.is_some(), "{hub}: {info:?}");
            edge.ping().await;
            // One user connection after the other.
            for _ in 0..3 {
                edge.exchange(300_000).await;
                edge.ping().await;
            }
        }
    });
}

#[test]
fn who_is_no_user_is_told_so_and_noted_once() {
    let server = Server::start("");
    let stranger = User::new("mallory");
    server.at_guest(async || {
        for _ in 0..3 {
            let stream = edge::dial(&server.key, &stranger).await;
            let refused = greet(stream, 1..=1).await.err().expect("a refusal");
            assert_eq!(refused.code, Refusal::UnknownUser);
            assert_eq!(refused.versions, 1..=1);
            assert!(
                refused.text.contains("no user with this secret"),
                "{}",
                refused.text
            );
        }
        admitted(&server.key, &server.alice)
            .await
            .exchange(1000)
            .await;
    });
    let log = server.log();
    assert_eq!(log.matches("unknown_user").count(), 1, "{log}");
    assert!(log.contains("test edge/0.1"), "{log}");
}

#[test]
fn versions_that_are_not_spoken_are_refused_with_those_that_are() {
    let server = Server::start("");
    server.at_guest(async || {
        for versions in [2..=2, 9..=255] {
            let stream = edge::dial(&server.key, &server.alice).await;
            let refused = greet(stream, versions.clone())
                .await
                .err()
                .expect("a refusal");
            assert_eq!((refused.code, refused.versions), (Refusal::Version, 1..=1));
            let theirs = format!("{} to {}", versions.start(), versions.end());
            assert!(refused.text.contains(&theirs), "{}", refused.text);
        }
        let stream = edge::dial(&server.key, &server.alice).await;
        let (_, welcome) = greet(stream, 1..=7).await.expect("version 1 is in it");
        assert_eq!(welcome.version, 1);
    });
    let log = server.log();
    assert!(
        log.contains("versions 2 to 2, and this hub 1 to 1"),
        "{log}"
    );
}

#[test]
fn an_edge_notices_another_hub() {
    let server = Server::start("");
    server.at_guest(async || {
        let (other, alice) = (HubKey::generate(), &server.alice);
        let result = secure(&other, alice, Transport::Tcp, hub_edges()).await;
        let error = result.expect_err("the pin is wrong");
        assert!(
            matches!(error, SecureError::Tls(tls::TlsError::WrongPin { .. })),
            "{error:?}"
        );
    });
    server.wait_for_log("an edge was refused");
}

#[test]
fn what_is_no_tls_is_dropped_and_noted_once_for_each_cause() {
    let server = Server::start("");
    let guest = server.lab.namespace(Node::Guest);
    for hello in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\x05\x01\x00",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        &[0x16; 20_000],
    ] {
        let mut stream = guest
            .run(|| dial(Transport::Tcp, hub_edges()))
            .expect("it listens");
        // The hub may have had enough before all of it is sent.
        let _ = stream.write_all(hello);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.len() < 64, "at most an alert: {answer:?}");
    }
    server.at_guest(async || {
        admitted(&server.key, &server.alice)
            .await
            .exchange(1000)
            .await
    });
    let log = server.log();
    assert_eq!(log.matches("cause=\"tls\"").count(), 1, "{log}");
}

#[test]
fn violations_end_the_connection() {
    let server = Server::start("");
    let (guest, alice) = (server.lab.namespace(Node::Guest), &server.alice);
    let before = || Raw::connect(&server.key, alice);
    let after = || Raw::admitted(&server.key, alice);
    let open = Frame::Open(Open {
        destination: "203.0.113.18:80".parse().expect("a destination"),
    });
    let pong = encoded(&Frame::Pong([0; 8]));
    let twice = [encoded(&open), encoded(&open)].concat();
    type Connect<'a> = &'a (dyn Fn() -> Raw + Sync);
    let cases: [(&str, Connect<'_>, &[u8]); 8] = [
        ("FIN before HELLO", &before, &[0x14, 0, 0]),
        ("DATA before HELLO", &before, &[0x13, 0, 1, 7]),
        (
            "a HELLO of another protocol",
            &before,
            b"\x01\x00\x0bmanyroads\x01\x01",
        ),
        ("DATA when nothing is open", &after, &[0x13, 0, 1, 7]),
        ("an unknown type", &after, &[0x7f, 0, 0]),
        ("a frame that is cut", &after, &[0x13, 0, 9, 7]),
        ("what only the hub sends", &after, &pong),
        ("two user connections", &after, &twice),
    ];
    guest.run(|| {
        for (what, connect, record) in &cases {
            let mut raw = connect();
            raw.send(record).expect("it takes a record");
            raw.read_to_end();
            let noted = server.log().matches("violation").count();
            assert!(noted > 0, "{what}: {}", server.log());
        }
        // A record that was changed on its way.
        let mut raw = after();
        raw.send_below(&[0x17, 3, 3, 0, 20])
            .expect("it takes bytes");
        raw.send_below(&[0; 20]).expect("it takes bytes");
        raw.read_to_end();
        // Types that may be skipped are.
        let mut raw = after();
        raw.send(&[0x80, 0, 1, 1, 0x20, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8])
            .expect("a record");
        raw.wait_for(&[0x21, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    });
}

fn encoded(frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    bytes
}

#[test]
fn who_says_nothing_is_dropped_in_time() {
    let server = Server::start("");
    server.lab.namespace(Node::Guest).run(|| {
        let mut silent = dial(Transport::Tcp, hub_edges()).expect("it listens");
        silent.set_read_timeout(Some(LIMIT * 2)).expect("a socket");
        let mut known = Raw::connect(&server.key, &server.alice);
        let _ = silent.read_to_end(&mut Vec::new());
        known.read_to_end();
    });
    server.wait_for_log("did not say in time who it is");
}

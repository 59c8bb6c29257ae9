//! Who is served, and how.

use std::io::Read;

use lab::topology::{Node, addresses};
use mptcp::Transport;

use crate::client::{self, ALICE, authenticate, dial, receive, request, to_origin};
use crate::server::{Server, eventually, hub_v4, hub_v6};

#[test]
fn both_families_speak_mptcp_and_carry_bytes() {
    let server = Server::start("");
    for hub in [hub_v4(), hub_v6()] {
        let mut stream = to_origin(&server, Transport::Mptcp, hub);
        let info = mptcp::connection_info(&stream).expect("a connection");
        assert!(!info.fallback && info.token.is_some(), "{hub}: {info:?}");
        request(&mut stream, "/bytes/1000000");
        receive(&mut stream, 1_000_000).expect("all bytes");
        // A client without MPTCP is served as well.
        let mut stream = to_origin(&server, Transport::Tcp, hub);
        request(&mut stream, "/bytes/1000");
        receive(&mut stream, 1000).expect("all bytes");
    }
}

#[test]
fn clients_open_subflows_to_an_announced_address() {
    let second = addresses::HUB_SECOND.ipv4();
    let mut server = Server::start(&format!("announce = [\"{second}\"]"));
    let announced = server.endpoints();
    assert_eq!(announced.len(), 1, "{announced:?}");
    assert_eq!(announced[0].address, second);
    assert_eq!(announced[0].flags, mptcp::EndpointFlags::SIGNAL);

    server.ask(Node::Guest, async |path_manager| {
        let limits = mptcp::Limits {
            subflows: 8,
            add_addr_accepted: 8,
        };
        path_manager.set_limits(limits).await.expect("limits");
    });
    let mut stream = to_origin(&server, Transport::Mptcp, hub_v4());
    request(&mut stream, "/bytes/1000");
    receive(&mut stream, 1000).expect("all bytes");
    eventually("a subflow to the announced address", || {
        let info = mptcp::connection_info(&stream).expect("a connection");
        let there = |subflow: &mptcp::SubflowInfo| subflow.remote.ip() == second;
        info.subflows.iter().any(there).then_some(())
    });
    drop(stream);
    server.stop().expect("a clean stop");
    assert_eq!(server.endpoints(), []);
}

#[test]
fn users_come_from_the_file() {
    let server = Server::start("");
    let guest = server.lab.namespace(Node::Guest);
    let dial = || {
        guest
            .run(|| dial(Transport::Tcp, hub_v4()))
            .expect("the hub listens")
    };
    let is_accepted = |user| {
        let mut stream = dial();
        let status = authenticate(&mut stream, user).expect("an answer");
        if status != 0 {
            // RFC 1929: the server must close.
            assert_eq!(stream.read(&mut [0]).expect("an end"), 0);
        }
        status == 0
    };
    assert!(is_accepted(ALICE));
    assert!(is_accepted(("bob", "builder")));
    assert!(!is_accepted(("alice", "builder")));
    assert!(!is_accepted(("alice", "wonder")));
    assert!(!is_accepted(("mallory", "builder")));
    assert!(!is_accepted(("alice", "")));

    // Nobody is served without saying who it is, and no other protocol is spoken.
    for (hello, answer) in [
        (&b"\x05\x01\x00"[..], &b"\x05\xff"[..]),
        (b"\x04\x01\x00\x50\xcb\x00\x71\x12\x00", b""),
        (b"GET http://203.0.113.18/ HTTP/1.1\r\n\r\n", b""),
    ] {
        let mut stream = dial();
        std::io::Write::write_all(&mut stream, hello).expect("it takes bytes");
        let mut got = Vec::new();
        // A reset is an end, too.
        let _ = stream.read_to_end(&mut got);
        assert_eq!(got, answer, "{hello:?}");
    }
    assert_eq!(
        client::code_for(&server, "203.0.113.18", 80),
        client::SUCCEEDED
    );
}

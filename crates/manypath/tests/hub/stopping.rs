//! The end of a hub.

use std::io::{ErrorKind, Read};
use std::time::Instant;

use lab::topology::Node;
use mptcp::Transport;

use crate::client::{dial, receive, request, to_origin};
use crate::server::{Server, eventually, hub_v4, hub_v6};

#[test]
fn a_running_transfer_is_finished_and_new_connections_are_refused_at_once() {
    let mut server = Server::start("drain = \"30s\"");
    let mut transfers = [hub_v4(), hub_v6()].map(|hub| {
        let mut stream = to_origin(&server, Transport::Mptcp, hub);
        request(&mut stream, "/messages/10/100");
        receive(&mut stream, 16).expect("the first message");
        stream
    });
    server.ask_to_stop();
    let guest = server.lab.namespace(Node::Guest);
    eventually("new connections are refused", || {
        let refused = |hub| {
            let error = guest.run(|| dial(Transport::Tcp, hub)).err();
            error.is_some_and(|error| error.kind() == ErrorKind::ConnectionRefused)
        };
        (refused(hub_v4()) && refused(hub_v6())).then_some(())
    });
    for transfer in &mut transfers {
        let mut rest = [0; 99 * 16];
        transfer.read_exact(&mut rest).expect("all messages");
        // The client ends it, and so the drain.
        transfer.shutdown(std::net::Shutdown::Both).expect("an end");
    }
    let ends = Instant::now();
    server.stop().expect("a clean stop");
    assert!(ends.elapsed().as_secs() < 10, "it waits for nobody");
    let log = server.log();
    assert!(log.contains("2 connections ended, 0 were reset"), "{log}");
}

#[test]
fn a_longer_transfer_is_reset_when_the_drain_is_over() {
    for transport in [Transport::Tcp, Transport::Mptcp] {
        let mut server = Server::start("drain = \"300ms\"");
        let mut stream = to_origin(&server, transport, hub_v4());
        request(&mut stream, "/messages/10/6000");
        receive(&mut stream, 16).expect("the first message");
        server.stop().expect("a clean stop");
        let mut rest = Vec::new();
        let error = stream.read_to_end(&mut rest).expect_err("no end of file");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{transport:?}");
        assert!(
            rest.len() >= 16 * 5,
            "it went on for a while: {}",
            rest.len()
        );
        let log = server.log();
        assert!(log.contains("0 connections ended, 1 were reset"), "{log}");
    }
}

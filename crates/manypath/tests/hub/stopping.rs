//! The end of a hub.

use std::io::{ErrorKind, Read};
use std::time::Instant;

use lab::topology::Node;
use mptcp::Transport;
use relay::secure::Message;
use wire::hub::{Frame, Refusal};

use crate::client::{dial, receive, request, to_origin};
use crate::edge::{self, admitted, greet};
use crate::server::{Server, eventually, hub_edges, hub_v4, hub_v6};

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

#[test]
fn edges_are_told_to_go_and_running_connections_end_in_peace() {
    let mut server = Server::start("drain = \"30s\"");
    server.at_guest(async || {
        let mut idle = admitted(&server.key, &server.alice).await;
        let mut busy = admitted(&server.key, &server.alice).await;
        busy.open_origin().await;
        busy.request("/messages/10/100").await;
        busy.read(16).await.expect("the first message");
        server.ask_to_stop();
        let (words, end) = idle.last_words().await;
        assert!(matches!(words[..], [Message::GoAway]), "{words:?}");
        assert!(end.is_closed(), "an orderly end: {end:?}");
        busy.read(99 * 16).await.expect("all messages");
        busy.send(&[Frame::Fin]).await;
        let (words, end) = busy.last_words().await;
        assert!(
            words.iter().any(|word| matches!(word, Message::Fin)),
            "{words:?}"
        );
        assert!(matches!(words.last(), Some(Message::GoAway)), "{words:?}");
        assert!(end.is_closed(), "an orderly end: {end:?}");
    });
    server.stop().expect("a clean stop");
    let log = server.log();
    assert!(log.contains("2 connections ended, 0 were reset"), "{log}");
}

#[test]
fn an_edge_that_is_about_to_come_in_is_told_that_the_hub_stops() {
    let mut server = Server::start("drain = \"30s\"");
    let guest = server.lab.namespace(Node::Guest);
    // It keeps nobody waiting.
    let _silent = guest.run(|| dial(Transport::Tcp, hub_edges()));
    server.at_guest(async || {
        let mut idle = admitted(&server.key, &server.alice).await;
        let late = edge::dial(&server.key, &server.alice).await;
        server.ask_to_stop();
        let (words, _) = idle.last_words().await;
        assert!(matches!(words[..], [Message::GoAway]), "{words:?}");
        let refused = greet(late, 1..=1).await.err().expect("a refusal");
        assert_eq!((refused.code, refused.versions), (Refusal::Stopping, 1..=1));
        assert!(refused.text.contains("about to stop"), "{}", refused.text);
    });
    server.stop().expect("a clean stop");
    let log = server.log();
    assert!(log.contains("3 connections ended, 0 were reset"), "{log}");
}

#[test]
fn an_edge_s_transfer_is_aborted_when_the_drain_is_over() {
    let mut server = Server::start("drain = \"300ms\"");
    server.at_guest(async || {
        let mut busy = admitted(&server.key, &server.alice).await;
        busy.open_origin().await;
        busy.request("/messages/10/6000").await;
        busy.read(16).await.expect("the first message");
        server.ask_to_stop();
        let (words, end) = busy.last_words().await;
        assert!(
            !words.iter().any(|word| matches!(word, Message::Fin)),
            "no end of file"
        );
        assert!(words.len() > 5, "it went on for a while: {words:?}");
        assert!(
            !end.is_closed() || matches!(words.last(), Some(Message::Abort)),
            "{end:?}"
        );
    });
    server.stop().expect("a clean stop");
    let log = server.log();
    assert!(log.contains("0 connections ended, 1 were reset"), "{log}");
}

//! What becomes of a user connection on its way through the hub.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use lab::topology::{Node, addresses};
use relay::secure::Message;
use socket2::{Domain, Socket, Type};
use wire::hub::{Frame, Open, OpenRefusal};

use crate::edge::{Edge, admitted};
use crate::server::{LIMIT, Server, eventually};

const PORT: u16 = 4000;

fn destination() -> String {
    SocketAddr::from((addresses::ORIGIN.ipv4(), PORT)).to_string()
}

fn open_frame(destination: &str) -> Frame<'static> {
    let destination = destination.parse().expect("host:port");
    Frame::Open(Open { destination })
}

/// An origin of the test's own.
fn listen(server: &Server) -> TcpListener {
    let origin = server.lab.namespace(Node::Origin);
    origin
        .run(|| TcpListener::bind(("0.0.0.0", PORT)))
        .expect("a free port")
}

/// An edge and the origin, joined by the hub.
async fn joined(server: &Server, listener: &TcpListener) -> (Edge, TcpStream) {
    let mut edge = admitted(&server.key, &server.alice).await;
    let bound = edge
        .open(&destination())
        .await
        .expect("a way to the origin");
    let (stream, peer) = listener.accept().expect("the hub's connection");
    assert_eq!(bound, peer, "OPENED tells what the origin sees");
    stream.set_read_timeout(Some(LIMIT)).expect("a socket");
    (edge, stream)
}

#[test]
fn first_bytes_come_with_open_and_are_dropped_after_a_refusal() {
    let server = Server::start("");
    let listener = listen(&server);
    server.at_guest(async || {
        let mut edge = admitted(&server.key, &server.alice).await;
        let one_flight = [open_frame("10.9.9.9:80"), Frame::Data(b"lost"), Frame::Fin];
        edge.send(&one_flight).await;
        let refused = edge.receive().await.expect("an answer");
        assert!(
            matches!(&refused, Message::OpenRefused(it) if it.code == OpenRefusal::NotAllowed),
            "{refused:?}"
        );
        let one_flight = [open_frame(&destination()), Frame::Data(b"kept"), Frame::Fin];
        edge.send(&one_flight).await;
        let opened = edge.receive().await.expect("an answer");
        assert!(matches!(opened, Message::Opened(_)), "{opened:?}");
        let (mut origin, _) = listener.accept().expect("the hub's connection");
        let mut got = String::new();
        origin.read_to_string(&mut got).expect("an orderly end");
        assert_eq!(got, "kept");
        // Half-closed: the answer still comes.
        origin.write_all(b"answer").expect("it takes bytes");
        drop(origin);
        assert_eq!(
            edge.receive().await.expect("data"),
            Message::Data("answer".into())
        );
        assert_eq!(edge.receive().await.expect("an end"), Message::Fin);
        edge.ping().await;
    });
}

#[test]
fn resets_go_through_both_ways() {
    let server = Server::start("");
    let listener = listen(&server);
    server.at_guest(async || {
        let (edge, mut origin) = joined(&server, &listener).await;
        edge.stream.abort();
        let error = origin.read(&mut [0]).expect_err("no end of file");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);

        // A connection that is dropped without a word is no orderly end either.
        let (edge, mut origin) = joined(&server, &listener).await;
        drop(edge);
        let error = origin.read(&mut [0]).expect_err("no end of file");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);

        let (mut edge, origin) = joined(&server, &listener).await;
        socket2::SockRef::from(&origin)
            .set_linger(Some(std::time::Duration::ZERO))
            .expect("a socket");
        drop(origin);
        let (words, _) = edge.last_words().await;
        assert!(!words.contains(&Message::Fin), "{words:?}");

        let (mut edge, mut origin) = joined(&server, &listener).await;
        origin.shutdown(Shutdown::Write).expect("a socket");
        assert_eq!(edge.receive().await.expect("an end"), Message::Fin);
        edge.send(&[Frame::Data(b"late"), Frame::Fin]).await;
        let mut got = String::new();
        origin.read_to_string(&mut got).expect("an orderly end");
        assert_eq!(got, "late");
    });
}

#[test]
fn an_edge_that_leaves_while_the_hub_connects_frees_its_place() {
    let mut server = Server::prepare("connect_timeout = \"60s\"");
    server.write("users.toml", &server.alice.entry("max_connections = 1"));
    server.run();
    let _full = full_listener(&server);
    server.at_guest(async || {
        let mut waiting = admitted(&server.key, &server.alice).await;
        waiting
            .send(&[open_frame(&destination()), Frame::Data(b"early")])
            .await;
        let mut other = admitted(&server.key, &server.alice).await;
        let origin = "203.0.113.18:80";
        while other.tries(origin).await.is_none() {
            // The hub has not seen the first one's OPEN yet.
            tokio::task::yield_now().await;
        }
        waiting.stream.close().await;
        let mut tries = 0;
        while let Some(refusal) = other.tries(origin).await {
            assert_eq!(refusal, OpenRefusal::UserLimit);
            tries += 1;
            assert!(tries < 1000, "the place is never free again");
            tokio::time::sleep(LIMIT / 1000).await;
        }
    });
}

/// Takes no connection: its queue is full, and the kernel drops what comes.
fn full_listener(server: &Server) -> (Socket, Vec<TcpStream>) {
    server.lab.namespace(Node::Origin).run(|| {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let address = SocketAddr::from((addresses::ORIGIN.ipv4(), PORT));
        listener.bind(&address.into()).expect("a free port");
        listener.listen(0).expect("a socket");
        let patience = std::time::Duration::from_millis(300);
        let connect = || TcpStream::connect_timeout(&address, patience).ok();
        let filled: Vec<_> = std::iter::from_fn(connect).take(100).collect();
        assert!(filled.len() < 100, "the queue has an end");
        (listener, filled)
    })
}

#[test]
fn data_without_end_for_a_refused_connection_is_not_borne() {
    let server = Server::start("");
    server.at_guest(async || {
        let mut edge = admitted(&server.key, &server.alice).await;
        edge.open("10.9.9.9:80").await.expect_err("a refusal");
        let data = [7; 16_000];
        let mut sent = 0;
        while edge.stream.send(&[Frame::Data(&data)]).await.is_ok() {
            sent += data.len();
            assert!(sent < 100 << 20, "the hub takes all of it");
        }
        let mut other = admitted(&server.key, &server.alice).await;
        other.exchange(1000).await;
    });
    eventually("it is noted", || {
        server.log().contains("data without end").then_some(())
    });
}

//! Many that do not say who they are.

use std::io::Write;
use std::net::TcpStream;

use lab::topology::Node;
use mptcp::Transport;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tls::{Channel, EdgeConfig};

use crate::client::dial;
use crate::edge::{User, admitted};
use crate::server::{Server, eventually, hub_edges};

const FLOOD: usize = 10_000;

/// What one network may have waiting: an eighth of 4096.
const SHARE: usize = 512;

#[test]
fn ten_thousand_half_open_handshakes_keep_nobody_out() {
    raise_open_files();
    let server = Server::start("");
    let files_before = files(&server);
    let memory_before = memory(&server);
    server.at_guest(async || {
        let mut warm = admitted(&server.key, &server.alice).await;
        let flood = flood(&server);
        eventually("only the share is left", || {
            (files(&server) <= files_before + SHARE + 8).then_some(())
        });
        assert!(
            files(&server) >= files_before + SHARE / 2,
            "the flood is there"
        );
        // Who was there before is served, who comes now too.
        warm.exchange(100_000).await;
        for _ in 0..20 {
            admitted(&server.key, &server.alice)
                .await
                .exchange(1000)
                .await;
        }
        drop(flood);
    });
    let grown = memory(&server).saturating_sub(memory_before);
    assert!(grown < 64 << 20, "{} MiB more", grown >> 20);
    let log = server.log();
    assert!(
        log.lines().count() < 100,
        "the log grows with the flood: {log}"
    );
    assert!(log.contains("handshake_crowd"), "{log}");
}

/// From the origin, which is one network: some say nothing, some begin a handshake.
fn flood(server: &Server) -> Vec<TcpStream> {
    let config = EdgeConfig::new(&server.key.pin(), &User::new("nobody").secret);
    let hello = Channel::edge(&config)
        .expect("random numbers")
        .outgoing()
        .clone();
    let beginnings = [&b""[..], &hello[..1], &hello[..hello.len() / 2], &hello];
    let origin = server.lab.namespace(Node::Origin);
    origin.run(|| {
        let one = |number: usize| {
            let mut stream = dial(Transport::Tcp, hub_edges()).expect("a place in the queue");
            // The hub may have turned it out before.
            let _ = stream.write_all(beginnings[number % beginnings.len()]);
            stream
        };
        (0..FLOOD).map(one).collect()
    })
}

/// How many files the hub has open.
fn files(server: &Server) -> usize {
    let folder = format!("/proc/{}/fd", server.process().id());
    std::fs::read_dir(folder).expect("it runs").count()
}

/// Bytes of memory that the hub has.
fn memory(server: &Server) -> u64 {
    let statm = format!("/proc/{}/statm", server.process().id());
    let statm = std::fs::read_to_string(statm).expect("it runs");
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("a number of pages") * 4096
}

fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let enough = limit.maximum.is_none_or(|most| most > FLOOD as u64 + 1000);
    assert!(enough, "this test needs {FLOOD} files: {limit:?}");
    let current = limit.maximum;
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).expect("a limit of our own");
}

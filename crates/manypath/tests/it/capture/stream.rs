//! A captured connection is as good as a straight one: its ends, and how it breaks.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::mpsc;
use std::time::Duration;

use lab::rig::Rig;
use lab::topology::{Node, addresses};
use socket2::SockRef;

use super::rig;
use crate::support::{LIMIT, Server, connect};

const PORT: u16 = 7000;

fn origin(port: u16) -> SocketAddr {
    SocketAddr::new(addresses::ORIGIN.ipv4().into(), port)
}

fn half_close(rig: &Rig) {
    // Counts what it gets, and answers only when it has all.
    let _server = Server::start(rig.lab(), Node::Origin, PORT, |mut stream| {
        let mut request = Vec::new();
        stream.read_to_end(&mut request).unwrap();
        let answer = vec![b'a'; 300_000];
        stream
            .write_all(format!("{}\n", request.len()).as_bytes())
            .unwrap();
        stream.write_all(&answer).unwrap();
    });
    let mut stream = connect(rig, Node::Windows, origin(PORT)).unwrap();
    stream.write_all(&vec![b'q'; 300_000]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("300000\n"), "{}", answer.len());
    assert_eq!(answer.len(), 300_007);
}

/// The origin ends its half first, and still gets what the program sends.
fn half_close_of_the_origin(rig: &Rig) {
    let (sender, received) = mpsc::channel();
    let _server = Server::start(rig.lab(), Node::Origin, PORT + 1, move |mut stream| {
        stream.write_all(b"all I have").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut request = Vec::new();
        stream.read_to_end(&mut request).unwrap();
        sender.send(request.len()).unwrap();
    });
    let mut stream = connect(rig, Node::Windows, origin(PORT + 1)).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "all I have");
    stream.write_all(&vec![b'q'; 300_000]).unwrap();
    drop(stream);
    assert_eq!(received.recv_timeout(LIMIT), Ok(300_000));
}

#[test]
fn half_closed_with_redirect() {
    let rig = rig("redirect");
    half_close(&rig);
    half_close_of_the_origin(&rig);
}

#[test]
fn half_closed_with_tproxy() {
    let rig = rig("tproxy");
    half_close(&rig);
    half_close_of_the_origin(&rig);
}

#[test]
fn a_reset_passes_both_ways() {
    let rig = rig("redirect");
    let (sender, received) = mpsc::channel();
    let _server = Server::start(rig.lab(), Node::Origin, PORT, move |mut stream| {
        let mut command = [0; 1];
        stream.read_exact(&mut command).unwrap();
        if command == [b'r'] {
            SockRef::from(&stream)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
            return;
        }
        stream.write_all(b"k").unwrap();
        let end = stream.read(&mut command);
        sender.send(end.map_err(|error| error.kind())).unwrap();
    });

    let mut stream = connect(&rig, Node::Windows, origin(PORT)).unwrap();
    stream.write_all(b"r").unwrap();
    let end = stream.read(&mut [0; 1]).map_err(|error| error.kind());
    assert_eq!(end, Err(ErrorKind::ConnectionReset));

    let mut stream = connect(&rig, Node::Windows, origin(PORT)).unwrap();
    stream.write_all(b"k").unwrap();
    stream.read_exact(&mut [0; 1]).unwrap();
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(stream);
    assert_eq!(
        received.recv_timeout(LIMIT).unwrap(),
        Err(ErrorKind::ConnectionReset)
    );
}

/// The kernel has accepted for us before anyone knows whether the origin would: a reset is the
/// nearest to a refusal that is left.
#[test]
fn a_refused_port_is_a_broken_connection() {
    for intercept in ["redirect", "tproxy"] {
        let rig = rig(intercept);
        for host in addresses::ORIGIN.both() {
            let opened = connect(&rig, Node::Windows, SocketAddr::new(host, 9));
            let end = opened.and_then(|mut stream| stream.read(&mut [0; 1]));
            let kind = end.map_err(|error| error.kind());
            let refused = [ErrorKind::ConnectionReset, ErrorKind::ConnectionRefused];
            assert!(
                refused.map(Err).contains(&kind),
                "{intercept} {host}: {kind:?}"
            );
        }
    }
}

#[test]
fn a_slow_reader_stops_the_sender() {
    let rig = rig("redirect");
    let (sender, received) = mpsc::channel();
    let _server = Server::start(rig.lab(), Node::Origin, PORT, move |mut stream| {
        stream
            .set_write_timeout(Some(Duration::from_millis(700)))
            .unwrap();
        let piece = [0; 64 * 1024];
        let mut sent = 0;
        while sent < 400_000_000 {
            match stream.write(&piece) {
                Ok(size) => sent += size,
                Err(_) => break,
            }
        }
        sender.send(sent).unwrap();
    });
    let stream = connect(&rig, Node::Windows, origin(PORT)).unwrap();
    // Buffers of the kernel along the way, no more: nothing may pile up in edge or hub.
    let sent = received.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(sent < 100_000_000, "{sent} bytes");
    for process in [rig.edge(), rig.hub()] {
        let id = process.unwrap().id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        let kib: u64 = line
            .split_ascii_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        assert!(kib < 64 * 1024, "{line}");
    }
    drop(stream);
}

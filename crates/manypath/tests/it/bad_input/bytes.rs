//! Hostile clients of the proxy: each ends within the limit, and nobody else notices.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use lab::rig::Rig;
use lab::topology::Node;

use crate::support::{connect, eventually, proxy_spec, socks5};

/// The handshake's limit is ten seconds.
const LIMIT: Duration = Duration::from_secs(12);

fn open(rig: &Rig) -> TcpStream {
    let stream = connect(rig, Node::Windows, rig.proxy()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

/// Reads until the proxy ends the connection. Returns what it said before.
fn end_of(mut stream: TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return said,
            Ok(size) => said.extend(&buffer[..size]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return said,
            Err(error) => panic!("the connection was not ended: {error}"),
        }
    }
}

fn works(rig: &Rig) {
    let began = Instant::now();
    assert_eq!(socks5(rig, "203.0.113.18", 80).unwrap(), 0);
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
}

fn edge_memory(rig: &Rig) -> u64 {
    let id = rig.edge().unwrap().id();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_ascii_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn slow_clients_end_in_time_and_others_work() {
    let rig = Rig::up(proxy_spec()).unwrap();
    let starts: [&[u8]; 8] = [
        b"",
        &[4],
        &[4, 1, 0, 80],
        &[5],
        &[5, 1, 0],
        &[5, 1, 0, 5, 1],
        b"GET",
        b"CONNECT x:1 HTTP/1.1\r\nHost:",
    ];
    let mut slow: Vec<TcpStream> = Vec::new();
    for start in starts {
        for _ in 0..25 {
            let mut stream = open(&rig);
            stream.write_all(start).unwrap();
            slow.push(stream);
        }
    }
    // One that goes on, byte by byte: that buys no time.
    let mut dripping = open(&rig);
    dripping
        .write_all(b"GET http://x/ HTTP/1.1\r\nX: ")
        .unwrap();
    let drip = dripping.try_clone().unwrap();
    let dripper = std::thread::spawn(move || {
        let mut drip = drip;
        while drip.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    works(&rig);
    let began = Instant::now();
    for stream in slow {
        let left = LIMIT
            .saturating_sub(began.elapsed())
            .max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left)).unwrap();
        end_of(stream);
    }
    let left = LIMIT
        .saturating_sub(began.elapsed())
        .max(Duration::from_millis(1));
    dripping.set_read_timeout(Some(left)).unwrap();
    end_of(dripping);
    dripper.join().unwrap();
    works(&rig);
}

#[test]
fn garbage_ends_at_once() {
    let rig = Rig::up(proxy_spec()).unwrap();
    let long_name = [&[5, 1, 0, 5, 1, 0, 3, 255][..], &[b'a'; 255], &[0, 80]].concat();
    let long_user = [&[4, 1, 0, 80, 203, 0, 113, 18][..], &[b'u'; 70_000]].concat();
    let many_headers = b"GET http://x/ HTTP/1.1\r\n"
        .iter()
        .chain(b"X: y\r\n".repeat(20_000).iter())
        .copied()
        .collect();
    let long_uri = [
        &b"GET http://x/"[..],
        &[b'a'; 100_000],
        b" HTTP/1.1\r\n\r\n",
    ]
    .concat();
    let garbage: Vec<Vec<u8>> = vec![
        b"\0\0\0\0\0\0\0\0".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        b"\xff\xfe\xfd".repeat(100),
        vec![5, 0],
        vec![5, 1, 0, 4, 1, 0, 1, 1, 1, 1, 1, 0, 80],
        vec![5, 1, 0, 5, 9, 0, 1, 1, 1, 1, 1, 0, 80],
        vec![5, 1, 0, 5, 1, 0, 9, 1, 1, 1, 1, 0, 80],
        vec![5, 1, 0, 5, 1, 0, 3, 0, 0, 80],
        vec![5, 1, 0, 5, 1, 0, 3, 3, 0, 10, 32, 0, 80],
        long_name,
        long_user,
        vec![4, 1, 0, 80, 0, 0, 0, 1, 0, b'a', b'\n', 0],
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"GET http://x:99999/ HTTP/1.1\r\n\r\n".to_vec(),
        b"CONNECT x HTTP/1.1\r\n\r\n".to_vec(),
        b"CONNECT [::1]:x HTTP/1.1\r\n\r\n".to_vec(),
        b"POST http://203.0.113.18/ HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_vec(),
        b"GET http://203.0.113.18/ HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"GARBAGE\r\n\r\n".to_vec(),
        many_headers,
        long_uri,
    ];
    let before = edge_memory(&rig);
    for bytes in garbage {
        let mut stream = open(&rig);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
        let began = Instant::now();
        // The proxy may end it before all is written.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let said = end_of(stream);
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{shown:?}: {:?}",
            began.elapsed()
        );
        let accepted = said.starts_with(b"HTTP/1.1 2")
            || said.starts_with(&[5, 0, 5, 0])
            || said.starts_with(&[0, 90]);
        assert!(!accepted, "{shown:?} was accepted: {said:?}");
    }
    works(&rig);
    assert!(
        edge_memory(&rig) < before + 32 * 1024,
        "{before} KiB before"
    );
    eventually("the status forgets them", || {
        let status = rig.edge_status().unwrap();
        status["connections"]
            .as_array()
            .unwrap()
            .is_empty()
            .then_some(())
    });
}

#[test]
fn clients_that_leave_at_any_moment_leave_nothing() {
    let rig = Rig::up(proxy_spec()).unwrap();
    let files = || {
        let id = rig.edge().unwrap().id();
        std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count()
    };
    works(&rig);
    let before = files();
    let whole = [
        5, 1, 0, 5, 1, 0, 1, 203, 0, 113, 18, 0, 80, b'G', b'E', b'T',
    ];
    for round in 0..60 {
        let mut stream = open(&rig);
        stream.write_all(&whole[..round % whole.len()]).unwrap();
        if round % 2 == 0 {
            let linger = Some(Duration::ZERO);
            socket2::SockRef::from(&stream).set_linger(linger).unwrap();
        }
    }
    eventually("all their files are closed", || {
        (files() <= before).then_some(())
    });
    works(&rig);
}

//! Over real sockets on loopback.

use std::time::Instant;

use relay::pool::PoolUse;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::snapshot::{AccountKind, AccountSnapshot, Connections, Refusals};

fn snapshot() -> Snapshot {
    let user = |name: &str, kind, max_connections, bytes_up| AccountSnapshot {
        name: name.to_owned(),
        kind,
        hub_connections: 5,
        open: 2,
        max_connections,
        bytes_up,
        bytes_down: u64::MAX,
        connections: 40,
        refused: 3,
    };
    Snapshot {
        version: "1.2.3",
        started_unix_seconds: 1_800_000_000,
        accounts: vec![
            user("alice", AccountKind::Hub, Some(4096), 7),
            // A name in a file may hold anything.
            user("b\"o\\b\n", AccountKind::Socks5, None, 0),
        ],
        connections: Connections {
            handshaking: 1,
            idle: 20,
            open: 300,
        },
        refusals: vec![Refusals {
            cause: "unknown_user",
            count: 9,
        }],
        pool: PoolUse {
            small_out: 1,
            large_out: 2,
            pipes_out: 5,
            small_kept: 3,
            large_kept: 4,
            pipes_kept: 6,
        },
    }
}

#[test]
fn a_snapshot_is_told_in_openmetrics() {
    insta::assert_snapshot!(text::of(snapshot()), @r##"
    # HELP manypath_build The program's version, as a label
    # TYPE manypath_build info
    manypath_build_info{version="1.2.3"} 1
    # HELP process_start_time_seconds When the hub began to serve, in seconds since 1970
    # TYPE process_start_time_seconds gauge
    process_start_time_seconds 1800000000
    # HELP manypath_hub_connections Connections of edges now, by state: not known whose yet, ready, carrying a user connection
    # TYPE manypath_hub_connections gauge
    manypath_hub_connections{state="handshaking"} 1
    manypath_hub_connections{state="idle"} 20
    manypath_hub_connections{state="open"} 300
    # HELP manypath_hub_refusals What was refused since the start, by cause
    # TYPE manypath_hub_refusals counter
    manypath_hub_refusals_total{cause="unknown_user"} 9
    # HELP manypath_hub_buffers Buffers and pipes of the relay now: holding data, or kept for the next data
    # TYPE manypath_hub_buffers gauge
    manypath_hub_buffers{size="small",state="in_use"} 1
    manypath_hub_buffers{size="small",state="kept"} 3
    manypath_hub_buffers{size="large",state="in_use"} 2
    manypath_hub_buffers{size="large",state="kept"} 4
    manypath_hub_buffers{size="pipe",state="in_use"} 5
    manypath_hub_buffers{size="pipe",state="kept"} 6
    # HELP manypath_hub_user_bytes Payload of user connections, up (to origins) and down; goes on over restarts
    # TYPE manypath_hub_user_bytes counter
    manypath_hub_user_bytes_total{user="alice",kind="hub",direction="up"} 7
    manypath_hub_user_bytes_total{user="alice",kind="hub",direction="down"} 18446744073709551615
    manypath_hub_user_bytes_total{user="b\"o\\b\n",kind="socks5",direction="up"} 0
    manypath_hub_user_bytes_total{user="b\"o\\b\n",kind="socks5",direction="down"} 18446744073709551615
    # HELP manypath_hub_user_connections User connections that live now
    # TYPE manypath_hub_user_connections gauge
    manypath_hub_user_connections{user="alice",kind="hub"} 2
    manypath_hub_user_connections{user="b\"o\\b\n",kind="socks5"} 2
    # HELP manypath_hub_user_connections_max How many user connections may live at once, for users with a limit
    # TYPE manypath_hub_user_connections_max gauge
    manypath_hub_user_connections_max{user="alice",kind="hub"} 4096
    # HELP manypath_hub_user_edge_connections Connections of the user's edges that live now, ready ones included
    # TYPE manypath_hub_user_edge_connections gauge
    manypath_hub_user_edge_connections{user="alice",kind="hub"} 5
    manypath_hub_user_edge_connections{user="b\"o\\b\n",kind="socks5"} 5
    # HELP manypath_hub_user_connections_opened User connections that were opened; goes on over restarts
    # TYPE manypath_hub_user_connections_opened counter
    manypath_hub_user_connections_opened_total{user="alice",kind="hub"} 40
    manypath_hub_user_connections_opened_total{user="b\"o\\b\n",kind="socks5"} 40
    # HELP manypath_hub_user_connections_refused User connections that were refused, for whatever cause; goes on over restarts
    # TYPE manypath_hub_user_connections_refused counter
    manypath_hub_user_connections_refused_total{user="alice",kind="hub"} 3
    manypath_hub_user_connections_refused_total{user="b\"o\\b\n",kind="socks5"} 3
    # EOF
    "##);
}

/// A server on loopback, which ends with the test's runtime.
fn server() -> SocketAddr {
    server_with(LIMITS)
}

fn server_with(limits: Limits) -> SocketAddr {
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(serve_within(limits, listener, snapshot));
    address
}

/// Sends bytes and reads until the server ends the connection.
async fn exchange(server: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server).await.expect("it listens");
    stream.write_all(request).await.expect("it takes bytes");
    let mut answer = Vec::new();
    // A reset counts as an end: that is how bytes are answered that nobody has read.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(server: SocketAddr) -> String {
    exchange(server, b"GET /metrics HTTP/1.1\r\nHost: hub\r\n\r\n").await
}

#[tokio::test]
async fn prometheus_gets_what_there_is_now() {
    let server = server();
    let answer = get(server).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(answer.contains(kind), "{answer}");
    assert!(answer.ends_with("\n# EOF\n"), "{answer}");
    assert!(answer.contains("manypath_hub_connections{state=\"idle\"} 20\n"));
}

#[tokio::test]
async fn anything_else_is_refused_by_its_own_status() {
    let server = server();
    for (request, status) in [
        ("GET / HTTP/1.1", "404 Not Found"),
        ("GET /metrics/ HTTP/1.1", "404 Not Found"),
        ("GET /../etc/passwd HTTP/1.1", "404 Not Found"),
        ("POST /metrics HTTP/1.1", "405 Method Not Allowed"),
        ("HEAD /metrics HTTP/1.1", "405 Method Not Allowed"),
    ] {
        let answer = exchange(server, format!("{request}\r\nHost: hub\r\n\r\n").as_bytes()).await;
        let expected = format!("HTTP/1.1 {status}\r\n");
        assert!(answer.starts_with(&expected), "{request}: {answer}");
        assert!(!answer.contains("alice"), "{request}: {answer}");
    }
}

#[tokio::test]
async fn hostile_bytes_end_their_own_connection_only() {
    let server = server();
    let long = format!(
        "GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n",
        "a".repeat(100_000)
    );
    let fields = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(100));
    for request in [
        &[0x16, 3, 1, 0, 200][..],
        &[0; 9000],
        &[0xff; 9000],
        b"GET /metrics HTTP/9.9\r\n\r\n",
        long.as_bytes(),
        fields.as_bytes(),
    ] {
        let answer = exchange(server, request).await;
        assert!(!answer.contains("alice"), "{answer}");
        assert!(get(server).await.contains("alice"));
    }
}

#[tokio::test]
async fn slow_clients_lose_their_places_again() {
    let limits = Limits {
        connections: 3,
        life: Duration::from_millis(300),
    };
    let server = server_with(limits);
    let began = Instant::now();
    let mut slow = Vec::new();
    for _ in 0..limits.connections {
        let stream = TcpStream::connect(server).await;
        let mut stream = stream.expect("a place in the queue");
        stream.write_all(b"GET /met").await.expect("it takes bytes");
        slow.push(stream);
    }
    assert!(get(server).await.contains("alice"));
    assert!(began.elapsed() >= limits.life, "somebody had to go first");
}

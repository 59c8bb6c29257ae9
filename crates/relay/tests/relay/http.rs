//! The HTTP proxy beyond what curl's options show.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mptcp::Transport;
use relay::{Connector, ConnectorOptions, Route, ServerOptions, UplinkGate, Users};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::support::{
    Origin, Served, direct, in_netns, listen, nft, pattern, read_all, read_to_reset, until,
};

/// Sends a request and reads the answer's head.
async fn head(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    read_head(stream).await
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(
            stream.read_u8().await.unwrap_or_else(|error| {
                panic!("{error} after {:?}", String::from_utf8_lossy(&head))
            }),
        );
    }
    String::from_utf8(head).unwrap()
}

/// A whole answer with Content-Length: its status line and its body.
async fn exchange(stream: &mut TcpStream, request: &str) -> (String, String) {
    let head = head(stream, request).await;
    let lower = head.to_ascii_lowercase();
    let (_, len) = lower
        .split_once("content-length: ")
        .unwrap_or_else(|| panic!("{head}"));
    let mut body = vec![0; len.split("\r\n").next().unwrap().parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    (
        head.lines().next().unwrap().to_owned(),
        String::from_utf8_lossy(&body).into_owned(),
    )
}

#[test]
fn both_connections_are_used_again() {
    in_netns(async || {
        let (one, other) = (Origin::start().await, Origin::start().await);
        let proxy = Served::plain().await;
        let mut client = proxy.connect().await;
        for _ in 0..3 {
            for origin in [&one, &other] {
                let url = origin.url("127.0.0.1", "/bytes/7");
                let request = format!("GET {url} HTTP/1.1\r\nHost: x\r\n\r\n");
                let (status, body) = exchange(&mut client, &request).await;
                assert_eq!((status.as_str(), body.len()), ("HTTP/1.1 200 OK", 7));
            }
        }
        for origin in [&one, &other] {
            assert_eq!(origin.connections.load(Ordering::Relaxed), 1);
        }
        assert_eq!(proxy.server.registry().len(), 2);
        drop(client);
        proxy.idle().await;
    });
}

#[test]
fn what_is_between_client_and_proxy_stays_there() {
    in_netns(async || {
        let (origin, proxy) = (Origin::start().await, Served::plain().await);
        let url = origin.url("127.0.0.1", "/headers");
        let request = format!(
            "GET {url} HTTP/1.1\r\nHost: liar\r\nProxy-Connection: keep-alive\r\nX-Hop: 1\r\n\
             Connection: keep-alive, x-hop\r\nProxy-Authorization: Basic YTpi\r\nX-End: 2\r\n\r\n"
        );
        let (_, body) = exchange(&mut proxy.connect().await, &request).await;
        let expected = format!("GET /headers\nhost: 127.0.0.1:{}\nx-end: 2\n", origin.port);
        assert_eq!(body, expected);
    });
}

/// Keep-alive ends on the origin's side between two requests.
#[test]
fn an_origin_that_closes_is_connected_to_anew() {
    in_netns(async || {
        let proxy = Served::plain().await;
        let (listener, address) = listen().await;
        let mut client = proxy.connect().await;
        for _ in 0..3 {
            let request = format!("GET http://{address}/ HTTP/1.1\r\nHost: x\r\n\r\n");
            client.write_all(request.as_bytes()).await.unwrap();
            let (mut origin, _) = listener.accept().await.unwrap();
            read_head(&mut origin).await;
            origin
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .await
                .unwrap();
            drop(origin);
            assert!(read_head(&mut client).await.starts_with("HTTP/1.1 200 OK"));
            assert_eq!(client.read_u16().await.unwrap(), u16::from_be_bytes(*b"ok"));
        }
    });
}

#[test]
fn errors_have_a_status_and_a_sentence() {
    in_netns(async || {
        let (_set_up, up) = watch::channel(false);
        let uplink = Some(UplinkGate {
            up,
            wait: Duration::from_millis(50),
        });
        let no_uplink = ConnectorOptions {
            uplink,
            ..Default::default()
        };
        let hasty = ConnectorOptions {
            timeout: Duration::from_millis(200),
            ..Default::default()
        };
        let proxy = async |options| {
            let connector = Connector::new(Route::Direct(Transport::Tcp), options);
            Served::proxy(connector, ServerOptions::default()).await
        };
        let (no_uplink, hasty) = (proxy(no_uplink).await, proxy(hasty).await);
        nft("table inet t { chain c { type filter hook input priority 0; tcp dport 9 drop; }; }")
            .await;
        let cases = [
            (&hasty, "CONNECT 127.0.0.1:1", "502", "refused"),
            (&hasty, "GET http://127.0.0.1:1/", "502", "refused"),
            (&hasty, "CONNECT 127.0.0.1:9", "504", "did not answer"),
            (
                &hasty,
                "GET http://nowhere.invalid/",
                "502",
                "nowhere.invalid",
            ),
            (&no_uplink, "CONNECT 127.0.0.1:9", "503", "no uplink"),
            (&hasty, "GET /", "400", "this is a proxy"),
            (&hasty, "GET https://127.0.0.1/", "400", "CONNECT"),
            (&hasty, "CONNECT 127.0.0.1", "400", "host:port"),
        ];
        for (proxy, line, status, text) in cases {
            let mut client = proxy.connect().await;
            let request = format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n");
            let (got, body) = exchange(&mut client, &request).await;
            assert!(
                got.starts_with(&format!("HTTP/1.1 {status} ")),
                "{line}: {got} {body}"
            );
            assert!(body.contains(text), "{line}: {body}");
        }
    });
}

#[test]
fn users_are_asked_for() {
    in_netns(async || {
        let ann = wire::Credentials {
            user: "ann".try_into().unwrap(),
            password: "one".try_into().unwrap(),
        };
        let users = Some(Users::from_iter([ann]));
        let proxy = Served::proxy(
            direct(),
            ServerOptions {
                users,
                ..Default::default()
            },
        )
        .await;
        let mut client = proxy.connect().await;
        for authorization in ["", "Proxy-Authorization: Basic !\r\n"] {
            let request = format!("CONNECT 127.0.0.1:1 HTTP/1.1\r\n{authorization}\r\n");
            let head = head(&mut client, &request).await.to_ascii_lowercase();
            assert!(head.starts_with("http/1.1 407 "), "{head}");
            assert!(head.contains("proxy-authenticate: basic realm="), "{head}");
            let len = head.split_once("content-length: ").unwrap().1;
            let mut body = vec![0; len.split("\r\n").next().unwrap().parse().unwrap()];
            client.read_exact(&mut body).await.unwrap();
        }
        let right =
            "CONNECT 127.0.0.1:1 HTTP/1.1\r\nProxy-Authorization: Basic YW5uOm9uZQ==\r\n\r\n";
        assert!(
            exchange(&mut client, right)
                .await
                .0
                .starts_with("HTTP/1.1 502 ")
        );
    });
}

#[test]
fn a_client_may_send_right_behind_connect() {
    in_netns(async || {
        let proxy = Served::plain().await;
        let (listener, address) = listen().await;
        let mut client = proxy.connect().await;
        let request = format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\nearly");
        let answer = head(&mut client, &request).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(
            !answer.to_ascii_lowercase().contains("content-length"),
            "{answer}"
        );
        let (mut origin, _) = listener.accept().await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(read_all(&mut origin).await, b"early");
        origin.write_all(b"late").await.unwrap();
        drop(origin);
        assert_eq!(read_all(&mut client).await, b"late");
    });
}

#[test]
fn another_protocol_takes_over() {
    in_netns(async || {
        let proxy = Served::plain().await;
        let (listener, address) = listen().await;
        let mut client = proxy.connect().await;
        let request = format!(
            "GET http://{address}/chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: k\r\n\r\n"
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let (mut origin, _) = listener.accept().await.unwrap();
        let asked = read_head(&mut origin).await.to_ascii_lowercase();
        assert!(asked.starts_with("get /chat http/1.1\r\n"), "{asked}");
        for field in [
            "connection: upgrade\r\n",
            "upgrade: websocket\r\n",
            "sec-websocket-key: k\r\n",
        ] {
            assert!(asked.contains(field), "{asked}");
        }
        let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\
                      Upgrade: websocket\r\n\r\nfirst";
        origin.write_all(answer.as_bytes()).await.unwrap();
        let head = read_head(&mut client).await.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        assert!(head.contains("upgrade: websocket\r\n"), "{head}");
        client.write_all(b"from the client").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(read_all(&mut origin).await, b"from the client");
        drop(origin);
        assert_eq!(read_all(&mut client).await, b"first");
    });
}

/// An answer without a length ends with its connection, so only a reset can say that it is not whole.
#[test]
fn a_broken_answer_is_not_taken_for_a_whole_one() {
    in_netns(async || {
        let proxy = Served::plain().await;
        let (listener, address) = listen().await;
        let mut client = proxy.connect().await;
        let request = format!("GET http://{address}/ HTTP/1.0\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let (mut origin, _) = listener.accept().await.unwrap();
        read_head(&mut origin).await;
        origin
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            .await
            .unwrap();
        read_head(&mut client).await;
        let mut half = [0; 4];
        client.read_exact(&mut half).await.unwrap();
        drop(origin);
        read_to_reset(&mut client).await;
    });
}

#[test]
fn bodies_are_held_back_both_ways() {
    const MOST: usize = 256 << 20;
    in_netns(async || {
        let proxy = Served::plain().await;
        let (listener, address) = listen().await;
        let mut client = proxy.connect().await;
        let request =
            format!("PUT http://{address}/ HTTP/1.1\r\nHost: x\r\nContent-Length: {MOST}\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let (mut origin, _) = listener.accept().await.unwrap();
        read_head(&mut origin).await;
        stuck(&mut client, MOST).await;
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {MOST}\r\n\r\n");
        origin.write_all(answer.as_bytes()).await.unwrap();
        stuck(&mut origin, MOST).await;
    });
}

/// Sends until nothing more goes, which must be long before `most`.
async fn stuck(stream: &mut TcpStream, most: usize) {
    let bytes = pattern(1 << 20);
    let mut sent = 0;
    while let Ok(written) = timeout(Duration::from_millis(500), stream.write(&bytes)).await {
        sent += written.unwrap();
        assert!(sent < most / 2, "nothing holds the sender back");
    }
}

#[test]
fn a_client_that_leaves_takes_the_origins_connection_along() {
    in_netns(async || {
        let proxy = Served::plain().await;
        let (listener, address) = listen().await;
        let mut client = proxy.connect().await;
        let request = format!("GET http://{address}/ HTTP/1.1\r\nHost: x\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let (mut origin, _) = listener.accept().await.unwrap();
        read_head(&mut origin).await;
        until("it is listed", || proxy.server.registry().len() == 1).await;
        crate::support::reset(client);
        let mut rest = Vec::new();
        drop(origin.read_to_end(&mut rest).await);
        proxy.idle().await;
    });
}

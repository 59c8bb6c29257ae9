//! Many connections, and the server's end.

use std::time::Duration;

use relay::{Drained, ServerOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{
    Served, direct, in_netns, pattern, read_all, read_to_reset, reset, through, until,
};

#[test]
fn a_shutdown_lets_connections_end_and_resets_the_rest() {
    in_netns(async || {
        let options = ServerOptions {
            drain: Duration::from_secs(2),
            ..Default::default()
        };
        let mut proxy = Served::proxy(direct(), options).await;
        let address = proxy.address;
        let (mut client, mut origin) = through(&proxy).await;
        let (mut stays, mut stays_too) = through(&proxy).await;
        let mut idle_http = proxy.connect().await;
        idle_http
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        assert_ne!(idle_http.read(&mut [0; 1000]).await.unwrap(), 0);
        proxy.stop();
        let refused = async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        refused.await;
        assert_eq!(
            read_all(&mut idle_http).await,
            b"",
            "a kept-alive connection has no reason to stay"
        );
        client.write_all(b"on it goes").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(read_all(&mut origin).await, b"on it goes");
        drop(origin);
        assert_eq!(read_all(&mut client).await, b"");
        drop(client);
        read_to_reset(&mut stays).await;
        read_to_reset(&mut stays_too).await;
        let Drained { finished, aborted } = proxy.ended().await;
        assert_eq!(aborted, 1);
        assert!(finished >= 1, "{finished}");
    });
}

#[test]
fn a_shutdown_without_connections_takes_no_time() {
    in_netns(async || {
        let options = ServerOptions {
            drain: Duration::from_secs(3600),
            ..Default::default()
        };
        let mut proxy = Served::proxy(direct(), options).await;
        proxy.stop();
        assert_eq!(
            proxy.ended().await,
            Drained {
                finished: 0,
                aborted: 0
            }
        );
    });
}

#[test]
fn no_more_connections_than_allowed() {
    in_netns(async || {
        let options = ServerOptions {
            max_connections: Some(2),
            ..Default::default()
        };
        let proxy = Served::proxy(direct(), options).await;
        let first = through(&proxy).await;
        let _second = through(&proxy).await;
        let mut third = proxy.connect().await;
        third.write_all(&[5, 1, 0]).await.unwrap();
        let mut answer = [0; 2];
        let early = timeout(Duration::from_millis(200), third.read_exact(&mut answer)).await;
        assert!(early.is_err(), "three connections at once");
        drop(first);
        third.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, [5, 0]);
    });
}

/// Connections that end in every way, many at once.
#[test]
fn nothing_is_left_behind() {
    in_netns(async || {
        let proxy = Served::plain().await;
        drop(through(&proxy).await);
        proxy.idle().await;
        let before = open_files();
        for _ in 0..3 {
            let mut pairs = JoinSet::new();
            for i in 0..100_usize {
                let (client, origin) = through(&proxy).await;
                pairs.spawn(end_somehow(i, client, origin));
            }
            while let Some(ended) = pairs.join_next().await {
                ended.unwrap();
            }
        }
        proxy.idle().await;
        until("no file is left open", || open_files() <= before).await;
    });
}

/// Sends a little, or a lot that nobody reads, then ends orderly or not, on this side or that.
async fn end_somehow(i: usize, client: TcpStream, origin: TcpStream) {
    let (mut one, mut other) = if i.is_multiple_of(2) {
        (client, origin)
    } else {
        (origin, client)
    };
    let bytes = pattern(if i.is_multiple_of(3) { 10 } else { 2_000_000 });
    drop(timeout(Duration::from_millis(100), one.write_all(&bytes)).await);
    match i % 5 {
        0 => reset(one),
        1 => reset(other),
        2 => drop(one.shutdown().await),
        3 => drop(other.shutdown().await),
        _ => drop((one, other)),
    }
}

/// This thread's sockets: other tests of this process run in other namespaces, so sockets are counted
/// by what the namespace knows.
fn open_files() -> usize {
    let sockets = std::fs::read_to_string("/proc/thread-self/net/tcp").unwrap();
    let time_wait = "06";
    let states = sockets
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().nth(3).unwrap());
    states.filter(|state| *state != time_wait).count()
}

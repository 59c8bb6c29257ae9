//! What has to hold whatever the two legs are.

use std::io::ErrorKind;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use relay::copy::Ended;
use relay::{End, Rates, Side, Throttle};
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Bench, Kind, Peer};
use crate::support::{in_netns, pattern, until};

/// Runs a test with all kinds of legs on both sides.
fn with_all<F: Future<Output = ()>>(test: impl Fn(Bench) -> F + Sync) {
    for client in Kind::ALL {
        for onward in Kind::ALL {
            in_netns(async || {
                println!("client {client:?}, onward {onward:?}");
                let mut bench = Bench::new(client, onward).await;
                warm_up(&mut bench).await;
                test(bench).await;
            });
        }
    }
}

/// Makes sure that an MPTCP connection is fully established (RFC 8684 section 3.1).
async fn warm_up(bench: &mut Bench) {
    bench.client.write_all(b"?").await.unwrap();
    assert_eq!(bench.origin.read_u8().await.unwrap(), b'?');
    bench.origin.write_all(b"!").await.unwrap();
    assert_eq!(bench.client.read_u8().await.unwrap(), b'!');
}

/// Sends `len` bytes in pieces of any size and reads as many the same way, at the same time, then ends
/// its direction.
async fn exchange(peer: Peer, len: usize, seed: u64) -> (Peer, bool) {
    let (mut read, mut write) = split(peer);
    let sending = async {
        let (bytes, mut random) = (pattern(len), fastrand::Rng::with_seed(seed));
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let most = [3, 2000, 40_000, 300_000][random.usize(..4)];
            let piece = random.usize(1..=most).min(rest.len());
            write.write_all(&rest[..piece]).await.unwrap();
            rest = &rest[piece..];
            if random.u8(..) < 8 {
                tokio::task::yield_now().await;
            }
        }
        write.shutdown().await.unwrap();
    };
    let reading = async {
        let mut random = fastrand::Rng::with_seed(!seed);
        let (mut got, mut buffer) = (Vec::new(), vec![0; 300_000]);
        loop {
            let most = [7, 5000, 300_000][random.usize(..3)];
            let room = random.usize(1..=most);
            match read.read(&mut buffer[..room]).await.unwrap() {
                0 => return got == pattern(len),
                bytes => got.extend_from_slice(&buffer[..bytes]),
            }
        }
    };
    let ((), intact) = tokio::join!(sending, reading);
    (read.unsplit(write), intact)
}

#[test]
fn any_pieces_both_ways_at_once() {
    with_all(async |bench| {
        let Bench {
            client,
            origin,
            pool,
            traffic,
            relay,
        } = bench;
        let len = 3 << 20;
        let (client, origin) = tokio::join!(exchange(client, len, 1), exchange(origin, len, 2));
        assert_eq!((client.1, origin.1), (true, true), "bytes were damaged");
        let ended = relay.await.unwrap();
        let done = &ended.transferred;
        assert!(matches!(done.end, End::Finished), "{done:?}");
        assert_eq!((done.up, done.down), (len as u64 + 1, len as u64 + 1));
        assert_eq!((traffic.up(), traffic.down()), (done.up, done.down));
        assert_eq!(super::buffers_out(&pool), 0);
        // A secure leg is given back, and so is the peer's end of it.
        for (peer, leg) in [(client.0, ended.client), (origin.0, ended.onward)] {
            match peer {
                Peer::Plain(_) => assert!(leg.is_none()),
                Peer::Secure(peer) => assert!(peer.is_idle() && leg.is_some_and(|it| it.is_idle())),
            }
        }
    });
}

#[test]
fn the_client_ends_first() {
    with_all(async |bench| half_close(bench.client, bench.origin, bench.relay).await);
}

#[test]
fn the_origin_ends_first() {
    with_all(async |bench| half_close(bench.origin, bench.client, bench.relay).await);
}

/// The end of one direction must not end the other.
async fn half_close(mut first: Peer, mut second: Peer, relay: JoinHandle<Ended>) {
    first.write_all(b"last words").await.unwrap();
    first.shutdown().await.unwrap();
    assert_eq!(read_all(&mut second).await, b"last words");
    let (sent, got) = tokio::join!(
        async {
            second.write_all(&pattern(1 << 20)).await?;
            second.shutdown().await
        },
        read_all(&mut first),
    );
    sent.unwrap();
    assert!(got == pattern(1 << 20));
    let done = relay.await.unwrap().transferred;
    assert!(matches!(done.end, End::Finished), "{done:?}");
}

#[test]
fn a_reset_of_an_idle_connection_goes_on() {
    with_all(async |mut bench| {
        bench.client.abort();
        assert_eq!(read_to_reset(&mut bench.origin).await, b"");
        ends_with_reset(Side::Client, bench.relay).await;
    });
    with_all(async |mut bench| {
        bench.origin.abort();
        assert_eq!(read_to_reset(&mut bench.client).await, b"");
        ends_with_reset(Side::Onward, bench.relay).await;
    });
}

async fn ends_with_reset(side: Side, relay: JoinHandle<Ended>) {
    let ended = relay.await.unwrap();
    let end = &ended.transferred.end;
    assert!(matches!(end, End::Reset(by) if *by == side), "{end:?}");
    assert!(ended.client.is_none() && ended.onward.is_none());
}

/// Nobody reads from or writes to the side that resets, so only looking out for it shows it.
#[test]
fn a_reset_after_the_end_of_data_goes_on() {
    with_all(async |mut bench| {
        bench.client.shutdown().await.unwrap();
        assert_eq!(read_all(&mut bench.origin).await, b"");
        bench.client.abort();
        ends_with_reset(Side::Client, bench.relay).await;
    });
    with_all(async |mut bench| {
        bench.origin.shutdown().await.unwrap();
        assert_eq!(read_all(&mut bench.client).await, b"");
        bench.origin.abort();
        ends_with_reset(Side::Onward, bench.relay).await;
    });
}

/// A server that refuses an upload answers, closes with the upload unread, and so resets.
#[test]
fn what_came_before_a_reset_arrives() {
    const LEN: usize = 20_000;
    with_all(async |mut bench| {
        bench.origin.write_all(&pattern(LEN)).await.unwrap();
        let traffic = &bench.traffic;
        until("the answer is through", || traffic.down() == LEN as u64 + 1).await;
        bench.client.write_all(&pattern(LEN)).await.unwrap();
        until("the upload is through", || traffic.up() == LEN as u64 + 1).await;
        bench.origin.abort();
        ends_with_reset(Side::Onward, bench.relay).await;
        assert!(read_to_reset(&mut bench.client).await == pattern(LEN));
    });
}

/// The client reads nothing while the origin sends as much as it can and resets.
#[test]
fn a_reset_behind_a_slow_reader_ends_the_relay() {
    with_all(async |mut bench| {
        fill(&mut bench.origin).await;
        bench.origin.abort();
        let got = read_to_reset(&mut bench.client).await;
        assert!(got == pattern(got.len()), "what arrives is in order");
        bench.relay.await.unwrap();
        assert_eq!(super::buffers_out(&bench.pool), 0);
    });
}

#[test]
fn a_slow_reader_holds_the_sender_back() {
    with_all(async |mut bench| {
        let sent = fill(&mut bench.client).await;
        let out = bench.buffers_out();
        // What was read, decrypted, framed and sealed; a plain leg saves two of them.
        assert!((1..=4).contains(&out), "one direction is stuck: {out}");
        bench.origin.shutdown().await.unwrap();
        let ((), got) = tokio::join!(
            async { bench.client.shutdown().await.unwrap() },
            read_all(&mut bench.origin)
        );
        assert!(got.len() >= sent && got == pattern(got.len()));
        assert_eq!(read_all(&mut bench.client).await, b"");
        let done = bench.relay.await.unwrap().transferred;
        assert!(matches!(done.end, End::Finished), "{done:?}");
    });
}

/// Sends [`pattern`] until nothing more goes, and says how much went at least.
async fn fill(peer: &mut Peer) -> usize {
    const MOST: usize = 128 << 20;
    let bytes = pattern(MOST);
    let mut sent = 0;
    while let Ok(written) = timeout(Duration::from_millis(500), peer.write(&bytes[sent..])).await {
        sent += written.unwrap();
        assert!(sent < MOST, "nothing holds the sender back");
    }
    sent
}

#[test]
fn an_idle_connection_holds_no_buffer() {
    with_all(async |mut bench| {
        for _ in 0..3 {
            let (sent, got) = tokio::join!(
                async {
                    bench.client.write_all(&pattern(100_000)).await?;
                    bench.client.flush().await
                },
                async {
                    let mut got = vec![0; 100_000];
                    bench.origin.read_exact(&mut got).await.map(|_| got)
                }
            );
            sent.unwrap();
            assert!(got.unwrap() == pattern(100_000));
            bench.no_buffers().await;
        }
        warm_up(&mut bench).await;
        assert!(!bench.relay.is_finished());
    });
}

#[test]
fn a_cancelled_relay_resets_both_sides() {
    with_all(async |mut bench| {
        bench.relay.abort();
        read_to_reset(&mut bench.client).await;
        read_to_reset(&mut bench.origin).await;
        bench.no_buffers().await;
    });
}

#[test]
fn a_rate_is_kept() {
    const RATE: u64 = 4 << 20;
    const LEN: usize = 2 << 20;
    for kind in Kind::ALL {
        in_netns(async || {
            let limit = Throttle::new(NonZeroU64::new(RATE).unwrap());
            let rates = Rates {
                up: Some(Arc::new(limit)),
                down: None,
            };
            let mut bench = Bench::with_rates(kind, kind, rates).await;
            let began = Instant::now();
            let (sent, got) = tokio::join!(
                async {
                    bench.client.write_all(&pattern(LEN)).await?;
                    bench.client.shutdown().await
                },
                read_all(&mut bench.origin)
            );
            sent.unwrap();
            assert!(got == pattern(LEN));
            // The burst at the beginning is for free.
            let least = Duration::from_millis(500 - 50);
            assert!(began.elapsed() >= least, "{:?}", began.elapsed());
            bench.origin.shutdown().await.unwrap();
            assert_eq!(read_all(&mut bench.client).await, b"");
            let done = bench.relay.await.unwrap().transferred;
            assert_eq!((done.up, done.down), (LEN as u64, 0));
        });
    }
}

async fn read_all(peer: &mut Peer) -> Vec<u8> {
    let mut bytes = Vec::new();
    peer.read_to_end(&mut bytes).await.unwrap();
    bytes
}

/// Reads to the end, which must be a reset.
async fn read_to_reset(peer: &mut Peer) -> Vec<u8> {
    let mut bytes = Vec::new();
    let error = peer
        .read_to_end(&mut bytes)
        .await
        .expect_err("an orderly end, not a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error:?}");
    bytes
}

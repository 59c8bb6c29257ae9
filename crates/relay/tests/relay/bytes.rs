//! The byte relay alone, between plain TCP and MPTCP sockets.

use std::sync::Arc;
use std::time::Duration;

use mptcp::{ConnectOptions, ListenOptions, Transport};
use relay::copy::{self, Leg, Terms};
use relay::pool::Pipe;
use relay::registry::Traffic;
use relay::{BufferPool, End, Rates, Side, Transferred};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::support::{in_netns, pattern, read_all, read_to_reset, reset, until};

/// A client and an origin, with a running relay between them.
struct Bench {
    client: TcpStream,
    origin: TcpStream,
    pool: BufferPool,
    traffic: Arc<Traffic>,
    relay: JoinHandle<Transferred>,
}

impl Bench {
    /// `onward` is what the relay's onward leg speaks.
    async fn new(onward: Transport, idle: Option<Duration>) -> Self {
        let (client, client_leg) = pair(Transport::Tcp).await;
        let (origin, onward_leg) = pair(onward).await;
        let (pool, traffic) = (BufferPool::default(), Arc::new(Traffic::default()));
        let (lent, counted) = (pool.clone(), Arc::clone(&traffic));
        let relay = tokio::spawn(async move {
            relayed(leg(client_leg), leg(onward_leg), &counted, &lent, idle).await
        });
        Self {
            client,
            origin,
            pool,
            traffic,
            relay,
        }
    }

    fn buffers_out(&self) -> usize {
        let usage = self.pool.usage();
        usage.small_out + usage.large_out + usage.pipes_out
    }

    /// Makes sure that an MPTCP connection is fully established (RFC 8684 section 3.1).
    async fn warm_up(&mut self) {
        self.client.write_all(b"?").await.unwrap();
        assert_eq!(self.origin.read_u8().await.unwrap(), b'?');
        self.origin.write_all(b"!").await.unwrap();
        assert_eq!(self.client.read_u8().await.unwrap(), b'!');
    }
}

async fn relayed(
    client: Leg,
    onward: Leg,
    traffic: &Traffic,
    pool: &BufferPool,
    idle: Option<Duration>,
) -> Transferred {
    let terms = Terms {
        pool,
        idle,
        rates: Rates::default(),
    };
    copy::relay(client, onward, traffic, &terms)
        .await
        .transferred
}

fn leg(stream: TcpStream) -> Leg {
    Leg::Plain {
        stream: Arc::new(stream),
        early: Default::default(),
    }
}

/// The two ends of a connection, the accepting one first.
async fn pair(transport: Transport) -> (TcpStream, TcpStream) {
    let local = "127.0.0.1:0".parse().unwrap();
    let listening = mptcp::listen(transport, local, &ListenOptions::default()).unwrap();
    assert_eq!(
        listening.transport, transport,
        "this test needs a kernel with MPTCP"
    );
    let listener = TcpListener::from_std(listening.listener).unwrap();
    let remote = listener.local_addr().unwrap();
    let connected = mptcp::connect(transport, remote, &ConnectOptions::default())
        .await
        .unwrap();
    (listener.accept().await.unwrap().0, connected)
}

/// Runs a test with both kinds of onward leg.
fn with_both<F: Future<Output = ()>>(test: impl Fn(Bench) -> F + Sync) {
    for transport in [Transport::Tcp, Transport::Mptcp] {
        in_netns(async || {
            let mut bench = Bench::new(transport, None).await;
            bench.warm_up().await;
            test(bench).await;
        });
    }
}

#[test]
fn both_directions_at_once() {
    const LEN: usize = 16 << 20;
    with_both(async |bench| {
        let Bench {
            client,
            origin,
            pool,
            traffic,
            relay,
        } = bench;
        let exchange = async |stream: TcpStream| {
            let (mut read, mut write) = stream.into_split();
            let sending = tokio::spawn(async move { write.write_all(&pattern(LEN)).await });
            let mut got = Vec::new();
            read.read_to_end(&mut got).await.unwrap();
            sending.await.unwrap().unwrap();
            got == pattern(LEN)
        };
        assert_eq!(
            tokio::join!(exchange(client), exchange(origin)),
            (true, true)
        );
        let done = relay.await.unwrap();
        assert!(matches!(done.end, End::Finished), "{done:?}");
        assert_eq!((done.up, done.down), (LEN as u64 + 1, LEN as u64 + 1));
        assert_eq!((traffic.up(), traffic.down()), (done.up, done.down));
        let usage = pool.usage();
        assert_eq!(
            (usage.small_out, usage.large_out, usage.pipes_out),
            (0, 0, 0)
        );
        assert!(usage.pipes_kept > 0, "bulk did not get a pipe: {usage:?}");
    });
}

#[test]
fn without_a_pipe_to_be_had_bytes_are_copied() {
    const LEN: usize = 8 << 20;
    with_both(async |bench| {
        let taken: Vec<Pipe> = std::iter::from_fn(|| bench.pool.pipe()).collect();
        assert!(!taken.is_empty());
        let Bench {
            mut client,
            mut origin,
            pool,
            relay,
            ..
        } = bench;
        let sending = tokio::spawn(async move {
            client.write_all(&pattern(LEN)).await.unwrap();
            client.shutdown().await.unwrap();
            client
        });
        assert!(read_all(&mut origin).await == pattern(LEN));
        let usage = pool.usage();
        assert_eq!((usage.pipes_out, usage.pipes_kept), (taken.len(), 0));
        assert!(usage.large_kept > 0, "bulk did not get a large buffer");
        drop((sending.await.unwrap(), origin));
        relay.await.unwrap();
    });
}

#[test]
fn early_bytes_go_first() {
    in_netns(async || {
        let (mut client, client_leg) = pair(Transport::Tcp).await;
        let (mut origin, onward_leg) = pair(Transport::Tcp).await;
        let early = |stream, early: &'static str| Leg::Plain {
            stream: Arc::new(stream),
            early: early.into(),
        };
        let (up, down) = (early(client_leg, "hel"), early(onward_leg, "wor"));
        client.write_all(b"lo").await.unwrap();
        origin.write_all(b"ld").await.unwrap();
        client.shutdown().await.unwrap();
        origin.shutdown().await.unwrap();
        let done = relayed(up, down, &Traffic::default(), &BufferPool::default(), None).await;
        assert_eq!((done.up, done.down), (5, 5));
        assert_eq!(read_all(&mut origin).await, b"hello");
        assert_eq!(read_all(&mut client).await, b"world");
    });
}

#[test]
fn the_client_ends_first() {
    with_both(
        async |Bench {
                   client,
                   origin,
                   relay,
                   ..
               }| half_close(client, origin, relay).await,
    );
}

#[test]
fn the_origin_ends_first() {
    with_both(
        async |Bench {
                   client,
                   origin,
                   relay,
                   ..
               }| half_close(origin, client, relay).await,
    );
}

/// The end of one direction must not end the other.
async fn half_close(mut first: TcpStream, mut second: TcpStream, relay: JoinHandle<Transferred>) {
    first.write_all(b"last words").await.unwrap();
    first.shutdown().await.unwrap();
    assert_eq!(read_all(&mut second).await, b"last words");
    second.write_all(&pattern(1 << 20)).await.unwrap();
    second.shutdown().await.unwrap();
    assert!(read_all(&mut first).await == pattern(1 << 20));
    let done = relay.await.unwrap();
    assert!(matches!(done.end, End::Finished), "{done:?}");
}

#[test]
fn a_reset_of_an_idle_connection_goes_on() {
    with_both(
        async |Bench {
                   client,
                   mut origin,
                   relay,
                   ..
               }| {
            reset(client);
            assert_eq!(read_to_reset(&mut origin).await, b"");
            assert!(matches!(relay.await.unwrap().end, End::Reset(Side::Client)));
        },
    );
    with_both(
        async |Bench {
                   mut client,
                   origin,
                   relay,
                   ..
               }| {
            reset(origin);
            assert_eq!(read_to_reset(&mut client).await, b"");
            assert!(matches!(relay.await.unwrap().end, End::Reset(Side::Onward)));
        },
    );
}

/// Nobody reads from or writes to the side that resets, so only looking out for it shows it.
#[test]
fn a_reset_after_the_end_of_data_goes_on() {
    with_both(
        async |Bench {
                   mut client,
                   mut origin,
                   relay,
                   ..
               }| {
            client.shutdown().await.unwrap();
            assert_eq!(read_all(&mut origin).await, b"");
            reset(client);
            assert!(matches!(relay.await.unwrap().end, End::Reset(Side::Client)));
            sees_reset(&mut origin).await;
        },
    );
    with_both(
        async |Bench {
                   mut client,
                   mut origin,
                   relay,
                   ..
               }| {
            origin.shutdown().await.unwrap();
            assert_eq!(read_all(&mut client).await, b"");
            reset(origin);
            assert!(matches!(relay.await.unwrap().end, End::Reset(Side::Onward)));
            sees_reset(&mut client).await;
        },
    );
}

/// Nothing is sent: the answer to that would be a reset in any case.
async fn sees_reset(stream: &mut TcpStream) {
    stream.ready(Interest::ERROR).await.unwrap();
    let error = stream
        .write_all(b"?")
        .await
        .expect_err("the connection lives");
    assert!(is_reset(&error), "{error}");
}

fn is_reset(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe
    )
}

/// A server that refuses an upload answers, closes with the upload unread, and so resets. A client
/// without us between would still read the answer.
#[test]
fn what_came_before_a_reset_arrives() {
    const LEN: usize = 20_000;
    with_both(
        async |Bench {
                   mut client,
                   mut origin,
                   traffic,
                   relay,
                   ..
               }| {
            origin.write_all(&pattern(LEN)).await.unwrap();
            until("the answer is through", || traffic.down() == LEN as u64 + 1).await;
            client.write_all(&pattern(LEN)).await.unwrap();
            until("the upload is through", || traffic.up() == LEN as u64 + 1).await;
            reset(origin);
            relay.await.unwrap();
            assert!(read_to_reset(&mut client).await == pattern(LEN));
        },
    );
}

/// The same with more than fits anywhere, a client that reads late, and the reset noticed by writing.
#[test]
fn what_came_long_before_a_reset_arrives() {
    with_both(
        async |Bench {
                   mut client,
                   mut origin,
                   traffic,
                   relay,
                   ..
               }| {
            fill(&mut origin).await;
            let stuck = traffic.down();
            reset(origin);
            client.write_all(&pattern(100_000)).await.unwrap();
            let mut got = Vec::new();
            let error = client
                .read_to_end(&mut got)
                .await
                .expect_err("an orderly end, not a reset");
            assert!(is_reset(&error), "{error}");
            let done = relay.await.unwrap();
            assert!(
                done.down > stuck,
                "nothing was passed on after the reset: {done:?}"
            );
            assert_eq!(
                got.len() as u64 + 1,
                done.down,
                "not all that was passed on arrived"
            );
            assert!(got == pattern(got.len()));
        },
    );
}

/// The client reads nothing while the origin sends as much as it can and resets.
#[test]
fn a_reset_behind_a_slow_reader_ends_the_relay() {
    with_both(
        async |Bench {
                   mut client,
                   mut origin,
                   relay,
                   pool,
                   ..
               }| {
            fill(&mut origin).await;
            reset(origin);
            let mut got = Vec::new();
            let error = client
                .read_to_end(&mut got)
                .await
                .expect_err("an orderly end, not a reset");
            assert!(is_reset(&error), "{error}");
            assert!(got == pattern(got.len()), "what arrives is in order");
            relay.await.unwrap();
            assert_eq!((pool.usage().small_out, pool.usage().large_out), (0, 0));
        },
    );
}

/// Sends [`pattern`] until nothing more goes, and says how much went.
async fn fill(stream: &mut TcpStream) -> usize {
    const MOST: usize = 256 << 20;
    let bytes = pattern(MOST);
    let mut sent = 0;
    while let Ok(written) = timeout(Duration::from_millis(500), stream.write(&bytes[sent..])).await
    {
        sent += written.unwrap();
        assert!(sent < MOST, "nothing holds the sender back");
    }
    sent
}

#[test]
fn a_slow_reader_holds_the_sender_back() {
    with_both(async |mut bench| {
        let sent = fill(&mut bench.client).await;
        assert_eq!(
            bench.buffers_out(),
            1,
            "one direction is stuck, it holds one buffer"
        );
        bench.client.shutdown().await.unwrap();
        bench.origin.shutdown().await.unwrap();
        assert!(read_all(&mut bench.origin).await == pattern(sent));
        assert_eq!(read_all(&mut bench.client).await, b"");
        assert!(matches!(bench.relay.await.unwrap().end, End::Finished));
    });
}

#[test]
fn an_idle_connection_holds_no_buffer() {
    with_both(async |mut bench| {
        bench.client.write_all(&pattern(100_000)).await.unwrap();
        let mut got = vec![0; 100_000];
        bench.origin.read_exact(&mut got).await.unwrap();
        until("the buffer is back", || bench.buffers_out() == 0).await;
        bench.warm_up().await;
        assert!(!bench.relay.is_finished());
    });
}

#[test]
fn only_silence_is_idleness() {
    in_netns(async || {
        let idle = Duration::from_millis(400);
        let mut bench = Bench::new(Transport::Tcp, Some(idle)).await;
        for _ in 0..8 {
            bench.warm_up().await;
            sleep(idle / 4).await;
        }
        assert!(!bench.relay.is_finished(), "not idle for twice the time");
        let done = bench.relay.await.unwrap();
        assert!(matches!(done.end, End::Idle), "{done:?}");
        read_to_reset(&mut bench.client).await;
        read_to_reset(&mut bench.origin).await;
    });
}

#[test]
fn a_cancelled_relay_resets_both_sides() {
    with_both(async |mut bench| {
        bench.relay.abort();
        read_to_reset(&mut bench.client).await;
        read_to_reset(&mut bench.origin).await;
    });
}

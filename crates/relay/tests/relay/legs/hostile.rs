//! Peers that don't keep to the protocol, or to TLS.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use mptcp::Transport;
use relay::copy::Leg;
use relay::{End, Rates, SecureStream, Side};
use tls::Channel;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::hub::{Frame, Hello, VERSIONS, frames};

use super::{Bench, Keys, Peer, open, opened, pair, plain_leg, welcome};
use crate::support::{in_netns, pattern, read_to_reset, until};
use relay::secure::Message;

/// An edge that does what it is told.
pub struct RawEdge {
    pub tcp: TcpStream,
    pub channel: Channel,
    cipher: Vec<u8>,
}

impl RawEdge {
    /// With an open user connection, and the hub's end of it.
    pub async fn open() -> (Self, SecureStream) {
        let keys = Keys::new();
        let (accepted, connected) = pair(Transport::Tcp).await;
        let mut raw = Self {
            tcp: connected,
            channel: Channel::edge(&keys.edge).unwrap(),
            cipher: Vec::new(),
        };
        let (hub, ()) = tokio::join!(SecureStream::accept(accepted, &keys.hub), raw.shake_hands());
        let mut hub = hub.unwrap();
        let hello = Frame::Hello(Hello {
            versions: VERSIONS,
            software: "raw".into(),
        });
        raw.send(&[hello, open()]).await;
        assert!(matches!(hub.receive().await.unwrap(), Message::Hello(_)));
        assert!(matches!(hub.receive().await.unwrap(), Message::Open(_)));
        hub.send(&[welcome(), opened()]).await.unwrap();
        raw.record().await;
        (raw, hub)
    }

    async fn shake_hands(&mut self) {
        loop {
            let out = std::mem::take(self.channel.outgoing());
            self.tcp.write_all(&out).await.unwrap();
            if self.channel.is_established() {
                return;
            }
            self.tcp.read_buf(&mut self.cipher).await.unwrap();
            let used = self.channel.receive(&mut self.cipher, &mut |_| {});
            self.cipher.drain(..used.unwrap().used);
        }
    }

    pub fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::new();
        self.channel.seal(plain, &mut sealed).unwrap();
        sealed
    }

    /// One record with these frames.
    pub async fn send(&mut self, frames: &[Frame<'_>]) {
        let mut plain = Vec::new();
        for frame in frames {
            frame.encode(&mut plain);
        }
        self.send_plain(&plain).await;
    }

    pub async fn send_plain(&mut self, plain: &[u8]) {
        let sealed = self.seal(plain);
        self.tcp.write_all(&sealed).await.unwrap();
    }

    /// The plaintext of what comes next.
    pub async fn record(&mut self) -> Vec<u8> {
        let mut plain = Vec::new();
        while plain.is_empty() {
            let read = self.tcp.read_buf(&mut self.cipher).await.unwrap();
            assert!(read > 0, "the hub has closed");
            let mut keep = |record: &[u8]| plain.extend_from_slice(record);
            let received = self.channel.receive(&mut self.cipher, &mut keep);
            self.cipher.drain(..received.unwrap().used);
        }
        plain
    }
}

/// A raw edge, and the origin that a hub's relay has connected it to.
async fn relayed() -> (RawEdge, TcpStream, Bench) {
    let (edge, hub) = RawEdge::open().await;
    let (origin, onward) = plain_leg(Transport::Tcp).await;
    let (unused, _) = plain_leg(Transport::Tcp).await;
    let client = (unused, Leg::Secure(Box::new(hub)));
    let (placeholder, _) = plain_leg(Transport::Tcp).await;
    let Peer::Plain(origin) = origin else {
        panic!("it is plain")
    };
    let bench = Bench::relaying(client, (placeholder, onward), Rates::default());
    (edge, origin, bench)
}

/// Checks that what the edge does ends this connection: the origin sees a reset after what came
/// before, and no leg is given back.
fn ends_it(
    expected: Option<ErrorKind>,
    deed: impl AsyncFnOnce(&mut RawEdge) + Send + std::panic::RefUnwindSafe,
) {
    in_netns(async move || {
        let (mut edge, mut origin, bench) = relayed().await;
        edge.send(&[Frame::Data(b"before")]).await;
        let mut before = [0; 6];
        origin.read_exact(&mut before).await.unwrap();
        deed(&mut edge).await;
        read_to_reset(&mut origin).await;
        let ended = bench.relay.await.unwrap();
        check_end(expected, &ended.transferred.end);
        assert!(ended.client.is_none() && ended.onward.is_none());
        assert_eq!(super::buffers_out(&bench.pool), 0);
    });
}

fn check_end(expected: Option<ErrorKind>, end: &End) {
    match expected {
        None => assert!(matches!(end, End::Reset(Side::Client)), "{end:?}"),
        Some(kind) => {
            let End::Error(Side::Client, error) = end else {
                panic!("{end:?}")
            };
            assert_eq!(error.kind(), kind);
        }
    }
}

const WRONG: Option<ErrorKind> = Some(ErrorKind::InvalidData);

#[test]
fn frames_out_of_order_end_the_connection() {
    ends_it(WRONG, async |edge| edge.send(&[open()]).await);
    ends_it(WRONG, async |edge| edge.send(&[opened()]).await);
    ends_it(WRONG, async |edge| edge.send(&[Frame::Ping([0; 8])]).await);
    ends_it(WRONG, async |edge| edge.send(&[Frame::GoAway]).await);
    ends_it_after_fin(WRONG, async |edge| edge.send(&[Frame::Fin]).await);
    ends_it_after_fin(WRONG, async |edge| edge.send(&[Frame::Data(b"?")]).await);
}

#[test]
fn what_is_no_frame_ends_the_connection() {
    // A type that nobody knows, DATA without bytes, a header that is cut, a payload that is cut.
    for plain in [
        &[0x7f, 0, 0][..],
        &[0x13, 0, 0],
        &[0x13, 0],
        &[0x13, 0, 5, 1, 2],
    ] {
        ends_it(WRONG, async move |edge| edge.send_plain(plain).await);
    }
    // The rest of it in the next record is no rest of it.
    ends_it(WRONG, async |edge| {
        let first = edge.seal(&[0x13, 0, 5, 1, 2]);
        let second = edge.seal(&[3, 4, 5]);
        edge.tcp.write_all(&[first, second].concat()).await.unwrap();
    });
}

#[test]
fn unknown_frames_that_may_be_skipped_are() {
    in_netns(async || {
        let (mut edge, mut origin, bench) = relayed().await;
        let plain = [&[0x80, 0, 2, 9, 9, 0x13, 0, 2][..], b"ok", &[0xff, 0, 0]].concat();
        edge.send_plain(&plain).await;
        let mut got = [0; 2];
        origin.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"ok");
        assert!(!bench.relay.is_finished());
    });
}

#[test]
fn a_changed_bit_ends_the_connection() {
    for position in [0, 3, 5, 20, 30] {
        ends_it(WRONG, async move |edge| {
            let mut sealed = edge.seal(&[
                0x13, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
            ]);
            sealed[position] ^= 0x80;
            edge.tcp.write_all(&sealed).await.unwrap();
        });
    }
}

#[test]
fn an_end_without_fin_is_a_reset() {
    // TCP alone ends, behind a whole record and within one.
    ends_it(None, async |edge| edge.tcp.shutdown().await.unwrap());
    ends_it(None, async |edge| {
        let sealed = edge.seal(&[0x13, 0, 3, 1, 2, 3]);
        edge.tcp.write_all(&sealed[..10]).await.unwrap();
        edge.tcp.shutdown().await.unwrap();
    });
    // close_notify does not say that the user connection has ended.
    ends_it(None, async |edge| {
        edge.channel.close();
        let out = std::mem::take(edge.channel.outgoing());
        edge.tcp.write_all(&out).await.unwrap();
    });
    ends_it(None, async |edge| edge.send(&[Frame::Abort]).await);
}

#[test]
fn what_comes_before_an_abort_in_one_go_arrives() {
    in_netns(async || {
        let (mut edge, mut origin, bench) = relayed().await;
        let bytes = pattern(5000);
        edge.send(&[Frame::Data(&bytes), Frame::Abort]).await;
        assert!(read_to_reset(&mut origin).await == bytes);
        assert!(matches!(
            bench.relay.await.unwrap().transferred.end,
            End::Reset(Side::Client)
        ));
    });
}

/// An edge that has ended its direction may still abort.
#[test]
fn an_abort_behind_fin_is_heard() {
    ends_it_after_fin(None, async |edge| edge.send(&[Frame::Abort]).await);
    ends_it_after_fin(None, async |edge| edge.tcp.shutdown().await.unwrap());
    ends_it_after_fin(None, async |edge| {
        edge.channel.close();
        let out = std::mem::take(edge.channel.outgoing());
        edge.tcp.write_all(&out).await.unwrap();
    });
}

fn ends_it_after_fin(
    expected: Option<ErrorKind>,
    deed: impl AsyncFnOnce(&mut RawEdge) + Send + std::panic::RefUnwindSafe,
) {
    in_netns(async move || {
        let (mut edge, mut origin, bench) = relayed().await;
        edge.send(&[Frame::Fin]).await;
        assert_eq!(origin.read(&mut [0; 1]).await.unwrap(), 0);
        deed(&mut edge).await;
        check_end(expected, &bench.relay.await.unwrap().transferred.end);
        let error = origin
            .write_all(b"?")
            .await
            .expect_err("the connection lives");
        assert!(matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ));
    });
}

/// The next OPEN may lie in the same record as the FIN, and behind it.
#[test]
fn what_comes_behind_the_last_fin_is_kept_for_the_next_connection() {
    in_netns(async || {
        let (mut edge, mut origin, bench) = relayed().await;
        origin.shutdown().await.unwrap();
        let plain = edge.record().await;
        assert_eq!(frames(&plain).next(), Some(Ok(Frame::Fin)));
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for frame in [Frame::Data(b"last"), Frame::Fin, open()] {
            frame.encode(&mut first);
        }
        Frame::Data(b"first of the next").encode(&mut second);
        let (first, second) = (edge.seal(&first), edge.seal(&second));
        // The beginning of a third one.
        let third = edge.seal(&[0x13, 0, 1, 0]);
        edge.tcp
            .write_all(&[first, second, third[..7].to_vec()].concat())
            .await
            .unwrap();
        let mut got = Vec::new();
        origin.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"last");
        let mut hub = bench.relay.await.unwrap().client.expect("it is idle");
        assert!(matches!(hub.receive().await.unwrap(), Message::Open(_)));
        let next = Message::Data("first of the next".into());
        assert_eq!(hub.receive().await.unwrap(), next);
        edge.tcp.write_all(&third[7..]).await.unwrap();
        assert_eq!(hub.receive().await.unwrap(), Message::Data(vec![0].into()));
    });
}

/// The next OPEN may lie far behind the FIN, with many records between and behind, and nothing may come
/// afterwards.
#[test]
fn many_records_behind_the_last_fin_are_all_kept() {
    const RECORDS: usize = 150;
    in_netns(async || {
        let (mut edge, mut origin, bench) = relayed().await;
        origin.shutdown().await.unwrap();
        assert_eq!(frames(&edge.record().await).next(), Some(Ok(Frame::Fin)));
        // After so much the relay reads with a large buffer.
        let mut plain = Vec::new();
        Frame::Data(&pattern(wire::hub::MAX_PAYLOAD)).encode(&mut plain);
        let bulk: Vec<_> = (0..4).map(|_| edge.seal(&plain)).collect();
        edge.tcp.write_all(&bulk.concat()).await.unwrap();
        let mut got = vec![0; 4 * wire::hub::MAX_PAYLOAD];
        origin.read_exact(&mut got).await.unwrap();
        bench.no_buffers().await;
        let mut behind = Vec::new();
        for frame in [Frame::Fin, open()] {
            let mut plain = Vec::new();
            frame.encode(&mut plain);
            behind.extend(edge.seal(&plain));
        }
        let next = pattern(RECORDS * 1000);
        for some in next.chunks(1000) {
            let mut plain = Vec::new();
            Frame::Data(some).encode(&mut plain);
            behind.extend(edge.seal(&plain));
        }
        edge.tcp.write_all(&behind).await.unwrap();
        assert_eq!(origin.read(&mut got).await.unwrap(), 0);
        let mut hub = bench.relay.await.unwrap().client.expect("it is idle");
        assert!(matches!(hub.receive().await.unwrap(), Message::Open(_)));
        hub.send(&[opened()]).await.unwrap();
        let (second, onward) = plain_leg(Transport::Tcp).await;
        let (unused, _) = plain_leg(Transport::Tcp).await;
        let bench = Bench::relaying(
            (unused, Leg::Secure(Box::new(hub))),
            (second, onward),
            Rates::default(),
        );
        let mut origin = bench.origin;
        let mut got = vec![0; next.len()];
        origin.read_exact(&mut got).await.unwrap();
        assert!(got == next);
    });
}

/// The same with so little that all of it comes at once: the next connection must not wait for more.
#[test]
fn an_open_far_behind_the_last_fin_is_heard_at_once() {
    in_netns(async || {
        let (mut edge, mut origin, bench) = relayed().await;
        origin.shutdown().await.unwrap();
        assert_eq!(frames(&edge.record().await).next(), Some(Ok(Frame::Fin)));
        let mut sealed = Vec::new();
        for _ in 0..100 {
            sealed.extend(edge.seal(&[0x13, 0, 1, b'x']));
        }
        for frame in [Frame::Fin, open()] {
            let mut plain = Vec::new();
            frame.encode(&mut plain);
            sealed.extend([edge.seal(&[0x80, 0, 0]), edge.seal(&plain)].concat());
        }
        // What may be skipped, until OPEN is in no group of records with the FIN.
        let skipped: Vec<_> = (0..200).map(|_| edge.seal(&[0x80, 0, 0])).collect();
        let mut plain = Vec::new();
        Frame::Data(b"y").encode(&mut plain);
        sealed.extend([skipped.concat(), edge.seal(&plain)].concat());
        edge.tcp.write_all(&sealed).await.unwrap();
        let mut got = Vec::new();
        origin.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, [b'x'; 100]);
        let mut hub = bench.relay.await.unwrap().client.expect("it is idle");
        assert!(matches!(hub.receive().await.unwrap(), Message::Open(_)));
        assert_eq!(hub.receive().await.unwrap(), Message::Data("y".into()));
    });
}

/// Half of a record may be all that ever comes.
#[test]
fn half_a_record_pins_no_large_buffer() {
    in_netns(async || {
        let (mut edge, mut origin, bench) = relayed().await;
        let full = pattern(wire::hub::MAX_PAYLOAD);
        let mut bulk = Vec::new();
        for _ in 0..64 {
            let mut plain = Vec::new();
            Frame::Data(&full).encode(&mut plain);
            bulk.extend(edge.seal(&plain));
        }
        let half = bulk.len() - 8000;
        let sending = async { edge.tcp.write_all(&bulk[..half]).await.unwrap() };
        let mut got = vec![0; 63 * full.len()];
        let (_, read) = tokio::join!(sending, origin.read_exact(&mut got));
        read.unwrap();
        until("only a small buffer is held", || {
            let usage = bench.pool.usage();
            (usage.small_out, usage.large_out) == (1, 0)
        })
        .await;
        edge.tcp.write_all(&bulk[half..]).await.unwrap();
        let mut last = vec![0; full.len()];
        origin.read_exact(&mut last).await.unwrap();
        assert!(last == full);
        bench.no_buffers().await;
    });
}

/// What is small costs a peer more than us.
#[test]
fn many_tiny_frames_arrive_in_order() {
    in_netns(async || {
        let (mut edge, mut origin, bench) = relayed().await;
        let bytes = pattern(40_000);
        let sending = async {
            for some in bytes.chunks(4000) {
                let mut plain = Vec::new();
                for byte in some.chunks(1) {
                    Frame::Data(byte).encode(&mut plain);
                }
                edge.send_plain(&plain).await;
            }
        };
        let mut got = vec![0; bytes.len()];
        let ((), read) = tokio::join!(sending, origin.read_exact(&mut got));
        read.unwrap();
        assert!(got == bytes);
        bench.no_buffers().await;
    });
}

/// Bytes that a hub has received before its relay begins: frames, and the beginning of a record.
#[test]
fn a_relay_begins_with_what_has_come_already() {
    in_netns(async || {
        let (mut edge, mut hub) = RawEdge::open().await;
        let first = {
            let mut plain = Vec::new();
            Frame::Data(b"one ").encode(&mut plain);
            Frame::Data(b"two ").encode(&mut plain);
            edge.seal(&plain)
        };
        let second = edge.seal(&[0x13, 0, 5, b't', b'h', b'r', b'e', b'e']);
        edge.tcp
            .write_all(&[&first[..], &second[..9]].concat())
            .await
            .unwrap();
        assert_eq!(hub.receive().await.unwrap(), Message::Data("one ".into()));
        let (origin, onward) = plain_leg(Transport::Tcp).await;
        let (unused, _) = plain_leg(Transport::Tcp).await;
        let bench = Bench::relaying(
            (unused, Leg::Secure(Box::new(hub))),
            (origin, onward),
            Rates::default(),
        );
        let mut origin = bench.origin;
        edge.tcp.write_all(&second[9..]).await.unwrap();
        let mut got = [0; 9];
        origin.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"two three");
    });
}

/// Neither end of the relay is kept waiting by the other connection's trouble.
#[test]
fn a_silent_edge_holds_nothing() {
    in_netns(async || {
        let (_edge, mut origin, bench) = relayed().await;
        origin.write_all(b"hello").await.unwrap();
        bench.no_buffers().await;
        let down = Arc::clone(&bench.traffic);
        until("it is passed on", || down.down() == 5).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!bench.relay.is_finished());
    });
}

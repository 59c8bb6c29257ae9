//! A secure stream without a relay.

use std::time::Duration;

use mptcp::Transport;
use relay::secure::{Message, SecureError};
use relay::{End, Rates, SecureStream};
use tls::TlsError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use wire::hub::{Frame, MAX_PAYLOAD, OpenRefusal, OpenRefused};

use super::{Bench, Keys, Peer, open, open_pair, open_user, opened, pair, welcomed_pair};
use crate::support::{in_netns, pattern};
use relay::copy::Leg;

#[test]
fn both_ends_know_each_other() {
    in_netns(async || {
        let keys = Keys::new();
        let (edge, hub) = welcomed_pair(&keys, Transport::Mptcp).await;
        assert_eq!(hub.peer(), Some(keys.user));
        assert_eq!(edge.peer(), None);
    });
}

#[test]
fn another_hub_is_refused_and_hears_of_it() {
    in_netns(async || {
        let (accepted, connected) = pair(Transport::Tcp).await;
        let (ours, theirs) = (Keys::new(), Keys::new());
        let (edge, hub) = tokio::join!(
            SecureStream::connect(connected, &ours.edge),
            SecureStream::accept(accepted, &theirs.hub),
        );
        let edge = edge.expect_err("the pin is wrong");
        assert!(
            matches!(edge, SecureError::Tls(TlsError::WrongPin { .. })),
            "{edge:?}"
        );
        let hub = hub.expect_err("the edge has left");
        assert!(
            matches!(hub, SecureError::Tls(TlsError::PinRefused)),
            "{hub:?}"
        );
    });
}

#[test]
fn a_peer_that_says_nothing_or_rubbish_is_no_edge() {
    in_netns(async || {
        let keys = Keys::new();
        let (accepted, connected) = pair(Transport::Tcp).await;
        drop(connected);
        let error = SecureStream::accept(accepted, &keys.hub).await;
        assert!(matches!(error, Err(SecureError::Cut)));

        let (accepted, mut connected) = pair(Transport::Tcp).await;
        connected
            .write_all(b"GET / HTTP/1.1\r\n\r\n")
            .await
            .unwrap();
        let error = SecureStream::accept(accepted, &keys.hub).await;
        assert!(matches!(error, Err(SecureError::Tls(TlsError::NotTls(_)))));
    });
}

#[test]
fn frames_that_fit_into_no_record_together_go_in_several() {
    in_netns(async || {
        let (mut edge, mut hub) = welcomed_pair(&Keys::new(), Transport::Tcp).await;
        let first = pattern(MAX_PAYLOAD);
        edge.send(&[open(), Frame::Data(&first)]).await.unwrap();
        assert!(matches!(hub.receive().await.unwrap(), Message::Open(_)));
        let Message::Data(got) = hub.receive().await.unwrap() else {
            panic!("DATA is next");
        };
        assert!(got == first);
        assert!(!hub.is_idle());
    });
}

/// One byte at a time comes, and after each the receiver has something else to do.
#[test]
fn receiving_may_be_cancelled_at_any_time() {
    in_netns(async || {
        let (mut edge, hub) = welcomed_pair(&Keys::new(), Transport::Tcp).await;
        let (mut slow_out, slow_in) = pair(Transport::Tcp).await;
        drop((slow_out.write_u8(0).await, slow_in));
        edge.send(&[open(), Frame::Data(b"abc")]).await.unwrap();
        let mut hub = hub;
        let mut seen = Vec::new();
        while seen.len() < 2 {
            if let Ok(message) = timeout(Duration::ZERO, hub.receive()).await {
                seen.push(message.unwrap());
            }
        }
        assert!(matches!(&seen[0], Message::Open(_)));
        assert_eq!(seen[1], Message::Data("abc".into()));
    });
}

#[test]
fn sending_may_be_cancelled() {
    in_netns(async || {
        let (mut edge, mut hub) = open_pair(&Keys::new(), Transport::Tcp).await;
        let chunk = pattern(MAX_PAYLOAD);
        let mut sent = 0;
        // Until the socket is full, and the last record is cut by it.
        while timeout(
            Duration::from_millis(300),
            edge.send(&[Frame::Data(&chunk)]),
        )
        .await
        .is_ok()
        {
            sent += 1;
        }
        let reading = async {
            let mut got = Vec::new();
            loop {
                match hub.receive().await.unwrap() {
                    Message::Data(bytes) => got.push(bytes.len()),
                    Message::Fin => return got,
                    other => panic!("{other:?}"),
                }
            }
        };
        let (fin, got) = tokio::join!(edge.send(&[Frame::Fin]), reading);
        fin.unwrap();
        assert_eq!(
            got,
            vec![MAX_PAYLOAD; sent + 1],
            "all whole, the cancelled one too"
        );
    });
}

#[test]
fn what_may_not_be_sent_now_is_not() {
    in_netns(async || {
        let (mut edge, mut hub) = welcomed_pair(&Keys::new(), Transport::Tcp).await;
        let error = edge.send(&[Frame::Data(b"too early")]).await;
        assert!(matches!(error, Err(SecureError::Violation(_))));
        let error = edge.send(&[open(), open()]).await;
        assert!(matches!(error, Err(SecureError::Violation(_))));
        assert!(edge.is_idle(), "none of them has gone");
        open_user(&mut edge, &mut hub).await;
    });
}

#[test]
fn a_refused_connection_leaves_the_stream_for_the_next() {
    in_netns(async || {
        let (mut edge, mut hub) = welcomed_pair(&Keys::new(), Transport::Tcp).await;
        edge.send(&[open(), Frame::Data(b"sent along")])
            .await
            .unwrap();
        assert!(matches!(hub.receive().await.unwrap(), Message::Open(_)));
        let refused = OpenRefused {
            code: OpenRefusal::NotAllowed,
            text: "no".into(),
        };
        hub.send(&[Frame::OpenRefused(refused)]).await.unwrap();
        assert!(matches!(
            edge.receive().await.unwrap(),
            Message::OpenRefused(_)
        ));
        edge.send(&[Frame::Fin, open()]).await.unwrap();
        assert!(matches!(hub.receive().await.unwrap(), Message::Data(_)));
        assert_eq!(hub.receive().await.unwrap(), Message::Fin);
        assert!(hub.is_idle());
        assert!(matches!(hub.receive().await.unwrap(), Message::Open(_)));
    });
}

#[test]
fn closing_tells_that_nothing_is_missing() {
    in_netns(async || {
        let (edge, mut hub) = welcomed_pair(&Keys::new(), Transport::Mptcp).await;
        let closing = tokio::spawn(edge.close());
        let error = hub.receive().await.unwrap_err();
        assert!(error.is_closed() && !error.is_gone(), "{error:?}");
        hub.close().await;
        closing.await.unwrap();

        let (edge, mut hub) = welcomed_pair(&Keys::new(), Transport::Mptcp).await;
        drop(edge);
        let error = hub.receive().await.unwrap_err();
        assert!(error.is_gone() && !error.is_closed(), "{error:?}");

        let (edge, mut hub) = welcomed_pair(&Keys::new(), Transport::Mptcp).await;
        edge.abort();
        assert!(hub.receive().await.unwrap_err().is_gone());
    });
}

/// The hub looks after the edge while it connects, and loses nothing of what comes meanwhile.
#[test]
fn an_edge_that_leaves_while_it_waits_is_noticed() {
    in_netns(async || {
        let (mut edge, mut hub) = welcomed_pair(&Keys::new(), Transport::Mptcp).await;
        edge.send(&[open(), Frame::Data(b"early")]).await.unwrap();
        assert!(matches!(hub.receive().await.unwrap(), Message::Open(_)));
        let waited = timeout(Duration::from_millis(100), hub.gone()).await;
        assert!(waited.is_err(), "it is still there: {waited:?}");
        hub.send(&[opened()]).await.unwrap();
        assert_eq!(hub.receive().await.unwrap(), Message::Data("early".into()));

        let (mut edge, mut hub) = welcomed_pair(&Keys::new(), Transport::Mptcp).await;
        edge.send(&[open(), Frame::Data(b"early"), Frame::Abort])
            .await
            .unwrap();
        assert!(matches!(hub.receive().await.unwrap(), Message::Open(_)));
        assert!(matches!(hub.gone().await, SecureError::Aborted));

        let (mut edge, mut hub) = welcomed_pair(&Keys::new(), Transport::Mptcp).await;
        edge.send(&[open()]).await.unwrap();
        assert!(matches!(hub.receive().await.unwrap(), Message::Open(_)));
        edge.abort();
        assert!(hub.gone().await.is_gone());
    });
}

/// While the hub connects, it keeps little of what an edge sends; the rest waits in the kernel.
#[test]
fn an_edge_that_sends_much_before_its_answer_waits() {
    in_netns(async || {
        let (mut edge, mut hub) = welcomed_pair(&Keys::new(), Transport::Tcp).await;
        edge.send(&[open()]).await.unwrap();
        assert!(matches!(hub.receive().await.unwrap(), Message::Open(_)));
        // All of it fits into the kernel's buffer.
        for _ in 0..60 {
            edge.send(&[Frame::Data(&pattern(1000))]).await.unwrap();
        }
        let waited = timeout(Duration::from_millis(300), hub.gone()).await;
        assert!(waited.is_err(), "it is still there: {waited:?}");
        let left = rustix::io::ioctl_fionread(hub.tcp()).unwrap();
        assert!(left > 20_000, "{left} bytes");
        hub.send(&[opened()]).await.unwrap();
        for _ in 0..60 {
            let next = Message::Data(pattern(1000).into());
            assert_eq!(hub.receive().await.unwrap(), next);
        }
    });
}

/// Nobody need read a user connection to its end, and the next one must not get what is left of it.
#[test]
fn what_was_not_read_is_not_part_of_the_next_connection() {
    in_netns(async || {
        let (mut edge, mut hub) = open_pair(&Keys::new(), Transport::Tcp).await;
        hub.send(&[Frame::Data(b"of the first"), Frame::Fin])
            .await
            .unwrap();
        let mut some = [0; 2];
        edge.read_exact(&mut some).await.unwrap();
        edge.send(&[Frame::Fin]).await.unwrap();
        assert_eq!(edge.receive().await.unwrap(), Message::Fin);
        assert_eq!(hub.receive().await.unwrap(), Message::Fin);
        assert!(edge.is_idle() && hub.is_idle());
        open_user(&mut edge, &mut hub).await;
        hub.send(&[Frame::Data(b"second"), Frame::Fin])
            .await
            .unwrap();
        let mut got = Vec::new();
        edge.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"second");
    });
}

/// Through an edge's relay and a hub's, one after the other on the same connection.
#[test]
fn a_stream_that_is_given_back_carries_the_next_connection() {
    in_netns(async || {
        let (mut edge, mut hub) = welcomed_pair(&Keys::new(), Transport::Mptcp).await;
        for round in 1..=3 {
            open_user(&mut edge, &mut hub).await;
            let (client, client_leg) = super::plain_leg(Transport::Tcp).await;
            let (origin, origin_leg) = super::plain_leg(Transport::Tcp).await;
            let nobody = || super::plain_leg(Transport::Tcp);
            let at_edge = Bench::relaying(
                (client, client_leg),
                (nobody().await.0, Leg::Secure(Box::new(edge))),
                Rates::default(),
            );
            let at_hub = Bench::relaying(
                (nobody().await.0, Leg::Secure(Box::new(hub))),
                (origin, origin_leg),
                Rates::default(),
            );
            let talk = async |mut peer: Peer, len| {
                let (mut read, mut write) = tokio::io::split(&mut peer);
                let sending = async {
                    write.write_all(&pattern(len)).await.unwrap();
                    write.shutdown().await.unwrap();
                };
                let mut got = Vec::new();
                let (_, read) = tokio::join!(sending, read.read_to_end(&mut got));
                read.unwrap();
                got
            };
            let (up, down) = (100_000 * round, 1 << (18 + round));
            let (at_client, at_origin) =
                tokio::join!(talk(at_edge.client, up), talk(at_hub.origin, down));
            assert!(at_client == pattern(down) && at_origin == pattern(up));
            let (at_edge, at_hub) = (at_edge.relay.await.unwrap(), at_hub.relay.await.unwrap());
            assert!(matches!(at_edge.transferred.end, End::Finished));
            assert!(matches!(at_hub.transferred.end, End::Finished));
            edge = at_edge.onward.expect("it is given back");
            hub = at_hub.client.expect("it is given back");
        }
        assert!(edge.is_idle() && hub.is_idle());
        // What belongs to no user connection still works.
        edge.send(&[Frame::Ping([7; 8])]).await.unwrap();
        assert_eq!(hub.receive().await.unwrap(), Message::Ping([7; 8]));
    });
}

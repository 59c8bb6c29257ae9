//! Requests: many at once, their first bytes, their refusals.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use relay::secure::Message;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use wire::Destination;
use wire::hub::{Frame, OpenRefusal, OpenRefused};

use super::hub::Hub;
use super::{edge, exchange, finish, gate, origin, quick, until_idle, until_settled};
use crate::support::{in_netns, pattern, read_all, socks5, until};

#[test]
fn a_few_connections_are_open_before_anyone_asks() {
    in_netns(async || {
        let hub = Hub::start().await;
        let pool = hub.pool(quick());
        until_idle(&pool, 4).await;
        let status = pool.status();
        assert_eq!(status.protocol, Some(1));
        assert_eq!(status.software.as_deref(), Some("test-hub/9"));
        let json = serde_json::to_value(&status).unwrap();
        assert_eq!(json["state"], "connected");
        assert_eq!(json["address"], hub.address.to_string());
    });
}

#[test]
fn one_connection_serves_one_request_after_the_other() {
    in_netns(async || {
        let hub = Hub::start().await;
        let pool = hub.pool(quick());
        let proxy = edge(&pool).await;
        until_idle(&pool, 4).await;
        for i in 0..100 {
            exchange(proxy.address, format!("exchange {i}").as_bytes()).await;
            until_settled(&pool).await;
        }
        let status = pool.status();
        assert_eq!((status.requests, status.reused), (100, 99));
        assert_eq!(hub.seen.came(), 5, "4 idle ones beside it");
    });
}

#[test]
fn a_page_load_is_remembered() {
    in_netns(async || {
        let all_there = Arc::new(Barrier::new(40));
        let hub = Hub::with(move |mut visit| {
            let all_there = Arc::clone(&all_there);
            Box::pin(async move {
                while let Some(Message::Open(_)) = visit.next().await {
                    all_there.wait().await;
                    visit.opened().await;
                    visit.echo().await;
                }
            })
        })
        .await;
        let pool = hub.pool(quick());
        let proxy = edge(&pool).await;
        until_idle(&pool, 4).await;
        let load = || join_all((0..40).map(|_| exchange(proxy.address, b"a picture")));
        load().await;
        until_settled(&pool).await;
        let came = hub.seen.came();
        assert!((40..=48).contains(&came), "{came}");
        assert_eq!(pool.status().idle, came);
        load().await;
        assert_eq!(hub.seen.came(), came, "the second time all were there");
        assert!(pool.status().reused >= 36, "{:?}", pool.status());
    });
}

/// The edge keeps its end for the next request, but not for long: the origin waits to close.
#[test]
fn the_end_comes_without_another_request() {
    in_netns(async || {
        let hub = Hub::with(|mut visit| {
            Box::pin(async move {
                visit.next().await;
                visit.opened().await;
                visit.say(Frame::Fin).await;
                while visit.next().await.is_some() {}
            })
        })
        .await;
        let pool = hub.pool(quick());
        let proxy = edge(&pool).await;
        until_idle(&pool, 4).await;
        let (mut client, _) = socks5(proxy.address, origin()).await;
        assert_eq!(read_all(&mut client).await, b"");
        drop(client);
        until("the edge's end is there", || {
            hub.seen.frames.lock().unwrap().contains(&Message::Fin)
        })
        .await;
        until_settled(&pool).await;
        assert_eq!(pool.status().requests, 1);
    });
}

/// The hub answers only when it has seen what comes behind OPEN.
#[test]
fn the_clients_first_bytes_leave_with_open() {
    in_netns(async || {
        let hub = Hub::with(|mut visit| {
            Box::pin(async move {
                let Some(Message::Open(_)) = visit.next().await else {
                    return;
                };
                while visit.seen.data().len() < 10 {
                    visit.next().await;
                }
                visit.opened().await;
                visit.next().await;
            })
        })
        .await;
        let pool = hub.pool(quick());
        let (mut client, ours) = socket_pair().await;
        client.write_all(b"hello").await.unwrap();
        let destination = Destination::from(origin());
        let later = async {
            until("the first bytes are there", || hub.seen.data() == b"hello").await;
            client.write_all(b", hub").await.unwrap();
        };
        let (onward, ()) = tokio::join!(pool.open(&destination, Some(&ours)), later);
        let onward = onward.unwrap();
        assert_eq!(hub.seen.data(), b"hello, hub");
        assert_eq!(onward.sent, 10);
        assert_eq!(onward.bound.to_string(), "198.51.100.7:4321");
        let frames = hub.seen.frames.lock().unwrap();
        assert!(matches!(&frames[0], Message::Open(open) if open.destination == destination));
    });
}

#[test]
fn no_more_than_16_kib_leave_ahead() {
    in_netns(async || {
        let hub = Hub::with(|mut visit| {
            Box::pin(async move {
                while visit.seen.data().len() < 16 * 1024 {
                    visit.next().await;
                }
                visit.opened().await;
                visit.next().await;
            })
        })
        .await;
        let pool = hub.pool(quick());
        let (mut client, ours) = socket_pair().await;
        client.write_all(&pattern(100_000)).await.unwrap();
        let onward = pool.open(&origin().into(), Some(&ours)).await.unwrap();
        assert_eq!(onward.sent, 16 * 1024);
        assert_eq!(hub.seen.data(), &pattern(100_000)[..16 * 1024]);
        let mut next = [0; 10];
        ours.try_read(&mut next).unwrap();
        assert_eq!(
            next,
            pattern(100_000)[16 * 1024..][..10],
            "the rest is the relay's"
        );
    });
}

/// Our end is the one that the edge would have accepted.
pub async fn socket_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let (client, ours) = tokio::join!(client, listener.accept());
    (client.unwrap(), ours.unwrap().0)
}

#[test]
fn refusals_keep_their_meaning_and_the_connection_goes_on() {
    in_netns(async || {
        use OpenRefusal as Why;
        let codes = [
            (Why::Refused, 5),
            (Why::TimedOut, 6),
            (Why::HostUnreachable, 4),
            (Why::NetworkUnreachable, 3),
            (Why::NameNotFound, 4),
            (Why::NotAllowed, 2),
            (Why::UserLimit, 1),
            (Why::HubFailure, 1),
            (Why::Other(999), 1),
        ];
        let hub = Hub::with(|mut visit| {
            Box::pin(async move {
                while let Some(frame) = visit.next().await {
                    let Message::Open(open) = frame else { continue };
                    let code = open.destination.port.into();
                    let text = "because".to_owned();
                    visit
                        .say(Frame::OpenRefused(OpenRefused { code, text }))
                        .await;
                }
            })
        })
        .await;
        let pool = hub.pool(quick());
        let proxy = edge(&pool).await;
        until_idle(&pool, 4).await;
        for (why, expected) in codes {
            let port = why.into();
            let (_, code) = socks5(proxy.address, (origin().ip(), port).into()).await;
            assert_eq!(code, expected, "{why:?}");
        }
        until_settled(&pool).await;
        assert_eq!(hub.seen.came(), 5);
        assert_eq!((pool.status().requests, pool.status().reused), (9, 8));
        assert_eq!(pool.trouble(), None, "the hub is not to blame");
        let destination = "192.0.2.80:5".parse().unwrap();
        let refused = pool.open(&destination, None).await;
        let text = refused.expect_err("the hub refuses").to_string();
        assert!(text.contains("does not connect to 192.0.2.80:5"), "{text}");
        assert!(text.contains("(because)"), "{text}");
    });
}

#[test]
fn who_waits_takes_what_is_handed_back() {
    in_netns(async || {
        let hub = Hub::start().await;
        let (up_sender, up) = tokio::sync::watch::channel(true);
        let options = relay::PoolOptions {
            uplink: Some(gate(up)),
            ..quick()
        };
        let pool = hub.pool(options);
        let proxy = edge(&pool).await;
        until_idle(&pool, 4).await;
        let mut busy = Vec::new();
        for _ in 0..4 {
            busy.push(socks5(proxy.address, origin()).await.0);
        }
        until("it has refilled", || pool.status().idle == 4).await;
        for _ in 0..4 {
            busy.push(socks5(proxy.address, origin()).await.0);
        }
        // From here on nothing can be dialled.
        up_sender.send_replace(false);
        until("nothing is being dialled", || pool.status().dialling == 0).await;
        let idle = pool.status().idle;
        for _ in 0..idle {
            busy.push(socks5(proxy.address, origin()).await.0);
        }
        let waiting = exchange(proxy.address, b"at last");
        let finishing = async {
            until("somebody waits", || {
                proxy.server.registry().len() == 8 + idle
            })
            .await;
            finish(&mut busy[0], b"the first").await;
        };
        tokio::join!(waiting, finishing);
    });
}

#[test]
fn requests_are_dialled_for_at_once_but_not_without_bound() {
    in_netns(async || {
        // Nobody accepts: connections stay in the kernel's queue, without TLS.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hub = Hub::start().await;
        let mut address = hub.hub_address();
        address.destination = listener.local_addr().unwrap().into();
        let pool = relay::HubPool::new(address, quick());
        until("the first are dialled", || pool.status().dialling == 4).await;
        let destination = origin().into();
        let requests = join_all((0..200).map(|_| pool.open(&destination, None)));
        let watching = async {
            until("all are dialled for", || pool.status().dialling >= 64).await;
            for _ in 0..100 {
                tokio::task::yield_now().await;
                assert!(pool.status().dialling <= 72, "{:?}", pool.status());
            }
        };
        tokio::select! {
            _ = requests => panic!("nobody answers"),
            () = watching => {}
        }
    });
}

#[test]
fn the_background_dials_few_at_once() {
    in_netns(async || {
        let all_there = Arc::new(Barrier::new(40));
        let hub = Hub::with(move |mut visit| {
            let all_there = Arc::clone(&all_there);
            Box::pin(async move {
                while let Some(Message::Open(_)) = visit.next().await {
                    all_there.wait().await;
                    visit.opened().await;
                    visit.echo().await;
                }
            })
        })
        .await;
        let pool = hub.pool(quick());
        let proxy = edge(&pool).await;
        join_all((0..40).map(|_| exchange(proxy.address, b"x"))).await;
        until("all are idle", || pool.status().in_use == 0).await;
        let before = hub.seen.came();
        hub.seen.crowd.store(0, Ordering::Relaxed);
        pool.uplinks_changed();
        until("all are replaced", || {
            hub.seen.came() >= before + 36 && pool.status().dialling == 0
        })
        .await;
        assert!(hub.seen.crowd.load(Ordering::Relaxed) <= 8);
    });
}

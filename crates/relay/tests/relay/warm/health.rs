//! Connections that die, hubs that leave, uplinks that change.

use std::sync::atomic::Ordering;
use std::time::Duration;

use relay::copy::Leg;
use relay::secure::Message;
use relay::{HubPool, PoolOptions};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use wire::hub::Frame;

use super::hub::{Hub, Visit};
use super::requests::socket_pair;
use super::{edge, exchange, origin, quick, until_idle, until_settled};
use crate::support::{in_netns, nft, pattern, socks5, until};

/// A hub whose first four connections end in `manner` when an OPEN is there, which they have not
/// looked at; the others echo.
async fn hub_that_leaves(manner: fn(Visit) -> Leaving) -> Hub {
    Hub::with(move |visit| {
        Box::pin(async move {
            if visit.number > 4 {
                return visit.echo_for_ever().await;
            }
            visit.stream.tcp().peek(&mut [0]).await.unwrap();
            manner(visit).await;
        })
    })
    .await
}

type Leaving = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

#[test]
fn a_request_that_finds_a_dead_connection_goes_by_another() {
    in_netns(async || {
        // Its socket is dropped: nobody knows whether it did something.
        let hub = hub_that_leaves(|_| Box::pin(async {})).await;
        let pool = hub.pool(quick());
        until_idle(&pool, 4).await;
        let proxy = edge(&pool).await;
        for _ in 0..4 {
            exchange(proxy.address, b"nobody noticed").await;
        }
    });
}

#[test]
fn what_the_client_sent_is_not_sent_twice() {
    in_netns(async || {
        let hub = hub_that_leaves(|_| Box::pin(async {})).await;
        let pool = hub.pool(quick());
        until_idle(&pool, 4).await;
        let (mut client, ours) = socket_pair().await;
        client.write_all(b"order a pizza").await.unwrap();
        ours.readable().await.unwrap();
        let lost = pool.open(&origin().into(), Some(&ours)).await;
        let text = lost
            .expect_err("nobody knows whether it was ordered")
            .to_string();
        assert!(text.contains("is not sent twice"), "{text}");
        assert_eq!(pool.trouble(), None, "one lost connection is no trouble");
    });
}

#[test]
fn what_a_leaving_hub_did_not_act_on_is_sent_again() {
    in_netns(async || {
        let hub = hub_that_leaves(|mut visit| {
            Box::pin(async move {
                visit.say(Frame::GoAway).await;
                while visit.next().await.is_some() {}
            })
        })
        .await;
        let pool = hub.pool(quick());
        until_idle(&pool, 4).await;
        let (mut client, ours) = socket_pair().await;
        client.write_all(b"order a pizza").await.unwrap();
        ours.readable().await.unwrap();
        let onward = pool.open(&origin().into(), Some(&ours)).await.unwrap();
        assert_eq!(onward.sent, 13);
        let Leg::Secure(mut stream) = onward.leg else {
            panic!("not by the hub")
        };
        let Message::Data(echo) = stream.receive().await.unwrap() else {
            panic!("no data")
        };
        assert_eq!(&echo[..], b"order a pizza");
    });
}

/// The same with as much as ever goes ahead, which is more than fits into one record with OPEN.
#[test]
fn much_that_a_leaving_hub_did_not_act_on_is_sent_again() {
    in_netns(async || {
        let hub = Hub::with(|mut visit| {
            Box::pin(async move {
                let Some(Message::Open(_)) = visit.next().await else {
                    return;
                };
                if visit.number > 4 {
                    visit.opened().await;
                    return while visit.next().await.is_some() {};
                }
                // It has seen all, and acts on nothing of it.
                let mut seen = 0;
                while seen < 16 * 1024 {
                    let Ok(Message::Data(bytes)) = visit.stream.receive().await else {
                        return;
                    };
                    seen += bytes.len();
                }
                visit.stream.close().await;
            })
        })
        .await;
        let pool = hub.pool(quick());
        until_idle(&pool, 4).await;
        let (mut client, ours) = socket_pair().await;
        client.write_all(&pattern(100_000)).await.unwrap();
        let onward = pool.open(&origin().into(), Some(&ours)).await.unwrap();
        assert_eq!(onward.sent, 16 * 1024);
        until("all of it is there", || {
            hub.seen.data().len() >= onward.sent
        })
        .await;
        assert!(hub.seen.data() == pattern(100_000)[..onward.sent]);
    });
}

#[test]
fn an_idle_connection_that_ends_is_replaced() {
    in_netns(async || {
        for manner in 0..3 {
            let (leave, leaving) = tokio::sync::watch::channel(false);
            let hub = Hub::with(move |mut visit| {
                let mut leaving = leaving.clone();
                Box::pin(async move {
                    if visit.number > 4 {
                        return visit.echo_for_ever().await;
                    }
                    leaving.wait_for(|leave| *leave).await.unwrap();
                    match manner {
                        0 => {}
                        1 => visit.stream.close().await,
                        _ => {
                            visit.say(Frame::GoAway).await;
                            while visit.next().await.is_some() {}
                        }
                    }
                })
            })
            .await;
            let pool = hub.pool(quick());
            until_idle(&pool, 4).await;
            let proxy = edge(&pool).await;
            leave.send_replace(true);
            // At the very moment that they end.
            exchange(proxy.address, b"still there?").await;
            until("the others are replaced", || hub.seen.came() >= 8).await;
            until_settled(&pool).await;
        }
    });
}

#[test]
fn a_hub_that_restarts_is_found_again() {
    in_netns(async || {
        let hub = Hub::start().await;
        let pool = hub.pool(quick());
        let proxy = edge(&pool).await;
        until_idle(&pool, 4).await;
        let (_client, code) = socks5(proxy.address, origin()).await;
        assert_eq!(code, 0);
        let mut hub = hub;
        hub.stop().await;
        until("all are gone", || {
            pool.status().idle + pool.status().in_use == 0
        })
        .await;
        let (_, code) = socks5(proxy.address, origin()).await;
        assert_eq!(code, 1, "there is no hub");
        let trouble = pool.trouble().expect("there is no hub");
        assert!(trouble.contains("can't be reached"), "{trouble}");
        let hub = hub.restart().await;
        until_idle(&pool, 4).await;
        assert_eq!(pool.trouble(), None);
        exchange(proxy.address, b"again").await;
        assert!(hub.seen.data() == b"again");
    });
}

/// Drops what comes from the hub on the connections that there are now. The hub hears the edge.
async fn silence(pool: &HubPool, hub: &Hub) {
    until_idle(pool, 4).await;
    let hub = hub.address.port();
    nft(&format!(
        "table inet t {{ set dead {{ type inet_service; }}; \
         chain c {{ type filter hook input priority 0; tcp sport {hub} tcp dport @dead drop; }}; }}"
    ))
    .await;
    // A subflow of an IPv6 socket is in the second.
    let files = ["tcp", "tcp6"].map(|it| format!("/proc/thread-self/net/{it}"));
    let sockets = files
        .map(|it| std::fs::read_to_string(it).unwrap())
        .concat();
    let ends = sockets.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let port = |end: &str| u16::from_str_radix(end.split_once(':')?.1, 16).ok();
        Some((port(words.next()?)?, port(words.next()?)?))
    });
    let ports: Vec<_> = ends
        .filter(|(_, remote)| *remote == hub)
        .map(|(local, _)| local.to_string())
        .collect();
    assert!(ports.len() >= 4, "{sockets}");
    nft(&format!(
        "add element inet t dead {{ {} }}",
        ports.join(", ")
    ))
    .await;
}

#[test]
fn idle_connections_are_pinged_and_dropped_when_silent() {
    in_netns(async || {
        let hub = Hub::start().await;
        let options = PoolOptions {
            ping_every: Duration::from_millis(200),
            ..quick()
        };
        let pool = hub.pool(options);
        until_idle(&pool, 4).await;
        until("they are pinged", || {
            hub.seen.pings.load(Ordering::Relaxed) >= 12
        })
        .await;
        assert_eq!(hub.seen.came(), 4, "who answers stays");
        silence(&pool, &hub).await;
        until("they are replaced", || hub.seen.came() >= 8).await;
        until_idle(&pool, 4).await;
        exchange(edge(&pool).await.address, b"by a new one").await;
    });
}

#[test]
fn a_silent_connection_is_overtaken() {
    in_netns(async || {
        let hub = Hub::start().await;
        let pool = hub.pool(quick());
        silence(&pool, &hub).await;
        let began = Instant::now();
        exchange(edge(&pool).await.address, b"by a new one").await;
        assert!(
            began.elapsed() >= Duration::from_secs(1),
            "nobody waited for a sign"
        );
        assert!(began.elapsed() < quick().connect_timeout);
        assert!(hub.seen.came() > 4);
    });
}

/// After a change of uplinks nothing is entrusted to a connection that has not answered yet.
#[test]
fn after_a_change_of_uplinks_first_bytes_wait_for_a_sign_of_life() {
    in_netns(async || {
        let hub = Hub::start().await;
        let pool = hub.pool(quick());
        silence(&pool, &hub).await;
        let (mut client, ours) = socket_pair().await;
        client.write_all(b"only once").await.unwrap();
        ours.readable().await.unwrap();
        pool.uplinks_changed();
        let onward = pool.open(&origin().into(), Some(&ours)).await.unwrap();
        assert_eq!(onward.sent, 9);
        assert_eq!(hub.seen.data(), b"only once");
    });
}

/// A sign of life that comes late, when another connection is dialled already: the client's first bytes
/// go by the connection that gave it, and by no other after that.
#[test]
fn a_late_sign_of_life_is_no_reason_to_send_twice() {
    in_netns(async || {
        let (answer, answering) = tokio::sync::watch::channel(false);
        let hub = Hub::with(move |mut visit| {
            let mut answering = answering.clone();
            Box::pin(async move {
                if visit.number > 4 {
                    return visit.echo_for_ever().await;
                }
                while let Some(Message::Open(_)) = visit.next().await {
                    visit.next().await;
                    answering.wait_for(|answer| *answer).await.unwrap();
                    visit.opened().await;
                }
            })
        })
        .await;
        let pool = hub.pool(quick());
        silence(&pool, &hub).await;
        let port = hub.address.port();
        nft(&format!(
            "table inet s {{ chain c {{ type filter hook input priority 0; \
             tcp dport {port} tcp flags syn / syn,ack drop; }}; }}"
        ))
        .await;
        let (mut client, ours) = socket_pair().await;
        client.write_all(b"only once").await.unwrap();
        ours.readable().await.unwrap();
        pool.uplinks_changed();
        let pings = &hub.seen.pings;
        until("they are asked", || pings.load(Ordering::Relaxed) == 4).await;
        let destination = origin().into();
        let late = async {
            // Then it has lost patience.
            tokio::time::sleep(Duration::from_millis(1500)).await;
            nft("flush set inet t dead").await;
            until("the first bytes have gone", || !hub.seen.data().is_empty()).await;
            nft("delete table inet s").await;
            until("there are new connections", || pool.status().idle >= 1).await;
            answer.send_replace(true);
        };
        let (onward, ()) = tokio::join!(pool.open(&destination, Some(&ours)), late);
        assert_eq!(onward.unwrap().sent, 9);
        assert_eq!(hub.seen.data(), b"only once");
    });
}

#[test]
fn after_a_change_of_uplinks_all_are_replaced() {
    in_netns(async || {
        let hub = Hub::start().await;
        let pool = hub.pool(quick());
        let proxy = edge(&pool).await;
        until_idle(&pool, 4).await;
        let (mut busy, _) = socks5(proxy.address, origin()).await;
        until("it has refilled", || pool.status().idle == 4).await;
        let before = hub.seen.came();
        pool.uplinks_changed();
        let while_changing = exchange(proxy.address, b"meanwhile");
        tokio::join!(
            while_changing,
            until("there are new ones", || hub.seen.came() >= before + 4)
        );
        until("the old ones have taken leave", || {
            hub.seen.farewells() >= 4
        })
        .await;
        super::finish(&mut busy, b"an old one, in use").await;
        until_idle(&pool, 4).await;
        until("it goes, too", || hub.seen.here() == 4).await;
        assert!(
            hub.seen.pings.load(Ordering::Relaxed) >= 1,
            "they were asked"
        );
    });
}

#[test]
fn what_nobody_needs_is_closed_in_an_orderly_way() {
    in_netns(async || {
        let hub = Hub::start().await;
        let options = PoolOptions {
            forget_half: Duration::from_millis(100),
            retire_after: Duration::from_millis(300),
            ..quick()
        };
        let pool = hub.pool(options);
        let proxy = edge(&pool).await;
        until_idle(&pool, 4).await;
        let mut busy = Vec::new();
        for _ in 0..20 {
            busy.push(socks5(proxy.address, origin()).await.0);
        }
        for client in &mut busy {
            super::finish(client, b"done").await;
        }
        until("there are many", || hub.seen.here() >= 20).await;
        until_idle(&pool, 4).await;
        until("they took leave", || {
            hub.seen.farewells() == hub.seen.came() - 4
        })
        .await;
    });
}

#[test]
fn a_pool_that_is_closed_takes_leave_of_all() {
    in_netns(async || {
        let hub = Hub::start().await;
        let pool = hub.pool(quick());
        let proxy = edge(&pool).await;
        until_idle(&pool, 4).await;
        let (mut busy, _) = socks5(proxy.address, origin()).await;
        until("it has refilled", || pool.status().idle == 4).await;
        pool.close().await;
        until("all idle ones took leave", || hub.seen.farewells() == 4).await;
        super::finish(&mut busy, b"not disturbed").await;
        until("it takes leave, too", || hub.seen.farewells() == 5).await;
        assert_eq!(hub.seen.here(), 0);
        let error = pool
            .open(&origin().into(), None)
            .await
            .expect_err("it is closed");
        assert!(error.to_string().contains("stopping"), "{error}");
    });
}

#[test]
fn a_pool_that_is_dropped_leaves_nothing() {
    in_netns(async || {
        let hub = Hub::start().await;
        let pool = hub.pool(quick());
        until_idle(&pool, 4).await;
        drop(pool);
        until("nothing is left", || hub.seen.here() == 0).await;
    });
}

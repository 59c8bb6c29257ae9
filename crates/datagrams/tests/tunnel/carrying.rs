//! What is sent arrives, by whichever uplink.

use std::collections::HashSet;
use std::time::Duration;

use datagrams::{Received, Standing};
use tls::{EdgeConfig, generate_secret};
use tokio::net::UdpSocket;

use crate::world::{
    Echo, LIMIT, REFUSED_PORT, World, ask, destination, next, next_of_any_kind, uplink, wait_for,
};

#[tokio::test]
async fn datagrams_of_every_size_come_back() {
    let (world, echo) = (World::up(None), Echo::start().await);
    let tunnel = world.edge(&[2], false).await;
    let mut flow = tunnel.open();
    for size in [0, 1, 1100, 1200, 1472, 9000, 60_000] {
        let payload: Vec<u8> = (0..size).map(|at| at as u8).collect();
        let (from, came) = ask(&mut flow, echo.address(), &payload).await;
        assert_eq!(from, echo.address());
        assert_eq!(came, payload, "{size} bytes");
    }
    let usage = world.account.usage();
    assert_eq!(usage.connections, 1);
    assert!(
        usage.bytes_up > 71_000 && usage.bytes_down > 71_000,
        "{usage:?}"
    );
}

#[tokio::test]
async fn a_name_is_looked_up_by_the_hub() {
    let world = World::up(None);
    // Of both families: which of them comes first is the system's to say.
    let peer = UdpSocket::bind("[::]:0").await.unwrap();
    let tunnel = world.edge(&[2], false).await;
    let (flow, mut received) = tunnel.open();
    let to = format!("localhost:{}", peer.local_addr().unwrap().port());
    flow.send(&to.parse().unwrap(), b"who?");
    let mut buffer = [0; 64];
    let asked = tokio::time::timeout(LIMIT, peer.recv_from(&mut buffer)).await;
    let (length, from) = asked.expect("a question in time").unwrap();
    assert_eq!(&buffer[..length], b"who?");
    peer.send_to(b"me", from).await.unwrap();
    let (from, came) = next(&mut received).await;
    assert!(from.ip().is_loopback(), "{from}");
    assert_eq!(&came[..], b"me");
}

/// The hub's port is the flow's whatever happens to uplinks, and anybody may send to it.
#[tokio::test]
async fn the_source_stays_when_uplinks_change() {
    let world = World::up(None);
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let to = destination(peer.local_addr().unwrap());
    let tunnel = world.edge(&[2, 3], false).await;
    let (flow, mut received) = tunnel.open();
    let mut sources = HashSet::new();
    let mut buffer = [0; 64];
    for standings in [
        [Standing::Carries, Standing::Fails],
        [Standing::Fails, Standing::Carries],
        [Standing::Carries, Standing::Carries],
    ] {
        let mut uplinks = [uplink(2), uplink(3)];
        uplinks[0].standing = standings[0];
        uplinks[1].standing = standings[1];
        tunnel.follow(uplinks.to_vec());
        flow.send(&to, b"up");
        let (_, source) = peer.recv_from(&mut buffer).await.unwrap();
        sources.insert(source);
        peer.send_to(b"down", source).await.unwrap();
        assert_eq!(&next(&mut received).await.1[..], b"down");
    }
    assert_eq!(sources.len(), 1);
    let source = sources.into_iter().next().unwrap();
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    stranger.send_to(b"a call", source).await.unwrap();
    let (from, came) = next(&mut received).await;
    assert_eq!(
        (from, &came[..]),
        (stranger.local_addr().unwrap(), &b"a call"[..])
    );
}

/// An uplink that is gone and comes back has another connection, of the same session.
#[tokio::test]
async fn flows_outlive_the_last_connection() {
    let (world, echo) = (World::up(None), Echo::start().await);
    let tunnel = world.edge(&[2], false).await;
    let mut flow = tunnel.open();
    ask(&mut flow, echo.address(), b"before").await;
    tunnel.follow(vec![]);
    wait_for(&tunnel, "no link is left", |status| status.links.is_empty()).await;
    tunnel.follow(vec![uplink(3)]);
    wait_for(&tunnel, "the new one is connected", |status| {
        status.links[0].connected
    })
    .await;
    ask(&mut flow, echo.address(), b"after").await;
    assert_eq!(world.account.usage().connections, 1, "it is the same flow");
}

#[tokio::test]
async fn what_is_sent_twice_comes_once() {
    let (world, echo) = (World::up(None), Echo::start().await);
    let tunnel = world.edge(&[2, 3], true).await;
    wait_for(&tunnel, "both are used", |status| {
        status.links.iter().all(|link| link.used)
    })
    .await;
    let (flow, mut received) = tunnel.open();
    let mut came = Vec::new();
    for number in 0..50_u8 {
        flow.send(&destination(echo.address()), &[number]);
        came.push(next(&mut received).await.1[0]);
    }
    assert_eq!(came, (0..50).collect::<Vec<u8>>());
    // Nothing comes behind.
    let more = tokio::time::timeout(Duration::from_millis(200), received.recv()).await;
    assert!(more.is_err(), "{more:?}");
    assert_eq!(world.account.usage().bytes_up, 50);
}

#[tokio::test]
async fn rules_and_limits_are_those_of_connections() {
    let (world, echo) = (World::up(Some(2)), Echo::start().await);
    let tunnel = world.edge(&[2], false).await;
    let mut flows = [tunnel.open(), tunnel.open(), tunnel.open()];
    let mut refused = echo.address();
    refused.set_port(REFUSED_PORT);
    flows[0].0.send(&destination(refused), b"no");
    ask(&mut flows[0], echo.address(), b"one").await;
    ask(&mut flows[1], echo.address(), b"two").await;
    assert_eq!(world.account.usage().refused, 1);
    flows[2].0.send(&destination(echo.address()), b"three");
    let (flow, received) = &mut flows[2];
    let none = tokio::time::timeout(Duration::from_millis(300), received.recv()).await;
    assert!(none.is_err(), "{none:?}");
    flow.send(&destination(echo.address()), b"three");
    assert_eq!(world.account.open(), 2);
    // Others go on.
    ask(&mut flows[0], echo.address(), b"one").await;
}

#[tokio::test]
async fn who_is_no_user_is_told_and_who_is_none_any_more_ends() {
    let (world, echo) = (World::up(None), Echo::start().await);
    let stranger = EdgeConfig::new(&world.key.pin(), &generate_secret());
    let refused = world.edge_as(stranger, &[2], false);
    wait_for(&refused, "the hub refuses", |status| {
        let trouble = status.links[0].trouble.as_deref();
        trouble.is_some_and(|it| it.contains("refuses"))
    })
    .await;

    let tunnel = world.edge(&[2], false).await;
    let mut flow = tunnel.open();
    ask(&mut flow, echo.address(), b"hello").await;
    world.account.remove();
    wait_for(&tunnel, "the link ends", |status| {
        !status.links[0].connected
    })
    .await;
}

/// Traffic has another way then, and comes back.
#[tokio::test]
async fn a_hub_that_is_not_there_is_told_of_after_a_while() {
    let world = World::up(None);
    let tunnel = world.edge(&[2], false).await;
    assert!(tunnel.status().trouble.is_none());
    world.end();
    wait_for(&tunnel, "it is down", |status| {
        !status.up && status.trouble.is_some()
    })
    .await;
}

/// Who sends to a closed port is told, and what it sends to others meanwhile arrives.
#[tokio::test]
async fn that_nobody_listens_is_told() {
    let world = World::up(None);
    let (echo, tunnel) = (Echo::start().await, world.edge(&[1], false).await);
    let closed = {
        let closing = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        closing.local_addr().unwrap()
    };
    let mut port = tunnel.open();
    ask(&mut port, echo.address(), b"first").await;
    let (flow, received) = &mut port;
    flow.send(&destination(closed), b"anybody?");
    assert_eq!(next_of_any_kind(received).await, Received::Refused(closed));
    // Sent one after the other, so that the error is pending at the hub's socket.
    for _ in 0..10 {
        flow.send(&destination(closed), b"anybody?");
        flow.send(&destination(echo.address()), b"still there?");
    }
    let (mut answers, mut refusals) = (0, 0);
    while answers < 10 {
        match next_of_any_kind(received).await {
            Received::Datagram(from, _) => {
                assert_eq!(from, echo.address());
                answers += 1;
            }
            Received::Refused(peer) => {
                assert_eq!(peer, closed);
                refusals += 1;
            }
        }
    }
    assert!(refusals > 0);
}

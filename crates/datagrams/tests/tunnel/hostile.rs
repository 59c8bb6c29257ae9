//! Bytes that nobody should send end one connection at most.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint};
use tls::EdgeConfig;
use wire::hub::datagram::{Content, FlowId, Order, Packet, SessionId};
use wire::hub::{Frame, Hello, VERSIONS};

use crate::world::{Echo, LIMIT, World, ask, destination};

/// A connection of the user's that has said nothing yet.
async fn connect(world: &World, config: &EdgeConfig) -> Connection {
    let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let tls = QuicClientConfig::try_from(config.for_datagrams()).unwrap();
    let client = ClientConfig::new(Arc::new(tls));
    let connecting = endpoint
        .connect_with(client, world.hub, "hub.invalid")
        .unwrap();
    connecting.await.unwrap()
}

fn greeting() -> Vec<u8> {
    let mut bytes = Vec::new();
    let hello = Hello {
        versions: VERSIONS,
        software: "a test".to_owned(),
    };
    Frame::Hello(hello).encode(&mut bytes);
    Order::Join(SessionId([7; 16])).encode(&mut bytes);
    bytes
}

async fn is_closed(connection: &Connection, what: &str) {
    let closed = tokio::time::timeout(LIMIT, connection.closed()).await;
    assert!(closed.is_ok(), "the hub puts up with {what}");
}

#[tokio::test]
async fn wrong_datagrams_end_their_connection_alone() {
    let (world, echo) = (World::up(None), Echo::start().await);
    let tunnel = world.edge(&[2], false).await;
    let mut flow = tunnel.open();
    let content = Content {
        peer: destination(echo.address()),
        payload: b"",
    };
    let cut = content.encode()[..5].to_vec();
    let flow_of_wrong = Packet::Once {
        flow: FlowId(1),
        content: &cut,
    };
    for wrong in [
        vec![],
        vec![0xff; 100],
        vec![0x30, 0],
        vec![0x32, 0, 0, 0, 1, 0, 0, 0, 1, 9, 3],
        flow_of_wrong.encode(),
    ] {
        let connection = connect(&world, &world.config()).await;
        let (mut orders, mut answers) = connection.open_bi().await.unwrap();
        orders.write_all(&greeting()).await.unwrap();
        answers.read_exact(&mut [0; 3]).await.unwrap();
        let what = format!("{wrong:?}");
        connection.send_datagram(wrong.into()).unwrap();
        is_closed(&connection, &what).await;
        ask(&mut flow, echo.address(), b"still here").await;
    }
}

#[tokio::test]
async fn wrong_orders_end_their_connection_alone() {
    let (world, echo) = (World::up(None), Echo::start().await);
    let tunnel = world.edge(&[2], false).await;
    let mut flow = tunnel.open();
    for wrong in [
        vec![0xff; 600],
        vec![0x10, 0, 0],
        [greeting(), vec![0x35, 0, 1, 9]].concat(),
        [greeting(), vec![0x99, 0xff, 0xff]].concat(),
    ] {
        let connection = connect(&world, &world.config()).await;
        let (mut orders, _answers) = connection.open_bi().await.unwrap();
        // It may be closed before all is written.
        let _ = orders.write_all(&wrong).await;
        is_closed(&connection, &format!("{wrong:?}")).await;
        ask(&mut flow, echo.address(), b"still here").await;
    }
}

/// Anybody can send to the hub's port.
#[tokio::test]
async fn noise_at_the_port_disturbs_nobody() {
    let (world, echo) = (World::up(None), Echo::start().await);
    let tunnel = world.edge(&[2], false).await;
    let mut flow = tunnel.open();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    for seed in 0..2000_u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random as u8
        })
        .take(1 + seed as usize % 1400)
        .collect();
        stranger.send_to(&noise, world.hub).unwrap();
        if seed % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    ask(&mut flow, echo.address(), b"still here").await;
}

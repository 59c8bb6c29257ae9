//! The edge's connections to a hub, with hubs that do as the tests want.

mod health;
mod hub;
mod isolation;
mod leftovers;
mod requests;
mod trouble;
mod whole;

use std::net::SocketAddr;
use std::time::Duration;

use relay::{Connector, ConnectorOptions, HubPool, PoolOptions, Route, ServerOptions, UplinkGate};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::support::{Served, read_all, socks5, until};

/// What the fake hubs never connect to.
fn origin() -> SocketAddr {
    "192.0.2.80:80".parse().unwrap()
}

/// A proxy whose connections go through the pool.
async fn edge(pool: &HubPool) -> Served {
    let connector = Connector::new(Route::Hub(pool.clone()), ConnectorOptions::default());
    Served::proxy(connector, ServerOptions::default()).await
}

/// A whole user connection through a hub that echoes.
async fn exchange(proxy: SocketAddr, text: &[u8]) {
    let (mut client, code) = socks5(proxy, origin()).await;
    assert_eq!(code, 0);
    finish(&mut client, text).await;
}

async fn finish(client: &mut TcpStream, text: &[u8]) {
    client.write_all(text).await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_all(client).await, text);
}

async fn until_idle(pool: &HubPool, connections: usize) {
    let what = format!("{connections} connections are idle");
    until(&what, || {
        let status = pool.status();
        (status.idle, status.in_use, status.dialling) == (connections, 0, 0)
    })
    .await;
}

/// Until nothing is under way. How many are idle then depends on how requests and dials met.
async fn until_settled(pool: &HubPool) {
    until("all are idle", || {
        let status = pool.status();
        status.idle >= 4 && (status.in_use, status.dialling) == (0, 0)
    })
    .await;
}

/// A program waits for an uplink for longer than any test takes.
fn gate(up: watch::Receiver<bool>) -> UplinkGate {
    let wait = Duration::from_secs(3600);
    UplinkGate { up, wait }
}

/// Options with which the tests need not wait long.
fn quick() -> PoolOptions {
    PoolOptions {
        connect_timeout: Duration::from_secs(10),
        ..PoolOptions::default()
    }
}

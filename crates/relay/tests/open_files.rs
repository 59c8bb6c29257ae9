//! The accept loop when the process may open no more files. A test binary of its own, since the limit
//! is the process's.
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::time::Duration;

use mptcp::Transport;
use relay::{Connector, ConnectorOptions, Intake, Route, Server, ServerOptions};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

#[tokio::test]
async fn the_accept_loop_survives_the_limit_of_open_files() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let route = Route::Direct(Transport::Tcp);
    let connector = Connector::new(route, ConnectorOptions::default());
    let server = Server::new(connector, ServerOptions::default());
    tokio::spawn(async move {
        server
            .serve(listener, Intake::Proxy, std::future::pending())
            .await
    });

    let mut clients = fill_up(address).await;
    let mut last = clients.pop().unwrap();
    last.write_all(&[5, 1, 0]).await.unwrap();
    let mut answer = [0; 2];
    let early = timeout(Duration::from_millis(500), last.read_exact(&mut answer)).await;
    assert!(
        early.is_err(),
        "it was accepted, so the limit was not reached"
    );

    drop(clients);
    timeout(Duration::from_secs(30), last.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer, [5, 0]);
}

/// Connects until no file is left. Each accepted connection takes two, so that an odd number of files
/// leaves the last client without the server's half.
async fn fill_up(address: std::net::SocketAddr) -> Vec<TcpStream> {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(open + 21),
            maximum,
        },
    )
    .unwrap();
    let mut clients = Vec::new();
    while let Ok(client) = TcpStream::connect(address).await {
        clients.push(client);
    }
    clients
}

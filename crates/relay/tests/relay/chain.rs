//! Chains of SOCKS5 proxies: our own and microsocks.

use std::net::SocketAddr;
use std::process::Stdio;

use mptcp::{ListenOptions, Transport};
use relay::{
    Chain, Connector, ConnectorOptions, Hop, Intake, Protocols, Route, ServerOptions, Users,
};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use wire::Credentials;

use crate::support::{
    Served, ask, direct, in_netns, listen, pattern, read_all, run, socks5, through,
};

fn ann(password: &str) -> Credentials {
    Credentials {
        user: "ann".try_into().unwrap(),
        password: password.try_into().unwrap(),
    }
}

fn hop(proxy: SocketAddr, credentials: Option<Credentials>) -> Hop {
    Hop {
        proxy: proxy.into(),
        credentials,
    }
}

async fn edge(first: Hop, more: Vec<Hop>) -> Served {
    let route = Route::Chain(Chain::new(first, more));
    let connector = Connector::new(route, ConnectorOptions::default());
    Served::proxy(connector, ServerOptions::default()).await
}

/// Our own hub: MPTCP, SOCKS5 alone, one user.
fn hub() -> Served {
    let local = "127.0.0.1:0".parse().unwrap();
    let listening = mptcp::listen(Transport::Mptcp, local, &ListenOptions::default()).unwrap();
    let options = ServerOptions {
        protocols: Protocols::SOCKS5,
        users: Some(Users::from_iter([ann("secret")])),
        ..ServerOptions::default()
    };
    let listener = TcpListener::from_std(listening.listener).unwrap();
    Served::start(direct(), options, listener, Intake::Proxy)
}

/// A microsocks with user and password, and its address.
async fn microsocks() -> (Child, SocketAddr) {
    // It wants to be told its port.
    let (listener, address) = listen().await;
    drop(listener);
    let port = address.port().to_string();
    let child = Command::new("microsocks")
        .args(["-i", "127.0.0.1", "-p", &port, "-u", "ann", "-P", "secret"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("install microsocks");
    while TcpStream::connect(address).await.is_err() {
        tokio::task::yield_now().await;
    }
    (child, address)
}

/// Bytes through `edge` and back. No half-close: microsocks ends both directions at the first FIN.
async fn exchange(edge: &Served) {
    let (mut client, mut origin) = through(edge).await;
    client.write_all(&pattern(100_000)).await.unwrap();
    assert!(ask(&mut origin, &pattern(50_000), 100_000).await == pattern(100_000));
    assert!(ask(&mut client, b"", 50_000).await == pattern(50_000));
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut origin).await, b"");
    drop(origin);
    assert_eq!(read_all(&mut client).await, b"");
    edge.idle().await;
}

#[test]
fn through_our_hub_over_mptcp() {
    in_netns(async || {
        let hub = hub();
        let edge = edge(hop(hub.address, Some(ann("secret"))), Vec::new()).await;
        exchange(&edge).await;
        let (_client, _origin) = through(&edge).await;
        let live = edge.server.registry().snapshot();
        let onward = live[0].onward.as_ref().unwrap();
        assert!(
            !onward.fallback,
            "the hub was not reached over MPTCP: {onward:?}"
        );
    });
}

#[test]
fn through_microsocks() {
    in_netns(async || {
        let (_child, proxy) = microsocks().await;
        exchange(&edge(hop(proxy, Some(ann("secret"))), Vec::new()).await).await;
    });
}

#[test]
fn through_two_proxies_in_either_order() {
    in_netns(async || {
        let (_child, foreign) = microsocks().await;
        let own = hub();
        for (first, second) in [(own.address, foreign), (foreign, own.address)] {
            let more = vec![hop(second, Some(ann("secret")))];
            exchange(&edge(hop(first, Some(ann("secret"))), more).await).await;
        }
    });
}

/// Something that only the hub can resolve: the edge asks it to.
#[test]
fn names_are_passed_on() {
    in_netns(async || {
        let (listener, proxy) = listen().await;
        let edge = edge(hop(proxy, None), Vec::new()).await;
        let address = edge.address.to_string();
        let client = tokio::spawn(async move {
            run(
                "curl",
                [
                    "-sS",
                    "--socks5-hostname",
                    &address,
                    "http://only.there.test/",
                ],
            )
            .await
        });
        let (mut hub, _) = listener.accept().await.unwrap();
        assert_eq!(ask(&mut hub, b"", 3).await, [5, 1, 0]);
        let request = ask(&mut hub, &[5, 0], 22).await;
        assert_eq!(request, b"\x05\x01\x00\x03\x0fonly.there.test\x00\x50");
        // The origin's first bytes come with the reply.
        let reply = b"\x05\x00\x00\x01\0\0\0\0\0\0HTTP/1.0 200 OK\r\n\r\nhello";
        hub.write_all(reply).await.unwrap();
        hub.shutdown().await.unwrap();
        assert_eq!(client.await.unwrap(), "hello");
    });
}

#[test]
fn errors_along_the_chain() {
    in_netns(async || {
        let hub = hub();
        let nobody: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let (_listener, somebody) = listen().await;
        let good = || hop(hub.address, Some(ann("secret")));
        let code = async |first, more, destination| {
            socks5(edge(first, more).await.address, destination).await.1
        };
        assert_eq!(code(good(), vec![], nobody).await, 5, "what the hub says");
        assert_eq!(
            code(hop(nobody, None), vec![], somebody).await,
            1,
            "no first proxy"
        );
        assert_eq!(
            code(good(), vec![hop(nobody, None)], somebody).await,
            1,
            "no second proxy"
        );
        let wrong = hop(hub.address, Some(ann("wrong")));
        assert_eq!(code(wrong, vec![], somebody).await, 1, "wrong password");
        assert_eq!(
            code(hop(hub.address, None), vec![], somebody).await,
            1,
            "no password"
        );
        let web = crate::support::Origin::start().await;
        let no_proxy = hop(SocketAddr::from(([127, 0, 0, 1], web.port)), None);
        assert_eq!(code(no_proxy, vec![], somebody).await, 1, "no proxy at all");
    });
}

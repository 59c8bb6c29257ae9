//! Hubs that can't be used, and what is said of them.

use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use mptcp::ConnectOptions;
use relay::warm::{Passed, Stage, probe};
use relay::{HubAddress, HubPool, HubState, PoolOptions, SecureStream};
use tls::{EdgeConfig, HubConfig, HubKey};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::watch;
use wire::hub::{Frame, Refusal, Welcome};

use super::hub::Hub;
use super::{edge, exchange, gate, origin, quick, until_settled};
use crate::support::{in_netns, socks5, until};

/// What is said of a hub that can't be used. Its pool must not hammer on it.
async fn trouble(hub: &Hub, address: HubAddress) -> String {
    let pool = HubPool::new(address, quick());
    until("there is trouble", || pool.trouble().is_some()).await;
    let status = pool.status();
    assert_eq!(status.state, HubState::Failing);
    assert_eq!(status.trouble, pool.trouble());
    // Attempts are at least 0.125, 0.25 and 0.5 s apart.
    let before = hub.seen.came();
    tokio::time::sleep(Duration::from_millis(800)).await;
    let more = hub.seen.came() - before;
    assert!((1..=4).contains(&more), "{more} attempts");
    let (_, code) = socks5(edge(&pool).await.address, origin()).await;
    assert_eq!(code, 1);
    pool.trouble().expect("it has not gone")
}

fn other_key(hub: &Hub) -> HubAddress {
    let config = EdgeConfig::new(&HubKey::generate().pin(), &tls::generate_secret());
    HubAddress {
        config,
        ..hub.hub_address()
    }
}

#[test]
fn another_key_than_the_links() {
    in_netns(async || {
        let hub = Hub::start().await;
        let said = trouble(&hub, other_key(&hub)).await;
        assert!(
            said.contains("is not the one that the link is for"),
            "{said}"
        );
    });
}

#[test]
fn no_such_user() {
    in_netns(async || {
        let hub = Hub::that_refuses(Refusal::UnknownUser, 1..=1).await;
        let said = trouble(&hub, hub.hub_address()).await;
        assert!(
            said.contains("knows no user with the link's secret"),
            "{said}"
        );
    });
}

#[test]
fn no_common_version() {
    in_netns(async || {
        let hub = Hub::that_refuses(Refusal::Version, 2..=3).await;
        let said = trouble(&hub, hub.hub_address()).await;
        assert!(
            said.contains("speaks versions 2 to 3 of the protocol, this edge version 1"),
            "{said}"
        );
        assert!(said.ends_with("update the edge"), "{said}");
    });
}

/// A hub that goes on in a version that was not offered is not believed to speak ours.
#[test]
fn a_version_that_was_not_offered() {
    in_netns(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (key, secret) = (HubKey::generate(), tls::generate_secret());
        let address = HubAddress {
            also: None,
            destination: listener.local_addr().unwrap().into(),
            config: EdgeConfig::new(&key.pin(), &secret),
        };
        let hub = async {
            let tcp = listener.accept().await.unwrap().0;
            let mut stream = SecureStream::accept(tcp, &HubConfig::new(&key)).await;
            let stream = stream.as_mut().expect("the right key");
            stream.receive().await.expect("HELLO");
            let welcome = Welcome {
                version: 2,
                software: "new".into(),
            };
            stream.send(&[Frame::Welcome(welcome)]).await.unwrap();
            let _end = stream.receive().await;
        };
        let from = ConnectOptions::default();
        let probing = probe(&address, &from, Duration::from_secs(10), |_, _| {});
        let (probed, ()) = tokio::join!(probing, hub);
        let error = probed.expect_err("it is none of ours");
        assert!(error.to_string().ends_with("update the edge"), "{error}");
    });
}

#[test]
fn a_full_and_a_stopping_hub() {
    in_netns(async || {
        let hub = Hub::that_refuses(Refusal::UserLimit, 1..=1).await;
        let said = trouble(&hub, hub.hub_address()).await;
        assert!(
            said.contains("takes no more connections of this user"),
            "{said}"
        );
        let hub = Hub::that_refuses(Refusal::Stopping, 1..=1).await;
        let said = trouble(&hub, hub.hub_address()).await;
        assert!(said.contains("is about to stop"), "{said}");
    });
}

#[test]
fn no_hub_at_all() {
    in_netns(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hub = Hub::start().await;
        let address = HubAddress {
            destination: listener.local_addr().unwrap().into(),
            ..hub.hub_address()
        };
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream
                    .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    .await
                    .unwrap();
                stream.shutdown().await.unwrap();
                drop(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await);
            }
        });
        let pool = HubPool::new(address, quick());
        until("there is trouble", || pool.trouble().is_some()).await;
        let said = pool.trouble().unwrap();
        assert!(said.contains("is no manypath hub"), "{said}");
    });
}

#[test]
fn nothing_is_dialled_while_there_is_no_way_out() {
    in_netns(async || {
        let hub = Hub::start().await;
        let (up_sender, up) = watch::channel(false);
        let options = PoolOptions {
            uplink: Some(gate(up)),
            ..quick()
        };
        let pool = hub.pool(options);
        let proxy = edge(&pool).await;
        let request = tokio::spawn(async move { exchange(proxy.address, b"now").await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(hub.seen.came(), 0);
        assert_eq!(pool.status().state, HubState::NoUplink);
        up_sender.send_replace(true);
        request.await.unwrap();
        until_settled(&pool).await;
    });
}

#[test]
fn a_request_waits_for_a_route() {
    in_netns(async || {
        let hub = Hub::start().await;
        let (_up_sender, up) = watch::channel(true);
        let options = PoolOptions {
            uplink: Some(gate(up)),
            ..quick()
        };
        ip("route flush table local");
        let pool = hub.pool(options);
        let asker = pool.clone();
        let request = tokio::spawn(async move { asker.open(&origin().into(), None).await });
        until("it is tried", || pool.status().dialling > 0).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!request.is_finished());
        ip("route add local 127.0.0.0/8 dev lo table local");
        pool.uplinks_changed();
        request.await.unwrap().unwrap();
    });
}

fn ip(arguments: &str) {
    let ip = Command::new("ip").args(arguments.split(' ')).status();
    assert!(ip.unwrap().success(), "{arguments}");
}

#[test]
fn a_probe_tells_each_step() {
    in_netns(async || {
        let hub = Hub::start().await;
        let from = ConnectOptions {
            local: Some("127.0.0.9".parse().unwrap()),
            ..Default::default()
        };
        let passed = Mutex::new(Vec::new());
        let note = |step, _| passed.lock().unwrap().push(step);
        probe(&hub.hub_address(), &from, Duration::from_secs(10), note)
            .await
            .unwrap();
        let passed = passed.into_inner().unwrap();
        let [
            Passed::Resolved(addresses),
            Passed::Connected { local, remote, .. },
            Passed::Secured,
            Passed::Welcome(welcome),
        ] = &passed[..]
        else {
            panic!("{passed:?}")
        };
        assert_eq!(addresses[..], [hub.address]);
        assert_eq!(local.ip().to_string(), "127.0.0.9");
        assert_eq!(*remote, hub.address);
        assert_eq!(welcome.software, "test-hub/9");
        until("it took leave", || hub.seen.farewells() == 1).await;
    });
}

#[test]
fn a_probe_says_which_step_failed() {
    in_netns(async || {
        let probe_stage = async |address: &HubAddress, from: &ConnectOptions| {
            let limit = Duration::from_secs(1);
            let error = probe(address, from, limit, |_, _| {})
                .await
                .expect_err("it can't succeed");
            (error.stage, error.source.to_string())
        };
        let plain = ConnectOptions::default();
        let mut hub = Hub::start().await;
        let (stage, said) = probe_stage(&other_key(&hub), &plain).await;
        assert_eq!(stage, Stage::Secure, "{said}");
        let refusing = Hub::that_refuses(Refusal::UnknownUser, 1..=1).await;
        let (stage, said) = probe_stage(&refusing.hub_address(), &plain).await;
        assert_eq!(stage, Stage::Greet, "{said}");
        let from = ConnectOptions {
            local: Some("::1".parse().unwrap()),
            ..Default::default()
        };
        let (stage, said) = probe_stage(&hub.hub_address(), &from).await;
        assert_eq!(stage, Stage::Resolve, "{said}");
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = HubAddress {
            destination: silent.local_addr().unwrap().into(),
            ..hub.hub_address()
        };
        let (stage, said) = probe_stage(&address, &plain).await;
        assert_eq!(stage, Stage::Secure, "{said}");
        assert!(said.contains("did not answer within 1 s"), "{said}");
        hub.stop().await;
        let (stage, said) = probe_stage(&hub.hub_address(), &plain).await;
        assert_eq!(stage, Stage::Connect, "{said}");
    });
}

//! Happy Eyeballs, in a namespace where one family is dead.

use std::process::Command;

use netcfg::{InterfaceIndex, NetNs, Netlink};
use tokio::net::TcpListener;

use super::*;

#[test]
fn families_alternate() {
    let mixed = |addresses: &[&str]| -> Vec<String> {
        let parsed = addresses.iter().map(|it| it.parse().unwrap()).collect();
        interleave(parsed)
            .iter()
            .map(SocketAddr::to_string)
            .collect()
    };
    assert_eq!(
        mixed(&["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1"]),
        ["[::1]:1", "10.0.0.1:1", "[::2]:1", "[::3]:1"],
    );
    assert_eq!(
        mixed(&["10.0.0.1:1", "[::1]:1", "[::2]:1", "[::3]:1"]),
        ["10.0.0.1:1", "[::1]:1", "[::2]:1", "[::3]:1"],
    );
    assert_eq!(
        mixed(&["10.0.0.1:1", "10.0.0.2:1"]),
        ["10.0.0.1:1", "10.0.0.2:1"]
    );
}

/// Runs `test` in a new namespace that lets no SYN to IPv6 in, with the port of a listener for both
/// families.
fn with_dead_ipv6<F: Future<Output = ()>>(test: impl FnOnce(u16) -> F + Send) {
    NetNs::new().expect("this test needs root").run(|| {
        let rules = "table ip6 t { chain c { type filter hook input priority 0; policy drop; }; }";
        assert!(Command::new("nft").arg(rules).status().unwrap().success());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            Netlink::new()
                .unwrap()
                .set_link_up(InterfaceIndex::LOOPBACK)
                .await
                .unwrap();
            let listener = TcpListener::bind("[::]:0").await.unwrap();
            test(listener.local_addr().unwrap().port()).await;
        });
    });
}

async fn race(transport: Transport, addresses: &[String]) -> Result<TcpStream, ConnectError> {
    let destination = "both.test:80".parse().unwrap();
    let addresses = addresses.iter().map(|it| it.parse().unwrap()).collect();
    let race = Direct {
        transport,
        filter: None,
        from: vec![ConnectOptions::default()],
        lookups: Lookups::default(),
    };
    race.race(&destination, addresses).await
}

#[test]
fn a_dead_family_costs_one_delay() {
    with_dead_ipv6(async |port| {
        let addresses = [format!("[::1]:{port}"), format!("127.0.0.1:{port}")];
        for transport in [Transport::Tcp, Transport::Mptcp] {
            let began = Instant::now();
            let stream = race(transport, &addresses).await.unwrap();
            let peer = stream.peer_addr().unwrap().ip();
            assert!(peer.to_canonical().is_ipv4());
            assert!(began.elapsed() >= ATTEMPT_DELAY, "IPv6 had no chance");
            // The kernel alone would have tried IPv6 for two minutes.
            assert!(began.elapsed() < Duration::from_secs(30));
        }
    });
}

#[test]
fn a_failure_starts_the_next_attempt_at_once() {
    with_dead_ipv6(async |port| {
        // So many refusals would cost ten seconds.
        let mut addresses = vec!["127.0.0.1:1".to_owned(); 40];
        addresses.push(format!("127.0.0.1:{port}"));
        let began = Instant::now();
        race(Transport::Tcp, &addresses).await.unwrap();
        assert!(
            began.elapsed() < ATTEMPT_DELAY * 20,
            "{:?}",
            began.elapsed()
        );
    });
}

#[test]
fn the_most_telling_failure_is_reported() {
    with_dead_ipv6(async |_| {
        let addresses = ["[2001:db8::1]:1", "127.0.0.1:1", "192.0.2.1:1"].map(String::from);
        let error = race(Transport::Tcp, &addresses).await.unwrap_err();
        assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
        let error = race(Transport::Tcp, &addresses[2..]).await.unwrap_err();
        assert!(
            matches!(error, ConnectError::NetworkUnreachable { .. }),
            "{error}"
        );
    });
}

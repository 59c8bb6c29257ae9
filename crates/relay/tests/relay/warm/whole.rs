//! Edge and hub together: every kind of client, real origins.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mptcp::{ListenOptions, Transport};
use relay::{
    Account, AccountTerms, Accounts, Connector, ConnectorOptions, HubAddress, HubIntake,
    HubOptions, HubPool, Intake, Rates, Route, ServerOptions, Usage,
};
use tls::{EdgeConfig, HubConfig, HubKey, user_key};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wire::hub::{UserKey, UserSecret};

use super::hub::Hub;
use super::{edge, exchange, quick, until_idle, until_settled};
use crate::support::{
    Origin, Served, direct, in_netns, listen, nft, output, pattern, read_all, socks5, through,
    until,
};

/// The one user that there is.
#[derive(Debug)]
struct One(UserKey, Arc<Account>);

impl Accounts for One {
    fn by_key(&self, key: &UserKey) -> Option<Arc<Account>> {
        (*key == self.0).then(|| Arc::clone(&self.1))
    }
}

/// A hub that connects everywhere, and who may use it.
pub(super) struct RealHub {
    served: Served,
    address: HubAddress,
    account: Arc<Account>,
    key: Arc<HubKey>,
    secret: UserSecret,
}

impl RealHub {
    pub(super) fn start() -> Self {
        let local = "127.0.0.1:0".parse().unwrap();
        Self::with(local, Arc::new(HubKey::generate()), tls::generate_secret())
    }

    fn with(local: std::net::SocketAddr, key: Arc<HubKey>, secret: UserSecret) -> Self {
        let terms = AccountTerms {
            max_connections: None,
            rates: Rates::default(),
            connector: direct(),
        };
        let account = Arc::new(Account::new("ann", terms, Usage::default()));
        let accounts = Arc::new(One(user_key(&secret), Arc::clone(&account)));
        let intake = HubIntake::new(HubConfig::new(&key), accounts, HubOptions::default());
        let listening = mptcp::listen(Transport::Mptcp, local, &ListenOptions::default()).unwrap();
        let listener = TcpListener::from_std(listening.listener).unwrap();
        let options = ServerOptions {
            drain: Duration::from_secs(5),
            ..ServerOptions::default()
        };
        let served = Served::start(direct(), options, listener, Intake::Hub(intake));
        let address = HubAddress {
            also: None,
            destination: served.address.into(),
            config: EdgeConfig::new(&key.pin(), &secret),
        };
        Self {
            served,
            address,
            account,
            key,
            secret,
        }
    }

    pub(super) fn pool(&self) -> HubPool {
        HubPool::new(self.address.clone(), quick())
    }
}

#[test]
fn programs_reach_origins_through_edge_and_hub() {
    in_netns(async || {
        let (hub, web) = (RealHub::start(), Origin::start().await);
        let pool = hub.pool();
        let proxy = edge(&pool).await;
        until_idle(&pool, 4).await;
        let url = web.url("localhost", "/bytes/300000");
        for options in [
            &["--socks5-hostname"][..],
            &["--socks4a"],
            &["--proxy"],
            &["--proxytunnel", "--proxy"],
        ] {
            let address = proxy.address.to_string();
            let arguments = [&["-sSf", "--max-time", "20"], options, &[&address, &url]].concat();
            let got = output("curl", arguments).await;
            assert!(got.stdout == pattern(300_000), "{options:?}: {got:?}");
            until_settled(&pool).await;
        }
        assert_eq!((pool.status().requests, pool.status().reused), (4, 3));
        assert_eq!(hub.account.usage().connections, 4);
        proxy.idle().await;
    });
}

#[test]
fn both_directions_and_half_close_survive_edge_and_hub() {
    in_netns(async || {
        let hub = RealHub::start();
        let pool = hub.pool();
        let proxy = edge(&pool).await;
        until_idle(&pool, 4).await;
        for _ in 0..3 {
            let (mut client, mut origin) = through(&proxy).await;
            let (up, down) = (pattern(3_000_000), pattern(2_000_000));
            let (mut read_up, mut read_down) = (Vec::new(), vec![0; down.len()]);
            tokio::join!(
                async {
                    client.write_all(&up).await.unwrap();
                    client.shutdown().await.unwrap();
                    client.read_exact(&mut read_down).await.unwrap();
                },
                async {
                    origin.read_to_end(&mut read_up).await.unwrap();
                    origin.write_all(&down).await.unwrap();
                },
            );
            assert!(read_up == up && read_down == down);
            drop(origin);
            assert_eq!(read_all(&mut client).await, b"");
            until_settled(&pool).await;
        }
        assert_eq!(pool.status().reused, 2);
    });
}

/// What leaves before OPENED is the beginning of the same stream, and is counted.
#[test]
fn intercepted_bytes_arrive_once_and_in_order() {
    in_netns(async || {
        let hub = RealHub::start();
        let pool = hub.pool();
        let connector = Connector::new(Route::Hub(pool.clone()), ConnectorOptions::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let edge = Served::start(
            connector,
            ServerOptions::default(),
            listener,
            Intake::Redirect,
        );
        let (listener, destination) = listen().await;
        // The client is told apart by its source: everyone here is root.
        nft(&format!(
            "table inet t {{ chain c {{ type nat hook output priority -100; \
               ip saddr 127.0.0.2 tcp dport {} redirect to :{}; }}; }}",
            destination.port(),
            edge.address.port()
        ))
        .await;
        until_idle(&pool, 4).await;
        for len in [1, 16_000, 16_384, 100_000, 5_000_000] {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
            let mut client = socket.connect(destination).await.unwrap();
            let sent = pattern(len);
            let mut got = Vec::new();
            tokio::join!(
                async {
                    client.write_all(&sent).await.unwrap();
                    client.shutdown().await.unwrap();
                },
                async {
                    let (mut origin, _) = listener.accept().await.unwrap();
                    origin.read_to_end(&mut got).await.unwrap();
                    let up = edge.server.registry().snapshot()[0].up;
                    assert_eq!(up, len as u64);
                },
            );
            assert!(got == sent, "{len} bytes became {}", got.len());
            assert_eq!(read_all(&mut client).await, b"");
            until_settled(&pool).await;
        }
        assert_eq!(hub.account.usage().bytes_up, 5_132_385);
    });
}

#[test]
fn a_plain_http_connection_comes_back_when_its_client_leaves() {
    in_netns(async || {
        let (hub, web) = (RealHub::start(), Origin::start().await);
        let pool = hub.pool();
        let proxy = edge(&pool).await;
        until_idle(&pool, 4).await;
        let mut client = proxy.connect().await;
        let url = web.url("127.0.0.1", "/bytes/5");
        for _ in 0..3 {
            let request = format!("GET {url} HTTP/1.1\r\nHost: x\r\n\r\n");
            client.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(&pattern(5)) {
                answer.push(client.read_u8().await.unwrap());
            }
        }
        assert_eq!((pool.status().in_use, pool.status().requests), (1, 1));
        drop(client);
        until_settled(&pool).await;
        assert_eq!(hub.served.server.registry().len(), 0);
        let (mut client, origin) = through(&proxy).await;
        drop(origin);
        assert_eq!(read_all(&mut client).await, b"");
        assert_eq!(pool.status().reused, 1);
    });
}

#[test]
fn another_protocol_takes_over_behind_a_hub() {
    in_netns(async || {
        let hub = RealHub::start();
        let pool = hub.pool();
        let proxy = edge(&pool).await;
        let (listener, address) = listen().await;
        let mut client = proxy.connect().await;
        let request = format!(
            "GET http://{address}/ HTTP/1.1\r\nHost: x\r\nUpgrade: it\r\nConnection: Upgrade\r\n\r\n"
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let (mut origin, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(origin.read_u8().await.unwrap());
        }
        let answer = "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: it\r\n\r\nfirst";
        origin.write_all(answer.as_bytes()).await.unwrap();
        client.write_all(b"from the client").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(read_all(&mut origin).await, b"from the client");
        drop(origin);
        assert!(read_all(&mut client).await.ends_with(b"\r\n\r\nfirst"));
        until_settled(&pool).await;
    });
}

/// A hub that stops lets user connections go on, and its edges find the next one.
#[test]
fn a_hub_that_is_restarted_orderly_costs_no_request() {
    in_netns(async || {
        let mut hub = RealHub::start();
        let pool = hub.pool();
        let proxy = edge(&pool).await;
        until_idle(&pool, 4).await;
        let (mut client, mut origin) = through(&proxy).await;
        hub.served.stop();
        until("the hub has said goodbye", || pool.status().idle == 0).await;
        client.write_all(b"goes on").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(read_all(&mut origin).await, b"goes on");
        drop(origin);
        assert_eq!(read_all(&mut client).await, b"");
        let address = hub.served.address;
        let drained = hub.served.ended().await;
        assert_eq!(drained.aborted, 0);
        let _next = RealHub::with(address, hub.key, hub.secret);
        until_settled(&pool).await;
        through(&proxy).await;
    });
}

#[test]
fn a_hub_is_replaced_under_running_connections_and_requests() {
    in_netns(async || {
        let (former, next) = (Hub::start().await, Hub::start().await);
        let pool = former.pool(quick());
        let proxy = edge(&pool).await;
        // Nothing is idle yet, so this request waits for a connection when the pool is retired.
        let address = proxy.address;
        let waiting = tokio::spawn(async move { exchange(address, b"waits").await });
        until("it waits", || pool.status().dialling > 0).await;
        pool.retire();
        waiting.await.unwrap();
        until("nothing is left", || former.seen.here() == 0).await;

        let pool = former.pool(quick());
        let by =
            |pool: &HubPool| Connector::new(Route::Hub(pool.clone()), ConnectorOptions::default());
        proxy.server.set_connector(by(&pool));
        until_idle(&pool, 4).await;
        let (mut running, code) = socks5(proxy.address, super::origin()).await;
        assert_eq!(code, 0);
        let other = next.pool(quick());
        proxy.server.set_connector(by(&other));
        pool.retire();
        until("only what is in use is left", || former.seen.here() == 1).await;
        exchange(proxy.address, b"by the next one").await;
        assert_eq!(other.status().requests, 1);
        super::finish(&mut running, b"by the former one").await;
        until("nothing is left", || former.seen.here() == 0).await;
        let seen = &former.seen;
        assert_eq!(seen.farewells(), seen.came(), "all end in peace");
        assert_eq!(pool.status().requests, 1);
    });
}

/// On several threads, while connections die and uplinks change: no request that had sent nothing may
/// fail, and nothing may be lost count of.
#[test]
fn in_the_worst_weather_no_request_fails() {
    netcfg::NetNs::new().expect("this test needs root").run(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let netlink = netcfg::Netlink::new().unwrap();
            netlink
                .set_link_up(netcfg::InterfaceIndex::LOOPBACK)
                .await
                .unwrap();
            tokio::time::timeout(crate::support::PATIENCE, weather())
                .await
                .expect("it hangs");
        });
    });
}

async fn weather() {
    // Every connection dies after some exchanges, in some way, when something comes.
    let hub = Hub::with(|mut visit| {
        Box::pin(async move {
            for _ in 0..=visit.number % 7 {
                visit.next().await;
                visit.opened().await;
                visit.echo().await;
            }
            drop(visit.stream.tcp().peek(&mut [0]).await);
            match visit.number % 3 {
                0 => {}
                1 => visit.stream.abort(),
                _ => visit.stream.close().await,
            }
        })
    })
    .await;
    let pool = hub.pool(quick());
    let proxy = edge(&pool).await;
    let over = Arc::new(AtomicBool::new(false));
    let changes = tokio::spawn({
        let (pool, over) = (pool.clone(), Arc::clone(&over));
        async move {
            while !over.load(Ordering::Relaxed) {
                pool.uplinks_changed();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    });
    let address = proxy.address;
    let clients: Vec<_> = (0..30)
        .map(|client: usize| {
            tokio::spawn(async move {
                for i in 0..20 {
                    exchange(address, format!("{client}, {i}").as_bytes()).await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    changes.await.unwrap();
    until("nothing is in use", || pool.status().in_use == 0).await;
    assert_eq!(pool.status().requests, 600);
    pool.close().await;
    until("nothing is left", || hub.seen.here() == 0).await;
}

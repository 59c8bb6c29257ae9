//! A hub, its users, edges, and somebody to talk to.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use datagrams::{
    DatagramHub, Flow, Hub, Received, Standing, Tunnel, TunnelStatus, Uplink, hub_endpoint,
};
use mptcp::Transport;
use relay::{
    Account, AccountTerms, Accounts, AddressFilter, Connector, ConnectorOptions, HubAddress, Rates,
    Route, Usage,
};
use tls::{EdgeConfig, HubConfig, HubKey, generate_secret, user_key};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wire::hub::{UserKey, UserSecret};
use wire::{Destination, Host};

pub const LIMIT: Duration = Duration::from_secs(10);

/// Refuses one port of everybody's.
#[derive(Debug)]
struct NotPort(u16);

impl AddressFilter for NotPort {
    fn allows(&self, _ip: IpAddr, port: u16) -> bool {
        port != self.0
    }
}

#[derive(Debug)]
struct OneUser(UserKey, Arc<Account>);

impl Accounts for OneUser {
    fn by_key(&self, key: &UserKey) -> Option<Arc<Account>> {
        (*key == self.0).then(|| Arc::clone(&self.1))
    }
}

pub struct World {
    pub hub: SocketAddr,
    pub key: HubKey,
    pub secret: UserSecret,
    pub account: Arc<Account>,
    serving: JoinHandle<()>,
}

/// What the filter refuses.
pub const REFUSED_PORT: u16 = 9;

impl World {
    pub fn up(max_connections: Option<usize>) -> Self {
        let (key, secret) = (HubKey::generate(), generate_secret());
        let options = ConnectorOptions {
            filter: Some(Arc::new(NotPort(REFUSED_PORT))),
            ..ConnectorOptions::default()
        };
        let terms = AccountTerms {
            max_connections,
            rates: Rates::default(),
            connector: Connector::new(Route::Direct(Transport::Tcp), options),
        };
        let account = Arc::new(Account::new("ann", terms, Usage::default()));
        let accounts = OneUser(user_key(&secret), Arc::clone(&account));
        let any = "127.0.0.1:0".parse().unwrap();
        let endpoint = hub_endpoint(any, &HubConfig::new(&key)).unwrap();
        let hub = endpoint.local_addr().unwrap();
        let server = DatagramHub::new(Arc::new(accounts));
        let serving = tokio::spawn(async move { server.serve(vec![endpoint]).await });
        Self {
            hub,
            key,
            secret,
            account,
            serving,
        }
    }

    /// The hub ends, as if it were killed: without a word to anybody's flows.
    pub fn end(&self) {
        self.serving.abort();
    }

    pub fn config(&self) -> EdgeConfig {
        EdgeConfig::new(&self.key.pin(), &self.secret)
    }

    /// An edge with an uplink for each of these last numbers of an address, once all are connected.
    pub async fn edge(&self, uplinks: &[u8], duplicate: bool) -> Tunnel {
        let tunnel = self.edge_as(self.config(), uplinks, duplicate);
        wait_for(&tunnel, "all links are connected", |status| {
            status.up && status.links.iter().all(|link| link.connected)
        })
        .await;
        tunnel
    }

    pub fn edge_as(&self, config: EdgeConfig, uplinks: &[u8], duplicate: bool) -> Tunnel {
        let address = HubAddress {
            also: None,
            destination: destination(self.hub),
            config,
        };
        let tunnel = Tunnel::new(Hub { address, duplicate });
        tunnel.follow(uplinks.iter().map(|it| uplink(*it)).collect());
        tunnel
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub fn uplink(number: u8) -> Uplink {
    Uplink {
        id: number.into(),
        name: format!("uplink {number}"),
        addresses: vec![IpAddr::from([127, 0, 0, number])],
        standing: Standing::Carries,
    }
}

pub async fn wait_for(tunnel: &Tunnel, what: &str, is_so: impl Fn(&TunnelStatus) -> bool) {
    let waiting = async {
        while !is_so(&tunnel.status()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(LIMIT, waiting).await;
    assert!(waited.is_ok(), "not in time: {what}; {:?}", tunnel.status());
}

pub fn destination(address: SocketAddr) -> Destination {
    Destination {
        host: Host::Ip(address.ip()),
        port: address.port(),
    }
}

/// Who sends everything back, from where it came.
pub struct Echo(pub Arc<UdpSocket>, JoinHandle<()>);

impl Echo {
    pub async fn start() -> Self {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let echoing = Arc::clone(&socket);
        let task = tokio::spawn(async move {
            let mut buffer = vec![0; 1 << 16];
            while let Ok((length, from)) = echoing.recv_from(&mut buffer).await {
                let _ = echoing.send_to(&buffer[..length], from).await;
            }
        });
        Self(socket, task)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.1.abort();
    }
}

/// What comes next.
pub async fn next(received: &mut mpsc::Receiver<Received>) -> (SocketAddr, Bytes) {
    match next_of_any_kind(received).await {
        Received::Datagram(from, payload) => (from, payload),
        Received::Refused(peer) => panic!("{peer} refuses"),
    }
}

pub async fn next_of_any_kind(received: &mut mpsc::Receiver<Received>) -> Received {
    tokio::time::timeout(LIMIT, received.recv())
        .await
        .expect("a datagram in time")
        .expect("the flow is there")
}

/// Sends until an answer comes: datagrams may be lost.
pub async fn ask(
    (flow, received): &mut (Flow, mpsc::Receiver<Received>),
    to: SocketAddr,
    payload: &[u8],
) -> (SocketAddr, Bytes) {
    for _ in 0..20 {
        flow.send(&destination(to), payload);
        let waiting = tokio::time::timeout(Duration::from_millis(500), received.recv());
        if let Ok(Some(Received::Datagram(from, payload))) = waiting.await {
            return (from, payload);
        }
    }
    panic!("{to} does not answer");
}

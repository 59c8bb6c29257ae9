//! Connections, relays in threads, and their CPU time.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use mptcp::{ConnectOptions, ListenOptions, Transport};
use relay::copy::{self, Leg, Terms};
use relay::registry::Traffic;
use relay::secure::Message;
use relay::{BufferPool, Rates, SecureStream};
use rustix::time::{ClockId, clock_gettime};
use tls::{EdgeConfig, HubConfig, HubKey, generate_secret};
use tokio::runtime::{Builder, Runtime};
use wire::hub::{Frame, Hello, Open, Opened, VERSIONS, Welcome};

/// A relay in a thread of its own; it ends with its connection and gives its CPU time.
pub struct Relay(JoinHandle<Duration>);

pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// How long this thread has used a processor.
pub fn cpu() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime)
        .try_into()
        .expect("it never runs backwards")
}

/// The two ends of a connection, the connecting one first.
pub fn pair(transport: Transport) -> (TcpStream, TcpStream) {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let listener: TcpListener = mptcp::listen(transport, any, &ListenOptions::default())
        .unwrap()
        .listener;
    let address = listener.local_addr().unwrap();
    let connected = runtime().block_on(async {
        mptcp::connect(transport, address, &ConnectOptions::default())
            .await
            .unwrap()
            .into_std()
            .unwrap()
    });
    listener.set_nonblocking(false).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    for stream in [&connected, &accepted] {
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(false).unwrap();
    }
    (connected, accepted)
}

impl Relay {
    pub fn join(self) -> Duration {
        self.0.join().unwrap()
    }

    /// Between two plain connections.
    pub fn plain(client: TcpStream, onward: TcpStream, pool: BufferPool) -> Self {
        Self::start("relay", pool, async move || {
            (plain_leg(client), plain_leg(onward))
        })
    }

    /// An edge's and a hub's, with a secure connection between them.
    pub fn chain(client: TcpStream, onward: TcpStream) -> (Self, Self) {
        let (edge, hub) = pair(Transport::Mptcp);
        let (key, secret) = (HubKey::generate(), generate_secret());
        let edge_config = EdgeConfig::new(&key.pin(), &secret);
        let hub_config = HubConfig::new(&key);
        let edge = Self::start("edge", BufferPool::default(), async move || {
            let secure = as_edge(to_tokio(edge), &edge_config).await;
            (plain_leg(client), Leg::Secure(Box::new(secure)))
        });
        let hub = Self::start("hub", BufferPool::default(), async move || {
            let secure = as_hub(to_tokio(hub), &hub_config).await;
            (Leg::Secure(Box::new(secure)), plain_leg(onward))
        });
        (edge, hub)
    }

    fn start<F: Future<Output = (Leg, Leg)>>(
        name: &str,
        pool: BufferPool,
        legs: impl FnOnce() -> F + Send + 'static,
    ) -> Self {
        let thread = std::thread::Builder::new().name(name.into());
        let run = move || {
            runtime().block_on(async {
                let (client, onward) = legs().await;
                let traffic = Traffic::default();
                let terms = Terms {
                    pool: &pool,
                    idle: None,
                    rates: Rates::default(),
                };
                let began = cpu();
                copy::relay(client, onward, &traffic, &terms).await;
                cpu() - began
            })
        };
        Self(thread.spawn(run).unwrap())
    }
}

fn plain_leg(stream: TcpStream) -> Leg {
    Leg::Plain {
        stream: Arc::new(to_tokio(stream)),
        early: Default::default(),
    }
}

pub fn to_tokio(stream: TcpStream) -> tokio::net::TcpStream {
    stream.set_nonblocking(true).unwrap();
    tokio::net::TcpStream::from_std(stream).unwrap()
}

pub async fn as_edge(tcp: tokio::net::TcpStream, config: &EdgeConfig) -> SecureStream {
    let mut stream = SecureStream::connect(tcp, config).await.unwrap();
    let hello = Frame::Hello(Hello {
        versions: VERSIONS,
        software: "bench".into(),
    });
    let destination = "origin.test:80".parse().unwrap();
    let open = Frame::Open(Open { destination });
    stream.send(&[hello, open]).await.unwrap();
    while !matches!(stream.receive().await.unwrap(), Message::Opened(_)) {}
    stream
}

pub async fn as_hub(tcp: tokio::net::TcpStream, config: &HubConfig) -> SecureStream {
    let mut stream = SecureStream::accept(tcp, config).await.unwrap();
    while !matches!(stream.receive().await.unwrap(), Message::Open(_)) {}
    let welcome = Frame::Welcome(Welcome {
        version: 1,
        software: "bench".into(),
    });
    let bound = "192.0.2.1:1".parse().unwrap();
    let opened = Frame::Opened(Opened { bound });
    stream.send(&[welcome, opened]).await.unwrap();
    stream
}

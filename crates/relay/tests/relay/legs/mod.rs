//! The relay with secure legs, and the secure legs alone.

mod every_kind;
mod hostile;
mod records;
mod stream;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use mptcp::{ConnectOptions, ListenOptions, Transport};
use relay::copy::{self, Ended, Leg, Terms};
use relay::registry::Traffic;
use relay::secure::Message;
use relay::{BufferPool, Rates, SecureStream};
use tls::{EdgeConfig, HubConfig, HubKey, generate_secret, user_key};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use wire::hub::{Frame, Hello, Open, Opened, UserKey, VERSIONS, Welcome};

use crate::support::until;

/// What the peer of a leg has: the program, the origin, an edge or a hub.
pub enum Peer {
    Plain(TcpStream),
    Secure(Box<SecureStream>),
}

/// What a relay's leg is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Plain(Transport),
    Secure,
}

/// A relay that runs between two peers.
pub struct Bench {
    pub client: Peer,
    pub origin: Peer,
    pub pool: BufferPool,
    pub traffic: Arc<Traffic>,
    pub relay: JoinHandle<Ended>,
}

/// What both ends of secure connections need.
pub struct Keys {
    pub edge: EdgeConfig,
    pub hub: HubConfig,
    pub user: UserKey,
}

impl Bench {
    pub async fn new(client: Kind, onward: Kind) -> Self {
        Self::with_rates(client, onward, Rates::default()).await
    }

    pub async fn with_rates(client: Kind, onward: Kind, rates: Rates) -> Self {
        let (client, client_leg) = client.as_client().await;
        let (origin, onward_leg) = onward.as_onward().await;
        Self::relaying((client, client_leg), (origin, onward_leg), rates)
    }

    pub fn relaying(client: (Peer, Leg), onward: (Peer, Leg), rates: Rates) -> Self {
        let (pool, traffic) = (BufferPool::default(), Arc::new(Traffic::default()));
        let (lent, counted) = (pool.clone(), Arc::clone(&traffic));
        let relay = tokio::spawn(async move {
            let terms = Terms {
                pool: &lent,
                idle: None,
                rates,
            };
            let mut ended = copy::relay(client.1, onward.1, &counted, &terms).await;
            if let Some(onward) = &mut ended.onward {
                onward.flush().await.unwrap();
            }
            ended
        });
        Self {
            client: client.0,
            origin: onward.0,
            pool,
            traffic,
            relay,
        }
    }

    pub fn buffers_out(&self) -> usize {
        buffers_out(&self.pool)
    }

    pub async fn no_buffers(&self) {
        until("every buffer is back", || self.buffers_out() == 0).await;
    }
}

pub fn buffers_out(pool: &BufferPool) -> usize {
    let usage = pool.usage();
    usage.small_out + usage.large_out + usage.pipes_out
}

impl Kind {
    pub const ALL: [Self; 3] = [
        Self::Plain(Transport::Tcp),
        Self::Plain(Transport::Mptcp),
        Self::Secure,
    ];

    /// The program, or the edge, and the relay's leg towards it.
    pub async fn as_client(self) -> (Peer, Leg) {
        match self {
            Self::Plain(transport) => plain_leg(transport).await,
            Self::Secure => {
                let (edge, hub) = open_pair(&Keys::new(), Transport::Mptcp).await;
                (Peer::Secure(Box::new(edge)), Leg::Secure(Box::new(hub)))
            }
        }
    }

    /// The origin, or the hub, and the relay's leg towards it.
    pub async fn as_onward(self) -> (Peer, Leg) {
        match self {
            Self::Plain(transport) => plain_leg(transport).await,
            Self::Secure => {
                let (edge, hub) = open_pair(&Keys::new(), Transport::Mptcp).await;
                (Peer::Secure(Box::new(hub)), Leg::Secure(Box::new(edge)))
            }
        }
    }
}

async fn plain_leg(transport: Transport) -> (Peer, Leg) {
    let (peer, leg) = pair(transport).await;
    let leg = Leg::Plain {
        stream: Arc::new(leg),
        early: Default::default(),
    };
    (Peer::Plain(peer), leg)
}

/// The two ends of a connection, the accepting one first.
pub async fn pair(transport: Transport) -> (TcpStream, TcpStream) {
    let local = "127.0.0.1:0".parse().unwrap();
    let listening = mptcp::listen(transport, local, &ListenOptions::default()).unwrap();
    assert_eq!(
        listening.transport, transport,
        "this test needs a kernel with MPTCP"
    );
    let listener = TcpListener::from_std(listening.listener).unwrap();
    let remote = listener.local_addr().unwrap();
    let connected = mptcp::connect(transport, remote, &ConnectOptions::default())
        .await
        .unwrap();
    (listener.accept().await.unwrap().0, connected)
}

impl Keys {
    pub fn new() -> Self {
        let (key, secret) = (HubKey::generate(), generate_secret());
        Self {
            edge: EdgeConfig::new(&key.pin(), &secret),
            hub: HubConfig::new(&key),
            user: user_key(&secret),
        }
    }
}

/// An edge and a hub that have agreed.
pub async fn welcomed_pair(keys: &Keys, transport: Transport) -> (SecureStream, SecureStream) {
    let (accepted, connected) = pair(transport).await;
    let (edge, hub) = tokio::join!(
        SecureStream::connect(connected, &keys.edge),
        SecureStream::accept(accepted, &keys.hub),
    );
    let (mut edge, mut hub) = (edge.unwrap(), hub.unwrap());
    edge.send(&[hello()]).await.unwrap();
    assert!(matches!(hub.receive().await.unwrap(), Message::Hello(_)));
    hub.send(&[welcome()]).await.unwrap();
    assert!(matches!(edge.receive().await.unwrap(), Message::Welcome(_)));
    assert!(edge.is_idle() && hub.is_idle());
    (edge, hub)
}

/// An edge and a hub with an open user connection.
pub async fn open_pair(keys: &Keys, transport: Transport) -> (SecureStream, SecureStream) {
    let (mut edge, mut hub) = welcomed_pair(keys, transport).await;
    open_user(&mut edge, &mut hub).await;
    (edge, hub)
}

pub async fn open_user(edge: &mut SecureStream, hub: &mut SecureStream) {
    edge.send(&[open()]).await.unwrap();
    assert!(matches!(hub.receive().await.unwrap(), Message::Open(_)));
    hub.send(&[opened()]).await.unwrap();
    assert!(matches!(edge.receive().await.unwrap(), Message::Opened(_)));
}

pub fn hello() -> Frame<'static> {
    let software = "test".into();
    Frame::Hello(Hello {
        versions: VERSIONS,
        software,
    })
}

pub fn welcome() -> Frame<'static> {
    let software = "test".into();
    Frame::Welcome(Welcome {
        version: 1,
        software,
    })
}

pub fn open() -> Frame<'static> {
    let destination = "origin.test:80".parse().unwrap();
    Frame::Open(Open { destination })
}

pub fn opened() -> Frame<'static> {
    let bound = "192.0.2.1:1234".parse().unwrap();
    Frame::Opened(Opened { bound })
}

impl Peer {
    /// The connection is reset.
    pub fn abort(self) {
        match self {
            Self::Plain(stream) => crate::support::reset(stream),
            Self::Secure(stream) => stream.abort(),
        }
    }

    fn stream(&mut self) -> Pin<&mut dyn Both> {
        match self {
            Self::Plain(stream) => Pin::new(stream),
            Self::Secure(stream) => Pin::new(&mut **stream),
        }
    }
}

trait Both: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.stream().poll_read(cx, buffer)
    }
}

impl AsyncWrite for Peer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.stream().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}

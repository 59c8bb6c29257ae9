//! A hub that does as a test wants, and tells what it saw.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use relay::secure::{Message, SecureStream};
use relay::{HubAddress, HubPool, PoolOptions};
use tls::{EdgeConfig, HubConfig, HubKey};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use wire::hub::{Frame, Opened, Refusal, Refused, UserSecret, Welcome};

/// What a hub does with a connection that has been greeted.
type Manner = dyn Fn(Visit) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// Until it is dropped: then all its connections end with a reset.
pub struct Hub {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
    key: Arc<HubKey>,
    secret: UserSecret,
    running: JoinSet<()>,
}

/// What a hub has seen.
#[derive(Default)]
pub struct Seen {
    /// TCP connections.
    pub came: AtomicUsize,
    /// Those that are open now.
    pub here: AtomicUsize,
    /// Those that were not greeted yet, and the most of them at once.
    greeting: AtomicUsize,
    pub crowd: AtomicUsize,
    /// Connections that ended with close_notify.
    pub farewells: AtomicUsize,
    /// Frames of all connections, but pings.
    pub frames: Mutex<Vec<Message>>,
    pub pings: AtomicUsize,
}

/// One connection of an edge.
pub struct Visit {
    pub stream: SecureStream,
    pub seen: Arc<Seen>,
    /// Connections are counted from 1.
    pub number: usize,
}

impl Seen {
    pub fn came(&self) -> usize {
        self.came.load(Ordering::Relaxed)
    }

    pub fn here(&self) -> usize {
        self.here.load(Ordering::Relaxed)
    }

    pub fn farewells(&self) -> usize {
        self.farewells.load(Ordering::Relaxed)
    }

    pub fn data(&self) -> Vec<u8> {
        let frames = self.frames.lock().unwrap();
        let data = frames.iter().filter_map(|frame| match frame {
            Message::Data(bytes) => Some(&bytes[..]),
            _ => None,
        });
        data.collect::<Vec<_>>().concat()
    }
}

impl Hub {
    /// One that echoes.
    pub async fn start() -> Self {
        Self::with(|visit| Box::pin(visit.echo_for_ever())).await
    }

    pub async fn with(
        manner: impl Fn(Visit) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(
            listener,
            Arc::new(HubKey::generate()),
            tls::generate_secret(),
            Arc::new(manner),
        )
    }

    /// One that answers every HELLO with a refusal.
    pub async fn that_refuses(code: Refusal, versions: RangeInclusive<u8>) -> Self {
        let mut hub = Self::with(|_| unreachable!("nobody is let in")).await;
        hub.stop().await;
        let listener = TcpListener::bind(hub.address).await.unwrap();
        let (config, seen) = (HubConfig::new(&hub.key), Arc::clone(&hub.seen));
        hub.running.spawn(async move {
            loop {
                let stream = listener.accept().await.unwrap().0;
                seen.came.fetch_add(1, Ordering::Relaxed);
                let refused = Refused {
                    code,
                    versions: versions.clone(),
                    text: String::new(),
                };
                let config = config.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = SecureStream::accept(stream, &config).await else {
                        return;
                    };
                    if stream.receive().await.is_ok()
                        && stream.send(&[Frame::Refused(refused)]).await.is_ok()
                    {
                        stream.close().await;
                    }
                });
            }
        });
        hub
    }

    fn on(
        listener: TcpListener,
        key: Arc<HubKey>,
        secret: UserSecret,
        manner: Arc<Manner>,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let mut running = JoinSet::new();
        running.spawn(accept(
            listener,
            HubConfig::new(&key),
            Arc::clone(&seen),
            manner,
        ));
        Self {
            address,
            seen,
            key,
            secret,
            running,
        }
    }

    /// The same hub once more, on the same port, after all its connections have been reset.
    pub async fn restart(mut self) -> Self {
        self.running.shutdown().await;
        let listener = TcpListener::bind(self.address).await.unwrap();
        let manner: Arc<Manner> = Arc::new(|visit: Visit| Box::pin(visit.echo_for_ever()));
        Self::on(listener, self.key, self.secret, manner)
    }

    pub async fn stop(&mut self) {
        self.running.shutdown().await;
    }

    pub fn hub_address(&self) -> HubAddress {
        HubAddress {
            also: None,
            destination: self.address.into(),
            config: EdgeConfig::new(&self.key.pin(), &self.secret),
        }
    }

    pub fn pool(&self, options: PoolOptions) -> HubPool {
        HubPool::new(self.hub_address(), options)
    }
}

async fn accept(listener: TcpListener, config: HubConfig, seen: Arc<Seen>, manner: Arc<Manner>) {
    let mut visits = JoinSet::new();
    loop {
        let stream = listener.accept().await.unwrap().0;
        let number = seen.came.fetch_add(1, Ordering::Relaxed) + 1;
        let (config, seen, manner) = (config.clone(), Arc::clone(&seen), Arc::clone(&manner));
        visits.spawn(async move {
            seen.here.fetch_add(1, Ordering::Relaxed);
            let greeting = seen.greeting.fetch_add(1, Ordering::Relaxed) + 1;
            seen.crowd.fetch_max(greeting, Ordering::Relaxed);
            let visit = Visit::greet(stream, &config, Arc::clone(&seen), number).await;
            seen.greeting.fetch_sub(1, Ordering::Relaxed);
            if let Some(visit) = visit {
                manner(visit).await;
            }
            seen.here.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

impl Visit {
    async fn greet(
        stream: TcpStream,
        config: &HubConfig,
        seen: Arc<Seen>,
        number: usize,
    ) -> Option<Self> {
        let mut stream = SecureStream::accept(stream, config).await.ok()?;
        let Message::Hello(_) = stream.receive().await.ok()? else {
            panic!("no HELLO")
        };
        let mut visit = Self {
            stream,
            seen,
            number,
        };
        let welcome = Welcome {
            version: 1,
            software: "test-hub/9".into(),
        };
        visit.say(Frame::Welcome(welcome)).await;
        Some(visit)
    }

    pub async fn say(&mut self, frame: Frame<'_>) {
        // Edges come and go.
        let _sent = self.stream.send(&[frame]).await;
    }

    /// The next frame; pings are answered. `None` at the end.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            match self.stream.receive().await {
                Ok(Message::Ping(opaque)) => {
                    self.seen.pings.fetch_add(1, Ordering::Relaxed);
                    self.say(Frame::Pong(opaque)).await;
                }
                Ok(frame) => {
                    self.seen.frames.lock().unwrap().push(frame.clone());
                    return Some(frame);
                }
                Err(error) => {
                    if error.is_closed() {
                        self.seen.farewells.fetch_add(1, Ordering::Relaxed);
                    }
                    return None;
                }
            }
        }
    }

    pub async fn opened(&mut self) {
        let bound = "198.51.100.7:4321".parse().unwrap();
        self.say(Frame::Opened(Opened { bound })).await;
    }

    /// Sends back what comes, until both have said FIN.
    pub async fn echo(&mut self) {
        while let Some(frame) = self.next().await {
            match frame {
                Message::Data(bytes) => self.say(Frame::Data(&bytes)).await,
                Message::Fin => return self.say(Frame::Fin).await,
                _ => return,
            }
        }
    }

    pub async fn echo_for_ever(mut self) {
        while let Some(frame) = self.next().await {
            if let Message::Open(_) = frame {
                self.opened().await;
                self.echo().await;
            }
        }
    }
}

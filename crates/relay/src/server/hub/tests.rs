use std::net::SocketAddr;

use mptcp::Transport;
use tls::{Channel, EdgeConfig, HubConfig, HubKey, generate_secret, user_key};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::Instant;
use wire::hub::{Frame, Hello, UserKey, UserSecret};

use super::*;
use crate::secure::Message;
use crate::server::Drained;
use crate::{
    Account, AccountTerms, Connector, ConnectorOptions, Intake, Rates, Route, SecureStream, Server,
    ServerOptions, Usage,
};

/// A hub with one user.
struct Scene {
    key: HubKey,
    secret: UserSecret,
    account: Arc<Account>,
    intake: HubIntake,
    server: Server,
}

#[derive(Debug)]
struct One(UserKey, Arc<Account>);

impl Accounts for One {
    fn by_key(&self, key: &UserKey) -> Option<Arc<Account>> {
        (*key == self.0).then(|| Arc::clone(&self.1))
    }
}

fn connector() -> Connector {
    Connector::new(Route::Direct(Transport::Tcp), ConnectorOptions::default())
}

impl Scene {
    fn new(options: HubOptions) -> Self {
        let (key, secret) = (HubKey::generate(), generate_secret());
        let terms = AccountTerms {
            max_connections: Some(1),
            rates: Rates::default(),
            connector: connector(),
        };
        let account = Arc::new(Account::new("alice", terms, Usage::default()));
        let accounts = Arc::new(One(user_key(&secret), Arc::clone(&account)));
        Self {
            intake: HubIntake::new(HubConfig::new(&key), accounts, options),
            server: Server::new(connector(), ServerOptions::default()),
            key,
            secret,
            account,
        }
    }

    async fn serve(&self) -> SocketAddr {
        self.serve_on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn serve_on(&self, listener: TcpListener) -> SocketAddr {
        let address = listener.local_addr().unwrap();
        let (server, intake) = (self.server.clone(), Intake::Hub(self.intake.clone()));
        tokio::spawn(async move {
            let Drained { .. } = server.serve(listener, intake, std::future::pending()).await;
        });
        address
    }

    async fn admitted(&self, hub: SocketAddr) -> SecureStream {
        let config = EdgeConfig::new(&self.key.pin(), &self.secret);
        let tcp = TcpStream::connect(hub).await.unwrap();
        let mut stream = SecureStream::connect(tcp, &config).await.unwrap();
        let hello = Hello {
            versions: 1..=1,
            software: String::new(),
        };
        stream.send(&[Frame::Hello(hello)]).await.unwrap();
        let answer = stream.receive().await.unwrap();
        assert!(matches!(answer, Message::Welcome(_)), "{answer:?}");
        stream
    }
}

/// Thousands of connections wait for something to do, so what they cost must not grow unnoticed.
#[tokio::test]
async fn a_connection_that_waits_is_a_small_task() {
    let scene = Scene::new(HubOptions::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await;
    let (_stop, draining) = watch::channel(false);
    let task = serve(scene.server.0, scene.intake, stream.unwrap(), draining);
    let bytes = size_of_val(&task);
    assert!(bytes <= 1296, "{bytes} bytes");
}

#[tokio::test]
async fn an_idle_connection_lives_while_it_gives_signs_of_life() {
    let idle_timeout = Duration::from_millis(400);
    let scene = Scene::new(HubOptions {
        idle_timeout,
        ..HubOptions::default()
    });
    let hub = scene.serve().await;
    let mut stream = scene.admitted(hub).await;
    let began = Instant::now();
    while began.elapsed() < 2 * idle_timeout {
        tokio::time::sleep(idle_timeout / 8).await;
        stream.send(&[Frame::Ping([7; 8])]).await.unwrap();
        assert_eq!(stream.receive().await.unwrap(), Message::Pong([7; 8]));
    }
    assert_eq!(scene.intake.connections().idle, 1);
    let quiet = Instant::now();
    assert_eq!(stream.receive().await.unwrap(), Message::GoAway);
    assert!(quiet.elapsed() >= idle_timeout / 2, "{:?}", quiet.elapsed());
    assert!(stream.receive().await.unwrap_err().is_closed());
}

/// TLS for an edge that keeps to no rules inside it.
async fn raw_edge(scene: &Scene, mut tcp: TcpStream) -> (TcpStream, Channel) {
    let config = EdgeConfig::new(&scene.key.pin(), &scene.secret);
    let (mut channel, mut incoming) = (Channel::edge(&config).unwrap(), Vec::new());
    while !channel.is_established() {
        tcp.write_all(&std::mem::take(channel.outgoing()))
            .await
            .unwrap();
        tcp.read_buf(&mut incoming).await.unwrap();
        let received = channel.receive(&mut incoming, &mut |_| {}).unwrap();
        incoming.drain(..received.used);
    }
    tcp.write_all(&std::mem::take(channel.outgoing()))
        .await
        .unwrap();
    (tcp, channel)
}

/// It asks, and reads no answer.
#[tokio::test]
async fn an_edge_that_takes_no_answers_is_let_go() {
    let scene = Scene::new(HubOptions {
        idle_timeout: Duration::from_millis(400),
        ..HubOptions::default()
    });
    // With small buffers, so that a few answers fill them.
    let small = |socket: &TcpSocket| {
        socket.set_send_buffer_size(4096).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
    };
    let listening = TcpSocket::new_v4().unwrap();
    small(&listening);
    listening.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let hub = scene.serve_on(listening.listen(16).unwrap());
    let socket = TcpSocket::new_v4().unwrap();
    small(&socket);
    let tcp = socket.connect(hub).await.unwrap();
    let (mut tcp, mut channel) = raw_edge(&scene, tcp).await;
    let hello = Frame::Hello(Hello {
        versions: 1..=1,
        software: String::new(),
    });
    let (mut plain, mut sealed) = (Vec::new(), Vec::new());
    hello.encode(&mut plain);
    channel.seal(&plain, &mut sealed).unwrap();
    plain.clear();
    for _ in 0..1000 {
        Frame::Ping([7; 8]).encode(&mut plain);
    }
    for _ in 0..4 {
        channel.seal(&plain, &mut sealed).unwrap();
    }
    // The hub stops reading before it has them all.
    let _some = timeout(Duration::from_secs(1), tcp.write_all(&sealed)).await;
    let gone = async {
        while scene.account.hub_connections() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(20), gone)
        .await
        .expect("it is let go");
    drop(tcp);
}

/// Nothing comes behind it, so there is nothing to wait for.
#[tokio::test]
async fn an_abort_of_what_is_over_ends_the_connection() {
    let scene = Scene::new(HubOptions::default());
    let hub = scene.serve().await;
    let mut edge = scene.admitted(hub).await;
    edge.send(&[Frame::Abort]).await.unwrap();
    let end = timeout(Duration::from_secs(20), edge.receive()).await;
    assert!(end.expect("it ends").unwrap_err().is_closed());
}

#[tokio::test]
async fn connections_are_counted_by_state_until_they_are_gone() {
    let scene = Scene::new(HubOptions::default());
    let hub = scene.serve().await;
    let origin = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let counts = |handshaking, idle, open| {
        let expected = HubConnections {
            handshaking,
            idle,
            open,
        };
        let intake = scene.intake.clone();
        async move {
            let reached = async {
                while intake.connections() != expected {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            let limit = Duration::from_secs(10);
            let in_time = timeout(limit, reached).await;
            assert!(
                in_time.is_ok(),
                "{:?} for {expected:?}",
                intake.connections()
            );
        }
    };
    let silent = TcpStream::connect(hub).await.unwrap();
    counts(1, 0, 0).await;
    let mut edge = scene.admitted(hub).await;
    counts(1, 1, 0).await;
    let destination = origin.local_addr().unwrap().into();
    let open = wire::hub::Open { destination };
    edge.send(&[Frame::Open(open)]).await.unwrap();
    assert!(matches!(edge.receive().await.unwrap(), Message::Opened(_)));
    counts(1, 0, 1).await;
    assert_eq!(
        (scene.account.hub_connections(), scene.account.open()),
        (1, 1)
    );
    drop(silent);
    drop(edge);
    counts(0, 0, 0).await;
    assert_eq!(
        (scene.account.hub_connections(), scene.account.open()),
        (0, 0)
    );
    assert_eq!(scene.account.usage().connections, 1);
}

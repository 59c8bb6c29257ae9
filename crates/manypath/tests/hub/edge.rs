//! An edge that does exactly what a test tells it. Everything here is to be called on a node, see
//! [`Server::within`].

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use lab::rig::ORIGIN_PORT;
use mptcp::Transport;
use relay::SecureStream;
use relay::secure::{Message, SecureError};
use tls::{EdgeConfig, HubKey, generate_secret, user_key};
use tokio::time::timeout;
use wire::hub::{Frame, Hello, Open, OpenRefusal, OpenRefused, Refused, UserSecret, Welcome};

use crate::client;
use crate::server::{LIMIT, hub_edges};

/// A user and its secret.
pub struct User {
    pub name: &'static str,
    pub secret: UserSecret,
}

impl User {
    pub fn new(name: &'static str) -> Self {
        let secret = generate_secret();
        Self { name, secret }
    }

    /// The user's part of a users file, with further lines.
    pub fn entry(&self, more: &str) -> String {
        let key = user_key(&self.secret);
        format!(
            "[[user]]\nname = \"{}\"\nkey = \"{key}\"\n{more}\n",
            self.name
        )
    }
}

/// What an edge hears to its HELLO.
pub type Greeting = Result<(Edge, Welcome), Refused>;

/// A connection that the hub has taken in.
pub struct Edge {
    pub stream: SecureStream,
}

/// TCP and TLS, and no word more.
pub async fn dial(key: &HubKey, user: &User) -> SecureStream {
    secure(key, user, Transport::Tcp, hub_edges())
        .await
        .expect("TLS")
}

pub async fn secure(
    key: &HubKey,
    user: &User,
    transport: Transport,
    hub: SocketAddr,
) -> Result<SecureStream, SecureError> {
    let stream = client::dial(transport, hub).expect("the hub listens");
    stream.set_nonblocking(true).expect("a socket");
    let stream = tokio::net::TcpStream::from_std(stream).expect("a socket");
    let config = EdgeConfig::new(&key.pin(), &user.secret);
    in_time(SecureStream::connect(stream, &config)).await
}

/// Says HELLO and hears the answer.
pub async fn greet(mut stream: SecureStream, versions: RangeInclusive<u8>) -> Greeting {
    let software = "test edge/0.1".to_owned();
    let hello = Frame::Hello(Hello { versions, software });
    stream.send(&[hello]).await.expect("it takes HELLO");
    match in_time(stream.receive()).await.expect("an answer") {
        Message::Welcome(welcome) => Ok((Edge { stream }, welcome)),
        Message::Refused(refused) => Err(refused),
        other => panic!("{other:?}"),
    }
}

/// A connection of a user that the hub knows.
pub async fn admitted(key: &HubKey, user: &User) -> Edge {
    let (edge, _) = greet(dial(key, user).await, 1..=1).await.expect("a user");
    edge
}

/// Whether the hub knows the user.
pub async fn is_known(key: &HubKey, user: &User) -> bool {
    greet(dial(key, user).await, 1..=1).await.is_ok()
}

impl Edge {
    /// Asks for a user connection; the address that the origin sees.
    pub async fn open(&mut self, destination: &str) -> Result<SocketAddr, OpenRefused> {
        let destination = destination.parse().expect("host:port");
        self.send(&[Frame::Open(Open { destination })]).await;
        match self.receive().await.expect("an answer") {
            Message::Opened(opened) => Ok(opened.bound),
            Message::OpenRefused(refused) => Err(refused),
            other => panic!("{other:?}"),
        }
    }

    /// The same, when the edge wants another one afterwards. The code of a refusal.
    pub async fn tries(&mut self, destination: &str) -> Option<OpenRefusal> {
        let opened = self.open(destination).await;
        self.send(&[Frame::Fin]).await;
        if opened.is_ok() {
            while !self.stream.is_idle() {
                self.receive().await.expect("an orderly end");
            }
        }
        opened.err().map(|refused| refused.code)
    }

    pub async fn open_origin(&mut self) {
        let origin = format!("{}:{ORIGIN_PORT}", crate::server::origin());
        self.open(&origin).await.expect("a way to the origin");
    }

    /// Asks the origin for a path, such as `/bytes/COUNT`.
    pub async fn request(&mut self, path: &str) {
        let head = format!("GET {path} HTTP/1.1\r\n\r\n");
        self.send(&[Frame::Data(head.as_bytes())]).await;
    }

    /// Reads so many bytes of the user connection at least; how many there were.
    pub async fn read(&mut self, count: usize) -> Result<usize, SecureError> {
        let mut got = 0;
        while got < count {
            match self.receive().await? {
                Message::Data(bytes) => got += bytes.len(),
                other => panic!("{other:?} after {got} bytes"),
            }
        }
        Ok(got)
    }

    /// Ends the user connection, and reads what still comes.
    pub async fn finish(&mut self) {
        self.send(&[Frame::Fin]).await;
        while !self.stream.is_idle() {
            self.receive().await.expect("an orderly end");
        }
    }

    /// A whole exchange with the origin; the connection is idle afterwards.
    pub async fn exchange(&mut self, bytes: usize) {
        self.open_origin().await;
        self.request(&format!("/bytes/{bytes}")).await;
        self.read(bytes).await.expect("the bytes");
        self.finish().await;
    }

    pub async fn ping(&mut self) {
        self.send(&[Frame::Ping(*b"12345678")]).await;
        let answer = self.receive().await.expect("an answer");
        assert!(
            matches!(answer, Message::Pong(bytes) if bytes == *b"12345678"),
            "{answer:?}"
        );
    }

    pub async fn send(&mut self, frames: &[Frame<'_>]) {
        self.stream
            .send(frames)
            .await
            .expect("the hub takes frames");
    }

    pub async fn receive(&mut self) -> Result<Message, SecureError> {
        in_time(self.stream.receive()).await
    }

    /// What the hub says before it ends the connection.
    pub async fn last_words(&mut self) -> (Vec<Message>, SecureError) {
        let mut words = Vec::new();
        loop {
            match self.receive().await {
                Ok(message) => words.push(message),
                Err(error) => return (words, error),
            }
        }
    }
}

pub async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(LIMIT, what).await.expect("in time")
}

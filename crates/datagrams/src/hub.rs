//! The hub's end: who may send, and whose a connection is.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quinn::{Connection, Incoming, RecvStream, SendStream};
use relay::{Account, Accounts, Place};
use rustls::pki_types::CertificateDer;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use wire::hub::datagram::{Order, SessionId};
use wire::hub::{Frame, Hello, Refusal, Refused, UserKey, VERSIONS, Welcome, frames};

pub use crate::quic::hub_endpoint;
use crate::quic::{Close, message};
use crate::session::{Session, lock};

/// How many connections may wait until it is known whose they are. From half of it on, addresses have to be proved
/// first (RFC 9000 section 8.1.2), which costs an edge a round trip and a forger everything.
const MOST_HANDSHAKES: usize = 512;

/// How long one may wait for that.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long who is told of the end may take to hear it.
const FAREWELL: Duration = Duration::from_millis(200);

/// How often flows that rest are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// Whose a connection is.
type Owner = (UserKey, SessionId);

/// The hub's end. Clones are the same.
#[derive(Clone, Debug)]
pub struct DatagramHub(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    accounts: Arc<dyn Accounts>,
    sessions: Mutex<HashMap<Owner, Arc<Session>>>,
    handshakes: Arc<Semaphore>,
    endpoints: Mutex<Vec<quinn::Endpoint>>,
}

/// An edge that is let in.
struct Admitted {
    owner: Owner,
    account: Arc<Account>,
    orders: RecvStream,
    /// Held for as long as the connection is there: its end would be the stream's.
    _answers: SendStream,
    _place: Place,
}

impl DatagramHub {
    /// For these users.
    pub fn new(accounts: Arc<dyn Accounts>) -> Self {
        Self(Arc::new(Shared {
            accounts,
            sessions: Mutex::default(),
            handshakes: Arc::new(Semaphore::new(MOST_HANDSHAKES)),
            endpoints: Mutex::default(),
        }))
    }

    /// Serves edges on these sockets (see [`hub_endpoint`]). Never ends; dropped, it ends all connections.
    pub async fn serve(&self, endpoints: Vec<quinn::Endpoint>) {
        let mut tasks = JoinSet::new();
        lock(&self.0.endpoints).clone_from(&endpoints);
        for endpoint in endpoints {
            let shared = Arc::clone(&self.0);
            tasks.spawn(async move { shared.listen(endpoint).await });
        }
        loop {
            tokio::time::sleep(SWEEP).await;
            lock(&self.0.sessions).retain(|_, session| session.sweep());
        }
    }
}

impl DatagramHub {
    /// Tells all edges that it stops, so that they need not find out by its silence.
    pub async fn close(&self) {
        let endpoints = std::mem::take(&mut *lock(&self.0.endpoints));
        for endpoint in &endpoints {
            endpoint.close(Close::Done.into(), b"the hub stops");
        }
        for endpoint in &endpoints {
            let _told = timeout(FAREWELL, endpoint.wait_idle()).await;
        }
    }
}

impl Shared {
    async fn listen(self: Arc<Self>, endpoint: quinn::Endpoint) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                incoming = endpoint.accept() => match incoming {
                    Some(incoming) => self.begin(incoming, &mut connections),
                    None => return,
                },
                Some(_ended) = connections.join_next() => {}
            }
        }
    }

    fn begin(self: &Arc<Self>, incoming: Incoming, connections: &mut JoinSet<()>) {
        let Ok(place) = Arc::clone(&self.handshakes).try_acquire_owned() else {
            return incoming.refuse();
        };
        let is_busy = self.handshakes.available_permits() < MOST_HANDSHAKES / 2;
        if is_busy && !incoming.remote_address_validated() {
            // It comes again with the proof.
            let _sent = incoming.retry();
            return;
        }
        let shared = Arc::clone(self);
        connections.spawn(async move {
            let client = incoming.remote_address();
            let Ok(Ok(connection)) = timeout(HANDSHAKE, async { incoming.accept()?.await }).await
            else {
                tracing::debug!(%client, "a QUIC handshake came to nothing");
                return;
            };
            let admitted = timeout(HANDSHAKE, shared.admit(&connection)).await;
            drop(place);
            match admitted {
                Ok(Some(admitted)) => shared.carry(connection, client, admitted).await,
                Ok(None) | Err(_) => {
                    tracing::debug!(%client, "no edge: a QUIC connection is closed");
                    connection.close(Close::Violation.into(), b"");
                }
            }
        });
    }

    /// `None`: it is no edge, or one that may not send; the latter is told.
    async fn admit(&self, connection: &Connection) -> Option<Admitted> {
        let key = user_of(connection)?;
        let (mut answers, mut orders) = connection.accept_bi().await.ok()?;
        let hello = message(&mut orders).await?;
        let Some(Ok(Frame::Hello(hello))) = frames(&hello).next() else {
            return None;
        };
        let Order::Join(session) = Order::parse(&message(&mut orders).await?).ok()? else {
            return None;
        };
        let decided = self.decide(&key, &hello);
        let answer = match &decided {
            Ok((version, ..)) => Frame::Welcome(Welcome {
                version: *version,
                software: SOFTWARE.to_owned(),
            }),
            Err(code) => Frame::Refused(Refused {
                code: *code,
                versions: VERSIONS,
                text: code.to_string(),
            }),
        };
        let mut bytes = Vec::new();
        answer.encode(&mut bytes);
        answers.write_all(&bytes).await.ok()?;
        let Ok((_, account, place)) = decided else {
            // The edge hears why, and closes.
            let _finished = answers.finish();
            connection.closed().await;
            return None;
        };
        Some(Admitted {
            owner: (key, session),
            account,
            orders,
            _answers: answers,
            _place: place,
        })
    }

    fn decide(&self, key: &UserKey, hello: &Hello) -> Result<(u8, Arc<Account>, Place), Refusal> {
        let version = hello.common_version(VERSIONS).ok_or(Refusal::Version)?;
        let account = self.accounts.by_key(key).ok_or(Refusal::UnknownUser)?;
        let place = account.enter().ok_or(Refusal::UserLimit)?;
        Ok((version, account, place))
    }

    async fn carry(&self, connection: Connection, client: SocketAddr, mut admitted: Admitted) {
        let session = self.session(&admitted);
        let (user, links) = (admitted.account.name(), session.links());
        tracing::debug!(%client, %user, "an edge is connected for datagrams");
        links.add(&connection);
        let end = tokio::select! {
            () = admitted.account.removed() => {
                connection.close(Close::Removed.into(), b"");
                lock(&self.sessions).remove(&admitted.owner);
                "the user was removed".to_owned()
            }
            end = run(&session, &connection, &mut admitted.orders) => end,
        };
        links.remove();
        tracing::debug!(%client, %user, end, "an edge's connection for datagrams ended");
    }

    fn session(&self, admitted: &Admitted) -> Arc<Session> {
        let mut sessions = lock(&self.sessions);
        let session = sessions
            .entry(admitted.owner)
            .or_insert_with(|| Arc::new(Session::new(Arc::clone(&admitted.account))));
        Arc::clone(session)
    }
}

/// Takes what comes until the connection ends; why it did.
async fn run(session: &Session, connection: &Connection, orders: &mut RecvStream) -> String {
    let mut obeying = std::pin::pin!(obey(session, connection, orders));
    let violation = loop {
        tokio::select! {
            datagram = connection.read_datagram() => match datagram {
                Ok(datagram) => if let Err(error) = session.take(&datagram) {
                    break error.to_string();
                },
                Err(error) => return error.to_string(),
            },
            violation = &mut obeying => break violation,
        }
    };
    connection.close(Close::Violation.into(), b"");
    violation
}

/// Does what the edge says on its stream, until it breaks the protocol.
async fn obey(session: &Session, connection: &Connection, orders: &mut RecvStream) -> String {
    loop {
        let Some(order) = message(orders).await else {
            return "its stream ended".to_owned();
        };
        match Order::parse(&order) {
            Ok(order) => session.links().obey(order, connection),
            Err(error) => return error.to_string(),
        }
    }
}

/// The user that the edge has proved to be.
fn user_of(connection: &Connection) -> Option<UserKey> {
    let identity = connection.peer_identity()?;
    let chain = identity.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    tls::user_of_spki(chain.first()?)
}

/// Who answers.
const SOFTWARE: &str = concat!("manypath ", env!("CARGO_PKG_VERSION"));

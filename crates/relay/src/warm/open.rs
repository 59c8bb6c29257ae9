//! One request: OPEN, the client's first bytes behind it, and the hub's answer.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use wire::Destination;
use wire::hub::{Frame, Open, OpenRefused};

use super::first::First;
use super::lease::Warm;
use super::pool::{Pool, bid_farewell};
use super::watch::{LEAST_PATIENCE, patience};
use super::{HubError, HubPool};
use crate::ConnectError;
use crate::connect::Onward;
use crate::copy::Leg;
use crate::secure::{Message, SecureError};

/// How many connections a request tries. The second one is a moment old, so more would not help.
const ATTEMPTS: usize = 3;

/// How often a connection that may be dead is looked at for a sign of life.
const LOOK: Duration = Duration::from_millis(10);

impl HubPool {
    /// Lets the hub connect to `destination`. With `client`, what it has sent or sends meanwhile goes
    /// along (up to 16 KiB); [`Onward::sent`] says how much that was.
    ///
    /// # Errors
    /// When the hub can't be used, refuses, or can't reach the destination.
    pub async fn open(
        &self,
        destination: &Destination,
        client: Option<&TcpStream>,
    ) -> Result<Onward, ConnectError> {
        let first = client
            .map(|client| First::of(client, &[]))
            .unwrap_or_default();
        self.open_with(destination, first).await
    }

    /// The same, with first bytes from wherever.
    pub(crate) async fn open_with(
        &self,
        destination: &Destination,
        first: First<'_>,
    ) -> Result<Onward, ConnectError> {
        let pool = &self.0.pool;
        let mut request = Request {
            pool,
            destination,
            first,
            asked: false,
        };
        let after = pool.options.connect_timeout;
        match timeout(after, request.run()).await {
            Ok(result) => result,
            Err(_) if request.asked => Err(ConnectError::Timeout {
                destination: destination.clone(),
                after,
            }),
            Err(_) => {
                let hub = pool.hub.destination.clone();
                Err(HubError::Silent { hub, after }.into())
            }
        }
    }
}

struct Request<'a> {
    pool: &'a Arc<Pool>,
    destination: &'a Destination,
    first: First<'a>,
    /// A hub is asked now.
    asked: bool,
}

/// What came of asking on one connection.
enum Answer {
    Opened(SocketAddr),
    Refused(OpenRefused),
    /// The hub takes no more requests here, and did not act on this one.
    NotHeard,
    /// The connection ended. Nobody knows what the hub has done.
    Lost(SecureError),
    /// It gave no sign of life while another was dialled.
    Overtaken(Warm),
}

impl Request<'_> {
    async fn run(&mut self) -> Result<Onward, ConnectError> {
        let mut warm = self.pool.take(None).await?;
        let mut attempt = 1;
        loop {
            self.asked = true;
            let answer = self.ask(&mut warm).await;
            self.asked = false;
            match answer {
                Answer::Opened(bound) => return Ok(self.opened(warm, bound)),
                Answer::Refused(refused) => return Err(self.refused(warm, refused).await),
                Answer::Overtaken(fresh) => {
                    warm = fresh;
                    continue;
                }
                Answer::NotHeard if attempt < ATTEMPTS => {
                    let (stream, _lease) = warm.into_parts();
                    bid_farewell(*stream);
                }
                Answer::NotHeard => return Err(self.stopping()),
                Answer::Lost(error) if attempt < ATTEMPTS && self.first.sent() == 0 => {
                    tracing::debug!(%error, "the request goes by another connection to the hub");
                }
                Answer::Lost(error) => return Err(self.lost(error)),
            }
            warm = self.pool.take(Some(Instant::now())).await?;
            attempt += 1;
        }
    }

    fn opened(&mut self, warm: Warm, bound: SocketAddr) -> Onward {
        self.pool.state().count(warm.facts());
        let (stream, lease) = warm.into_parts();
        Onward {
            leg: Leg::Secure(stream),
            bound,
            sent: self.first.sent(),
            lease: Some(lease),
        }
    }

    async fn refused(&mut self, mut warm: Warm, refused: OpenRefused) -> ConnectError {
        self.pool.state().count(warm.facts());
        // The hub waits for it before it takes the next OPEN. Without it, dropping ends the connection.
        if warm.stream().send(&[Frame::Fin]).await.is_ok() {
            let (stream, lease) = warm.into_parts();
            lease.give_back(stream);
        }
        ConnectError::RefusedByHub {
            hub: self.pool.hub.destination.clone(),
            destination: self.destination.clone(),
            code: refused.code,
            text: refused.text,
        }
    }

    fn stopping(&self) -> ConnectError {
        let hub = self.pool.hub.destination.clone();
        HubError::Stopping { hub }.into()
    }

    fn lost(&self, source: SecureError) -> ConnectError {
        let hub = self.pool.hub.destination.clone();
        let destination = self.destination.clone();
        HubError::Lost {
            hub,
            destination,
            source: Box::new(source),
        }
        .into()
    }

    async fn ask(&mut self, warm: &mut Warm) -> Answer {
        self.first.start_over();
        let mut trust = Trust::new(warm);
        if let Err(error) = self.send_open(warm, &trust).await {
            return Answer::Lost(error);
        }
        let mut fresh = None;
        loop {
            tokio::select! {
                message = warm.stream().receive() => match message {
                    Ok(Message::Opened(opened)) => return Answer::Opened(opened.bound),
                    Ok(Message::OpenRefused(refused)) => return Answer::Refused(refused),
                    Ok(Message::GoAway | Message::Abort) => return Answer::NotHeard,
                    // A PONG: the conversation lets nothing else pass.
                    Ok(_) => {
                        trust = Trust::Alive;
                        // From here on the client's bytes go here, so another one is of no use.
                        fresh = None;
                    }
                    Err(error) if error.is_closed() => return Answer::NotHeard,
                    Err(error) => return Answer::Lost(error),
                },
                () = self.first.more(), if trust.allows_bytes() => self.first.read(),
                () = trust.doubts() => {
                    trust = trust.look(warm, self.first.sent());
                    if let Trust::Lost = trust {
                        fresh = Some(Box::pin(self.pool.take(Some(Instant::now()))));
                    }
                }
                taken = or_never(&mut fresh) => match taken {
                    Ok(taken) => return Answer::Overtaken(taken),
                    // The one that is there may still come to life.
                    Err(_) => fresh = None,
                },
            }
            if trust.allows_bytes()
                && let Err(error) = self.send_more(warm).await
            {
                return Answer::Lost(error);
            }
        }
    }

    /// OPEN, and in one record with it what the client has sent already.
    async fn send_open(&mut self, warm: &mut Warm, trust: &Trust) -> Result<(), SecureError> {
        let open = Frame::Open(Open {
            destination: self.destination.clone(),
        });
        if trust.allows_bytes() {
            self.first.read_soon().await;
            if !self.first.unsent().is_empty() {
                let data = Frame::Data(self.first.unsent());
                warm.stream().send(&[open, data]).await?;
                self.first.unsent_is_sent();
                return self.send_more(warm).await;
            }
        }
        warm.stream().send(&[open]).await
    }

    async fn send_more(&mut self, warm: &mut Warm) -> Result<(), SecureError> {
        while !self.first.unsent().is_empty() {
            let data = Frame::Data(self.first.unsent());
            warm.stream().send(&[data]).await?;
            self.first.unsent_is_sent();
        }
        Ok(())
    }
}

async fn or_never<T>(future: &mut Option<impl Future<Output = T> + Unpin>) -> T {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}

/// Whether the hub can be believed to be there. What the client has sent must go to one connection
/// only, so it is not entrusted to a connection that may be dead.
enum Trust {
    /// No reason to doubt. It is looked whether OPEN arrives.
    Certain { asked: Instant, look_at: Instant },
    /// A ping is without answer, or the uplinks have changed.
    Doubtful { until: Instant, look_at: Instant },
    /// The hub has given a sign of life, or there is no way back any more.
    Alive,
    /// No sign of life in time.
    Lost,
}

impl Trust {
    fn new(warm: &mut Warm) -> Self {
        let asked = Instant::now();
        if warm.is_certain {
            return Self::Certain {
                asked,
                look_at: asked + LEAST_PATIENCE,
            };
        }
        Self::Doubtful {
            until: asked + patience(warm.stream().tcp()),
            look_at: asked + LOOK,
        }
    }

    fn allows_bytes(&self) -> bool {
        matches!(self, Self::Certain { .. } | Self::Alive)
    }

    /// Done when it is time to look.
    async fn doubts(&self) {
        match self {
            Self::Certain { look_at, .. } | Self::Doubtful { look_at, .. } => {
                sleep_until(*look_at).await;
            }
            Self::Alive | Self::Lost => pending().await,
        }
    }

    fn look(self, warm: &mut Warm, sent: usize) -> Self {
        let (now, tcp) = (Instant::now(), warm.stream().tcp());
        match self {
            _ if has_arrived(tcp) => Self::Alive,
            Self::Certain { .. } if sent > 0 => Self::Alive,
            Self::Certain { asked, .. } if now < asked + patience(tcp) => Self::Certain {
                asked,
                look_at: asked + patience(tcp),
            },
            Self::Doubtful { until, .. } if now < until => Self::Doubtful {
                until,
                look_at: until.min(now + LOOK),
            },
            _ => Self::Lost,
        }
    }
}

/// Whether the hub's kernel has acknowledged all that was sent.
fn has_arrived(tcp: &TcpStream) -> bool {
    let Ok(info) = mptcp::connection_info(tcp) else {
        return false;
    };
    match (info.bytes_sent, info.bytes_acked) {
        // One subflow may still have in flight what another has brought there.
        (Some(sent), Some(acked)) => acked >= sent && !info.subflows.is_empty(),
        _ => info
            .subflows
            .iter()
            .all(|it| it.unacked == 0 && it.notsent_bytes == 0),
    }
}

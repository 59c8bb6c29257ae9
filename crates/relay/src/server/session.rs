//! One client's connection, from its first byte to its last.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use wire::Destination;

use super::opening::Said;
use super::{Intake, Shared, hub, intercept, proxy};
use crate::connect::Onward;
use crate::connect::with_causes;
use crate::copy::{self, Leg, Terms};
use crate::{Account, ClientAddr, ConnectError, Kind, ListenAddr, Rates, handshake, socket};

/// A client's connection and what it needs.
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) stream: Arc<TcpStream>,
    pub(super) client: ClientAddr,
    pub(super) listen: ListenAddr,
    /// The port of the listener, which with TPROXY need not be that of `listen`.
    pub(super) listener_port: u16,
    /// When the request has to be complete.
    pub(super) deadline: Instant,
    /// True once the server is shutting down.
    pub(super) draining: watch::Receiver<bool>,
    /// Who is charged with what it does.
    pub(super) account: Option<Arc<Account>>,
}

/// Why there is no onward connection.
pub(super) enum NoOnward {
    /// The client reset its connection and will not hear an answer.
    ClientGone,
    /// The connector failed.
    Failed(ConnectError),
}

impl Session {
    pub(super) fn new(
        shared: Arc<Shared>,
        stream: TcpStream,
        listener_port: u16,
        draining: watch::Receiver<bool>,
    ) -> io::Result<Self> {
        socket::prepare(&stream);
        Ok(Self {
            client: stream.peer_addr()?.into(),
            listen: stream.local_addr()?.into(),
            deadline: Instant::now() + shared.options.handshake_timeout,
            stream: Arc::new(stream),
            shared,
            listener_port,
            draining,
            account: None,
        })
    }

    pub(super) async fn run(self, intake: Intake) {
        match intake {
            Intake::Proxy => proxy::serve(self).await,
            Intake::Redirect => intercept::serve(self, Kind::Redirect).await,
            Intake::Tproxy => intercept::serve(self, Kind::Tproxy).await,
            // These have a kind of session of their own.
            Intake::Hub(_) => {}
        }
    }

    /// Connects onwards, unless the client goes away meanwhile. Its FIN is no reason to stop: it may
    /// have sent all it wanted to.
    pub(super) async fn connect(&self, destination: &Destination) -> Result<Onward, NoOnward> {
        // A user's own is used by nobody else, whom its slow names would hold up.
        if let Some(account) = &self.account {
            let terms = account.terms();
            let connecting = terms.connector.connect(destination);
            return self.unless_gone(connecting).await;
        }
        let connector = self.shared.connector();
        self.unless_gone(connector.connect(destination)).await
    }

    /// The same for a client that believes to be connected: what it sends goes ahead.
    pub(super) async fn connect_ahead(
        &self,
        destination: &Destination,
        said: &Said,
    ) -> Result<Onward, NoOnward> {
        let connector = self.shared.connector();
        let (name, bytes) = (said.name.as_ref(), &said.bytes);
        let connecting = connector.connect_ahead(destination, name, bytes, &self.stream);
        self.unless_gone(connecting).await
    }

    async fn unless_gone(
        &self,
        connecting: impl Future<Output = Result<Onward, ConnectError>>,
    ) -> Result<Onward, NoOnward> {
        let result = tokio::select! {
            result = connecting => result.map_err(NoOnward::Failed),
            _ = self.stream.ready(Interest::ERROR) => Err(NoOnward::ClientGone),
        };
        match &result {
            Err(NoOnward::Failed(error)) => self.report(error),
            Err(NoOnward::ClientGone) => {
                tracing::debug!(client = %self.client, "the client left before it was connected");
            }
            Ok(_) => {}
        }
        result
    }

    fn report(&self, error: &ConnectError) {
        let (client, cause) = (self.client, hub::cause_of(error));
        self.shared.refusals.count(cause);
        if let Some(account) = &self.account {
            account.count_refused();
        }
        // The text names the destination.
        if self.shared.logs_destinations() {
            tracing::debug!(%client, error = with_causes(error), "no onward connection");
        } else {
            tracing::debug!(%client, cause = cause.as_str(), "no onward connection");
        }
    }

    /// Moves the bytes until the end. `early` is what the client has sent already.
    pub(super) async fn relay(
        &self,
        kind: Kind,
        destination: &Destination,
        onward: Onward,
        early: Bytes,
    ) {
        let Shared {
            registry,
            resume,
            pool,
            options,
            ..
        } = &*self.shared;
        let _place = self.account.as_ref().and_then(Account::begin);
        let entry = registry.add_for(
            self.account.clone(),
            kind,
            self.client,
            destination,
            onward.leg.tcp(),
        );
        let resumed = resume.follow(onward.leg.tcp());
        let client = Leg::Plain {
            stream: Arc::clone(&self.stream),
            early,
        };
        let terms = Terms {
            pool,
            idle: options.idle_timeout,
            rates: Rates::default(),
        };
        entry.traffic().add_up(onward.sent);
        let ended = tokio::select! {
            ended = copy::relay(client, onward.leg, entry.traffic(), &terms) => ended,
            // Dropping the relay resets both sides.
            () = self.removed() => {
                tracing::debug!(id = %entry.id(), client = %self.client, "the user was removed");
                return;
            }
        };
        // Before the next one takes its place.
        drop(resumed);
        if let (Some(stream), Some(lease)) = (ended.onward, onward.lease) {
            lease.give_back(stream.into());
        }
        let done = ended.transferred;
        tracing::debug!(
            id = %entry.id(), client = %self.client, up = done.up, down = done.down, end = ?done.end,
            "connection ended"
        );
    }

    /// Done when the server is shutting down.
    pub(super) async fn drained(&self) {
        let mut draining = self.draining.clone();
        // A sender that is gone means the same.
        let _draining = draining.wait_for(|draining| *draining).await;
    }

    /// Done when the user whose connection it is was removed.
    pub(super) async fn removed(&self) {
        match &self.account {
            Some(account) => account.removed().await,
            None => std::future::pending().await,
        }
    }

    /// Sends the last answer and closes.
    pub(super) async fn dismiss(&self, answer: &[u8]) {
        if handshake::send(&self.stream, answer).await.is_ok() {
            self.close().await;
        }
    }

    /// Closes so that the client reads what it has been sent. A close with unread data is a reset, and
    /// a reset makes the client's kernel throw the answer away: so what the client still sends is
    /// read for a while.
    pub(super) async fn close(&self) {
        const PATIENCE: Duration = Duration::from_secs(1);
        if socket::finish_writing(&self.stream).is_ok() {
            // When the time is over, the client has had it.
            let _ended = timeout(PATIENCE, self.read_to_end()).await;
        }
    }

    pub(super) async fn read_to_end(&self) -> io::Result<()> {
        let mut buffer = self.shared.pool.small();
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            tokio::task::coop::consume_budget().await;
        }
    }
}

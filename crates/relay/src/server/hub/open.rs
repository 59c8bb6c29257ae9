//! One user connection.

use std::time::{Duration, Instant};

use tokio::time::timeout;
use wire::Destination;
use wire::hub::{Frame, OpenRefused, Opened};

use super::Counted;
use super::connection::{Connection, End};
use super::refusal::Refusal;
use crate::connect::Onward;
use crate::copy::{self, Leg, Terms};
use crate::registry::Entry;
use crate::secure::Message;
use crate::{Kind, Rates, SecureStream};

/// How many bytes of a refused user connection are thrown away. The edge sends no more than 16 KiB
/// before it hears of the refusal.
const MOST_REFUSED: usize = 64 * 1024;

/// More than most requests and TLS's first flight have. Who sends more may be waiting for OPENED to
/// send all.
const FEW: usize = 8 * 1024;

/// How long the edge may take to hear of a user connection, or to end a refused one: as long as a
/// message may need on a bad way.
const PATIENCE: Duration = Duration::from_secs(60);

impl Connection {
    /// Serves one user connection to its end. The connection that is given back is idle.
    pub(super) async fn serve(
        &mut self,
        mut stream: Box<SecureStream>,
        destination: Destination,
    ) -> Result<Box<SecureStream>, End> {
        let hub = std::sync::Arc::clone(&self.hub);
        let _open = Counted::new(&hub.open);
        let Some(_place) = self.account.begin() else {
            return self.refuse(stream, &destination, Refusal::limit()).await;
        };
        let terms = self.account.terms();
        let onward = tokio::select! {
            result = terms.connector.connect(&destination) => {
                result.map_err(|error| Refusal::new(&error))
            }
            gone = stream.gone() => return Err(gone.into()),
            // An OPEN that was taken gets an answer, and GOAWAY comes afterwards.
            _ = self.removed.wait_for(|removed| *removed) => Err(Refusal::removed()),
        };
        match onward {
            Ok(onward) => self.relay(stream, onward, &destination, &terms.rates).await,
            Err(refusal) => self.refuse(stream, &destination, refusal).await,
        }
    }

    async fn relay(
        &mut self,
        mut stream: Box<SecureStream>,
        onward: Onward,
        destination: &Destination,
        rates: &Rates,
    ) -> Result<Box<SecureStream>, End> {
        let opened = Opened {
            bound: onward.bound,
        };
        // Who has said something already waits for the answer to that.
        if stream.has_few_bytes(FEW) {
            stream.hold(&Frame::Opened(opened))?;
        } else {
            let sent = timeout(PATIENCE, stream.send(&[Frame::Opened(opened)])).await;
            sent.map_err(|_| End::Silent)??;
        }
        let shared = &self.shared;
        let (began, account) = (Instant::now(), Some(self.account.clone()));
        let entry = shared.registry.add_for(
            account,
            Kind::Hub,
            self.peer.client,
            destination,
            onward.leg.tcp(),
        );
        let terms = Terms {
            pool: &shared.pool,
            idle: shared.options.idle_timeout,
            rates: rates.clone(),
        };
        let ended = tokio::select! {
            ended = copy::relay(Leg::Secure(stream), onward.leg, entry.traffic(), &terms) => Some(ended),
            // Dropping the relay resets both sides.
            _ = self.removed.wait_for(|removed| *removed) => None,
        };
        self.done.connections += 1;
        self.done.bytes_up += entry.traffic().up();
        self.done.bytes_down += entry.traffic().down();
        let end = ended.as_ref().map(|ended| &ended.transferred.end);
        self.say_ended(&entry, destination, began, end);
        match ended {
            None => Err(End::Removed),
            Some(ended) => ended.client.map(Box::new).ok_or(End::Aborted),
        }
    }

    /// An access log is for those who ask for it.
    fn say_ended(
        &self,
        entry: &Entry,
        destination: &Destination,
        began: Instant,
        end: Option<&copy::End>,
    ) {
        let (id, link, user, client) = (
            entry.id(),
            self.peer.id,
            self.account.name(),
            self.peer.client,
        );
        let (up, down) = (entry.traffic().up(), entry.traffic().down());
        let ms = began.elapsed().as_millis();
        if self.shared.logs_destinations() {
            tracing::info!(
                connection = %id, hub_connection = %link, %user, %client, %destination, up, down, ms,
                ?end, "a user connection ended"
            );
        } else {
            tracing::debug!(
                connection = %id, hub_connection = %link, %user, %client, up, down, ms, ?end,
                "a user connection ended"
            );
        }
    }

    /// Tells the edge why there is no user connection, and lets what it has sent already run empty.
    async fn refuse(
        &mut self,
        mut stream: Box<SecureStream>,
        destination: &Destination,
        refusal: Refusal,
    ) -> Result<Box<SecureStream>, End> {
        self.account.count_refused();
        self.done.refused += 1;
        self.shared.refusals.count(refusal.cause);
        self.say_refused(destination, &refusal);
        let Refusal { code, text, .. } = refusal;
        let refused = Frame::OpenRefused(OpenRefused { code, text });
        let refusing = async {
            stream.send(&[refused]).await?;
            run_empty(&mut stream).await
        };
        timeout(PATIENCE, refusing)
            .await
            .unwrap_or(Err(End::Silent))?;
        Ok(stream)
    }

    fn say_refused(&self, destination: &Destination, refusal: &Refusal) {
        let (link, user, client) = (self.peer.id, self.account.name(), self.peer.client);
        let cause = refusal.cause.as_str();
        if let Some(fault) = &refusal.fault
            && self
                .shared
                .refusals
                .is_due(refusal.cause, client.socket_addr().ip())
                .is_some()
        {
            tracing::warn!(hub_connection = %link, %user, %client, cause, "the hub lacks something: {fault}");
        }
        if self.shared.logs_destinations() {
            tracing::info!(
                hub_connection = %link, %user, %client, %destination, cause,
                "a user connection was refused"
            );
        } else {
            tracing::debug!(
                hub_connection = %link, %user, %client, cause, "a user connection was refused"
            );
        }
    }
}

/// Throws away what the edge sent before it heard of the refusal.
async fn run_empty(stream: &mut SecureStream) -> Result<(), End> {
    let mut thrown_away = 0;
    while !stream.is_idle() {
        if let Message::Data(bytes) = stream.receive().await? {
            thrown_away += bytes.len();
        }
        if thrown_away > MOST_REFUSED {
            return Err(End::Flooding);
        }
    }
    Ok(())
}

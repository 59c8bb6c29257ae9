//! The client's first bytes, which leave before the hub has connected to the destination.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The most of them: a request with its cookies, or TLS's first flight. What comes after them waits.
const MOST: usize = 16 * 1024;

/// How many are read at once. With OPEN before them they fit into one record.
const PORTION: usize = 15 * 1024;

/// How long OPEN waits for the first of them. A program that speaks first does so within a fraction
/// of this, and one that waits for the server loses no more.
const SOON: Duration = Duration::from_millis(2);

/// What a client has sent so far. It is kept until the hub has answered, in case it did not act.
#[derive(Debug, Default)]
pub(crate) struct First<'a> {
    /// Reads nothing, without: the client waits for an answer before it sends.
    client: Option<&'a TcpStream>,
    bytes: BytesMut,
    /// How many of them are on their way on the present connection.
    sent: usize,
}

impl<'a> First<'a> {
    /// Those of a client that does not wait for an answer, of which `said` have been read already.
    pub(crate) fn of(client: &'a TcpStream, said: &[u8]) -> Self {
        Self {
            client: Some(client).filter(|_| said.len() < MOST),
            ..Self::said(said)
        }
    }

    /// Those that are there already, as far as they are not too many.
    pub(crate) fn said(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes[..bytes.len().min(MOST)].into(),
            ..Self::default()
        }
    }

    /// Reads what the client sends at once. Most programs speak first, and what they say is to go in
    /// one packet with OPEN: behind it, MPTCP's scheduler might send it by another, slower path.
    pub(super) async fn read_soon(&mut self) {
        self.read();
        if self.client.is_some() && self.unsent().is_empty() {
            // Without bytes it goes without them.
            let _some = timeout(SOON, self.more()).await;
            self.read();
        }
    }

    /// Reads what the client has sent, without waiting.
    pub(super) fn read(&mut self) {
        let (Some(client), room) = (self.client, MOST - self.bytes.len()) else {
            return;
        };
        let portion = room.min(PORTION.saturating_sub(self.bytes.len() - self.sent));
        let start = self.bytes.len();
        self.bytes.resize(start + portion, 0);
        let read = client.try_read(&mut self.bytes[start..]);
        let got = read.as_ref().map_or(0, |got| *got);
        self.bytes.truncate(start + got);
        match read {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // The relay will see the end, or the error, too.
            Ok(0) | Err(_) => self.client = None,
            Ok(_) => {}
        }
        if self.bytes.len() == MOST {
            self.client = None;
        }
    }

    /// Waits until the client has sent more; for ever, when no more is wanted. May be cancelled.
    pub(super) async fn more(&self) {
        match self.client {
            // An error shows when it is read.
            Some(client) => drop(client.readable().await),
            None => std::future::pending().await,
        }
    }

    /// What is to go next: no more than fits into one record with OPEN. After [`Self::start_over`]
    /// there may be more behind it.
    pub(super) fn unsent(&self) -> &[u8] {
        let unsent = &self.bytes[self.sent..];
        &unsent[..unsent.len().min(PORTION)]
    }

    /// What [`Self::unsent`] gave is on its way.
    pub(super) fn unsent_is_sent(&mut self) {
        self.sent += self.unsent().len();
    }

    pub(super) fn sent(&self) -> usize {
        self.sent
    }

    /// Another connection is to be used: all goes again.
    pub(super) fn start_over(&mut self) {
        self.sent = 0;
    }
}

//! One connection between edge and hub: TLS over (MP)TCP, and the frames in it.

mod bytes;
mod error;
mod flow;
mod inbox;
mod message;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::bytes::Bytes;
use mptcp::{Backlog, Bursts, Inflow, Scatter};
use tls::{Channel, EdgeConfig, HubConfig};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::hub::{Conversation, Frame, Kind, Role, UserKey};

use crate::socket;
use inbox::Inbox;

pub use error::SecureError;
pub(crate) use flow::{Behind, Parts, Then};
pub use message::Message;

/// The most plaintext that a TLS record holds (RFC 8446 section 5.1).
const RECORD: usize = 1 << 14;

/// A connection between edge and hub that is encrypted, whose two ends know each other, and on which
/// the order of frames is kept by both. While nothing is under way it holds no buffer.
///
/// Dropped, it leaves the other end without a close_notify, which is an abort there if a user
/// connection is open.
#[derive(Debug)]
pub struct SecureStream {
    tcp: Arc<TcpStream>,
    role: Role,
    channel: Box<Channel>,
    conversation: Conversation,
    inbox: Inbox,
    /// Bytes of the open user connection that come before those of `inbox`.
    unread: Bytes,
    /// The other end's FIN of the open user connection was taken out of `inbox`.
    peer_finished: bool,
    /// TLS bytes that the socket has not taken yet.
    unsent: Vec<u8>,
    /// It carries one user connection after another, which BBR has to be helped with.
    bursts: Bursts,
    /// Paths fail, and then what waits on the others is in the way.
    backlog: Backlog,
    inflow: Inflow,
    scatter: Scatter,
}

impl SecureStream {
    /// The edge's end: proves that the hub is the one that `config` names, and who we are. No frame is
    /// sent yet. The time that it takes is for the caller to limit.
    ///
    /// # Errors
    /// [`SecureError::Tls`] if it is another hub or none.
    pub async fn connect(tcp: TcpStream, config: &EdgeConfig) -> Result<Self, SecureError> {
        Self::handshake(tcp, Channel::edge(config)?, Role::Edge).await
    }

    /// The hub's end: proves who we are, and learns the edge's key ([`Self::peer`]). The time that it
    /// takes is for the caller to limit.
    ///
    /// # Errors
    /// [`SecureError::Tls`] if it is no edge, or one that expects another hub.
    pub async fn accept(tcp: TcpStream, config: &HubConfig) -> Result<Self, SecureError> {
        Self::handshake(tcp, Channel::hub(config)?, Role::Hub).await
    }

    async fn handshake(tcp: TcpStream, channel: Channel, role: Role) -> Result<Self, SecureError> {
        let mut stream = Self {
            bursts: Bursts::of(&tcp),
            backlog: Backlog::of(&tcp),
            inflow: Inflow::of(&tcp),
            scatter: Scatter::of(&tcp),
            tcp: Arc::new(tcp),
            role,
            channel: Box::new(channel),
            conversation: Conversation::new(role),
            inbox: Inbox::default(),
            unread: Bytes::new(),
            peer_finished: false,
            unsent: Vec::new(),
        };
        loop {
            stream.unsent.append(stream.channel.outgoing());
            stream.flush().await?;
            if stream.channel.is_established() {
                return Ok(stream);
            }
            stream.fill().await?;
        }
    }

    /// At the hub: the key that the edge has proved to own.
    pub fn peer(&self) -> Option<UserKey> {
        self.channel.peer()
    }

    /// The socket below, for looking at it.
    pub fn tcp(&self) -> &Arc<TcpStream> {
        &self.tcp
    }

    /// Whether the next OPEN may go: the hub has agreed, no user connection is under way, and the hub
    /// has not said GOAWAY, as far as its frames were received.
    pub fn is_idle(&self) -> bool {
        self.conversation.is_idle()
    }

    /// Sends frames: in one record, if they fit into one, and in one go. Cancelled, it leaves the rest
    /// to be sent before the next frames.
    ///
    /// # Errors
    /// [`SecureError::Violation`] if one of the frames may not be sent now: nothing was sent then.
    pub async fn send(&mut self, frames: &[Frame<'_>]) -> Result<(), SecureError> {
        self.queue(frames)?;
        self.flush().await
    }

    /// Seals a frame that is to go along with what is sent next, in the same write.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) fn hold(&mut self, frame: &Frame<'_>) -> Result<(), SecureError> {
        self.queue(std::slice::from_ref(frame))
    }

    /// Whether DATA of the user connection that is being opened has come, as `few` bytes at most.
    pub(crate) fn has_few_bytes(&self, few: usize) -> bool {
        (1..=few).contains(&self.inbox.waiting())
    }

    /// The next frame. May be cancelled at any time.
    ///
    /// # Errors
    /// [`SecureError::Closed`] at the orderly end. After any error the connection is good for nothing.
    pub async fn receive(&mut self) -> Result<Message, SecureError> {
        poll_fn(|cx| self.poll_message(cx)).await
    }

    /// Waits until the user connection that is being opened is of no use any more, and says why. What
    /// the edge sends meanwhile is kept. May be cancelled at any time.
    pub async fn gone(&mut self) -> SecureError {
        /// More than an edge sends before it has an answer (16 KiB), but not much: thousands of
        /// connections may wait at once, and each look goes through all of it.
        const MOST: usize = 20 * 1024;
        while self.inbox.waiting() < MOST {
            if self.inbox.holds_abort() {
                return SecureError::Aborted;
            }
            if self.channel.peer_closed() {
                return SecureError::Closed;
            }
            if let Err(error) = self.fill().await {
                return error;
            }
        }
        SecureError::Io(socket::broken(&self.tcp).await)
    }

    /// Ends it in an orderly way: close_notify, then FIN. What the other end still sends is read for
    /// a second: a close with unread bytes would be a reset, which might overtake our last words.
    pub async fn close(mut self) {
        const PATIENCE: Duration = Duration::from_secs(1);
        let farewell = async {
            self.channel.close();
            self.unsent.append(self.channel.outgoing());
            self.flush().await?;
            socket::finish_writing(&self.tcp).map_err(SecureError::Io)?;
            socket::read_to_end(&self.tcp)
                .await
                .map_err(SecureError::Io)
        };
        // Whether they arrive is the other end's affair from here on.
        let _done = timeout(PATIENCE, farewell).await;
    }

    /// Ends it at once with a reset, which aborts the user connection if one is open.
    pub fn abort(self) {
        socket::abort(&self.tcp);
    }

    /// Seals frames, to be sent by [`Self::poll_flush`].
    fn queue(&mut self, frames: &[Frame<'_>]) -> Result<(), SecureError> {
        let mut conversation = self.conversation.clone();
        for frame in frames {
            conversation.sent(frame.kind())?;
        }
        let mut record = Vec::new();
        for frame in frames {
            let before = record.len();
            frame.encode(&mut record);
            if record.len() > RECORD {
                self.channel.seal(&record[..before], &mut self.unsent)?;
                record.drain(..before);
            }
        }
        self.channel.seal(&record, &mut self.unsent)?;
        self.conversation = conversation;
        if frames.iter().any(|frame| frame.kind() == Kind::Open) {
            self.begin();
        }
        self.note_end();
        Ok(())
    }

    /// Sends what is held back to go along with the next frames, such as an edge's last FIN.
    ///
    /// # Errors
    /// When the connection is over.
    pub async fn flush(&mut self) -> Result<(), SecureError> {
        poll_fn(|cx| self.poll_unsent(cx)).await
    }

    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SecureError>> {
        let mut sent = 0;
        let result = loop {
            if sent == self.unsent.len() {
                break Poll::Ready(Ok(()));
            }
            match socket::poll_write(&self.tcp, cx, &self.unsent[sent..]) {
                Poll::Ready(Ok(written)) => sent += written,
                Poll::Ready(Err(error)) => break Poll::Ready(Err(SecureError::Io(error))),
                Poll::Pending => break Poll::Pending,
            }
        };
        self.unsent.drain(..sent);
        if self.unsent.is_empty() {
            self.unsent = Vec::new();
        }
        result
    }

    async fn fill(&mut self) -> Result<(), SecureError> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// Reads until there is something new, which need not be a whole frame.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SecureError>> {
        loop {
            ready!(self.tcp.poll_read_ready(cx)).map_err(SecureError::Io)?;
            if self.try_fill()? {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Reads once. Tells whether there was something.
    fn try_fill(&mut self) -> Result<bool, SecureError> {
        let filled = self.inbox.fill(&self.tcp, &mut self.channel);
        if let Err(SecureError::Tls(_)) = filled {
            self.send_alert();
        }
        filled
    }

    /// Tells the other end what TLS has against it, if the socket takes that at once.
    fn send_alert(&mut self) {
        if self.unsent.is_empty() {
            let _as_far_as_it_goes = self.tcp.try_write(self.channel.outgoing());
        }
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, SecureError>> {
        loop {
            if let Some(frame) = self.inbox.peek()? {
                let is_void = self.conversation.is_over();
                self.conversation.received(&frame)?;
                let message = Message::from(frame);
                self.inbox.advance();
                if let Message::Open(_) = message {
                    self.begin();
                }
                self.peer_finished |= message == Message::Fin;
                self.note_end();
                if is_void {
                    continue;
                }
                return Poll::Ready(Ok(message));
            }
            if self.channel.peer_closed() {
                return Poll::Ready(Err(SecureError::Closed));
            }
            ready!(self.poll_fill(cx))?;
        }
    }

    /// A user connection begins. What the one before has left behind, because nobody read it to its
    /// end, is no part of it.
    fn begin(&mut self) {
        self.unread = Bytes::new();
        self.peer_finished = false;
    }

    /// The next user connection has another FIN.
    fn note_end(&mut self) {
        self.peer_finished &= self.conversation.is_open() || self.conversation.is_opening();
    }

    fn sent(&mut self, kind: Kind) -> Result<(), SecureError> {
        self.conversation.sent(kind)?;
        self.note_end();
        Ok(())
    }
}

//! A leg while it is relayed: used by both directions at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Leg;
use crate::secure::SecureStream;
use crate::{handshake, socket};

/// How long a reset waits for the bytes before it to arrive.
const RESET_GRACE: Duration = Duration::from_secs(1);

pub(super) struct Line {
    pub(super) tcp: Arc<TcpStream>,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Plain { early: Bytes },
    Secure(Secure),
}

/// Both directions are in one task: the lock is there because tasks wander between threads, and is
/// held while bytes are sealed or opened, never while anything is waited for.
pub(super) struct Secure(Mutex<Option<Box<SecureStream>>>);

impl Line {
    pub(super) fn new(leg: Leg) -> Self {
        match leg {
            Leg::Plain { stream, early } => Self {
                tcp: stream,
                kind: Kind::Plain { early },
            },
            Leg::Secure(stream) => Self {
                tcp: Arc::clone(stream.tcp()),
                kind: Kind::Secure(Secure(Mutex::new(Some(stream)))),
            },
        }
    }

    /// Tells the other end, behind everything that was written, that the connection was reset; waits
    /// a little for that to arrive. What is written now comes after whole messages: a direction never
    /// ends in the middle of one, unless it is this line that is gone.
    pub(super) async fn end_early(&self) {
        if let Kind::Secure(secure) = &self.kind {
            let mut last_words = Vec::new();
            // It may be at its end already: then there is nothing to be said.
            if secure
                .with(|stream| stream.seal_abort(&mut last_words))
                .is_ok()
            {
                let sent = handshake::send(&self.tcp, &last_words);
                if let Ok(Ok(())) = timeout(RESET_GRACE, sent).await {
                    let _its_affair = socket::finish_writing(&self.tcp);
                }
            }
        }
        socket::delivered(&self.tcp, RESET_GRACE).await;
    }

    /// Resets it at once.
    pub(super) fn abort(&self) {
        socket::abort(&self.tcp);
    }

    /// The secure stream, if another user connection may follow on it.
    pub(super) fn take_idle(&self) -> Option<SecureStream> {
        let Kind::Secure(secure) = &self.kind else {
            return None;
        };
        let stream = secure.lock().take()?;
        stream.is_idle().then_some(*stream)
    }
}

impl Secure {
    /// Lets `work` have the stream for a moment.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut SecureStream) -> T) -> T {
        let mut stream = self.lock();
        work(stream.as_mut().expect("it is taken out at the end only"))
    }

    /// A panic elsewhere is the end of the task that both directions are in.
    fn lock(&self) -> MutexGuard<'_, Option<Box<SecureStream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! From an edge or a hub.

use super::direction::{Burst, Direction};
use super::end::Fault;
use super::line::Secure;
use super::pieces::Pieces;
use super::read::{Got, read};
use crate::pool::{Buffer, SMALL};
use crate::secure::{Parts, Then};

/// The beginning of a record of which the rest has not come.
struct Rest {
    buffer: Buffer,
    len: usize,
}

impl Direction<'_> {
    pub(super) async fn run_secure(&self, secure: &Secure) -> Result<(), Fault> {
        let Some(mut rest) = Box::pin(self.left_over(secure)).await? else {
            return self.end().await;
        };
        let mut is_bulk = false;
        loop {
            self.readable().await?;
            // On the heap, so that it takes no memory while nothing moves.
            match Box::pin(self.open_burst(secure, &mut rest, is_bulk)).await? {
                Burst::Moved(bytes) => is_bulk = bytes >= SMALL,
                Burst::Ended => return self.end().await,
            }
        }
    }

    /// Passes on what was read before the relay began. `None` if that was all.
    async fn left_over(&self, secure: &Secure) -> Result<Option<Option<Rest>>, Fault> {
        let (unread, finished) = secure.with(|stream| stream.take_unread());
        self.pay_and_deliver(&unread, std::slice::from_ref(&(0..unread.len())))
            .await?;
        if finished {
            return Ok(None);
        }
        let mut plain = secure.with(|stream| stream.take_plain());
        let mut parts = Parts::default();
        let then = secure.with(|stream| stream.open_plain(&mut plain, &mut parts));
        let then = then.map_err(|error| self.violated(self.from.0, error))?;
        self.pay_and_deliver(&plain, parts.ranges()).await?;
        match then {
            Then::Fin => return Ok(None),
            Then::Abort => return Err(self.reset(self.from.0)),
            Then::More | Then::Wait => {}
        }
        let cipher = secure.with(|stream| stream.take_cipher());
        Ok(Some(self.keep(&cipher)))
    }

    /// Passes on what there is to read. Afterwards only the beginning of a record is held.
    async fn open_burst(
        &self,
        secure: &Secure,
        rest: &mut Option<Rest>,
        is_bulk: bool,
    ) -> Result<Burst, Fault> {
        let mut buffer = self.buffer(is_bulk);
        let mut plain = self.pool.output(&buffer);
        let (mut filled, mut moved) = (0, 0);
        if let Some(rest) = rest.take() {
            buffer[..rest.len].copy_from_slice(&rest.buffer[..rest.len]);
            filled = rest.len;
        }
        loop {
            let got = read(&self.from.1.tcp, &mut buffer[filled..]);
            match got.map_err(|error| self.fault(self.from.0, error))? {
                Got::Nothing => break,
                // It has not said that this is the end.
                Got::End => return Err(self.reset(self.from.0)),
                got @ (Got::All(bytes) | Got::Part(bytes)) => {
                    filled += bytes;
                    let opened = self
                        .open_all(secure, &mut buffer[..filled], &mut plain)
                        .await?;
                    let Opened::Wait { used, payload } = opened else {
                        return Ok(Burst::Ended);
                    };
                    buffer.copy_within(used..filled, 0);
                    filled -= used;
                    moved += payload;
                    if let Got::All(_) = got {
                        break;
                    }
                    if !buffer.is_large() {
                        let mut larger = self.buffer(true);
                        larger[..filled].copy_from_slice(&buffer[..filled]);
                        buffer = larger;
                        plain = self.pool.output(&buffer);
                    }
                }
            }
            tokio::task::coop::consume_budget().await;
        }
        *rest = self.keep(&buffer[..filled]);
        Ok(Burst::Moved(moved))
    }

    /// Passes on the payload of all whole records in `cipher`.
    async fn open_all(
        &self,
        secure: &Secure,
        cipher: &mut [u8],
        plain: &mut Vec<u8>,
    ) -> Result<Opened, Fault> {
        let (mut used, mut payload) = (0, 0);
        loop {
            let mut parts = Parts::default();
            let opened = secure.with(|stream| stream.open(&mut cipher[used..], plain, &mut parts));
            let opened = opened.map_err(|error| self.violated(self.from.0, error))?;
            self.pay_and_deliver(plain, parts.ranges()).await?;
            payload += parts.len();
            used += opened.used;
            match opened.then {
                Then::More => {}
                Then::Wait => return Ok(Opened::Wait { used, payload }),
                Then::Fin => return Ok(Opened::Fin),
                Then::Abort => return Err(self.reset(self.from.0)),
            }
        }
    }

    async fn pay_and_deliver(
        &self,
        buffer: &[u8],
        parts: &[std::ops::Range<usize>],
    ) -> Result<(), Fault> {
        let payload = Pieces::new(buffer, parts);
        if !payload.is_empty() {
            self.pay(payload.len()).await;
            self.deliver(payload).await?;
        }
        Ok(())
    }

    /// The beginning of a record must not pin a large buffer: the rest of it may never come.
    fn keep(&self, bytes: &[u8]) -> Option<Rest> {
        let len = bytes.len();
        (len > 0).then(|| {
            let mut buffer = self.pool.small();
            buffer[..len].copy_from_slice(bytes);
            Rest { buffer, len }
        })
    }
}

/// What became of a buffer of records.
enum Opened {
    /// So many bytes are done with, which carried so much payload; the rest is the beginning of a
    /// record.
    Wait { used: usize, payload: usize },
    /// The orderly end of this direction.
    Fin,
}

//! Bytes from one side to the other.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::end::{Fault, Side};
use super::line::{Kind, Line, Secure};
use super::pieces::Pieces;
use crate::pool::{Buffer, BufferPool, SMALL};
use crate::secure::{Behind, SecureError};
use crate::{Throttle, socket};

/// How long to wait for room before the buffer is looked at, each time.
const PATIENCE: [Duration; 4] = [
    Duration::from_millis(20),
    Duration::from_millis(40),
    Duration::from_millis(80),
    Duration::from_millis(160),
];

/// One of the two directions of a relay.
pub(super) struct Direction<'a> {
    pub(super) from: (Side, &'a Line),
    pub(super) to: (Side, &'a Line),
    pub(super) pool: &'a BufferPool,
    pub(super) rate: Option<&'a Throttle>,
    pub(super) count: &'a (dyn Fn(usize) + Sync),
    pub(super) broken: &'a Broken,
}

/// One side is known to be gone: an end of data is no orderly end any more.
#[derive(Default)]
pub(super) struct Broken(AtomicBool);

/// What a burst of reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Burst {
    /// So many bytes went over, and there are no more for now.
    Moved(usize),
    /// The source has ended.
    Ended,
}

/// Runs both directions to their ends.
pub(super) async fn both(up: &Direction<'_>, down: &Direction<'_>) -> Result<(), Fault> {
    let mut up_run = std::pin::pin!(up.run());
    let mut down_run = std::pin::pin!(down.run());
    tokio::select! {
        result = &mut up_run => up.then(result, down_run).await,
        result = &mut down_run => down.then(result, up_run).await,
    }
}

/// Waits for room. Towards an edge or a hub that is made while there is none, if it is for want of buffer.
async fn writable(to: &Line) -> io::Result<()> {
    if let Kind::Secure(secure) = &to.kind {
        for patience in PATIENCE {
            match tokio::time::timeout(patience, to.tcp.writable()).await {
                Ok(ready) => return ready,
                Err(_) => secure.with(|stream| stream.while_full()),
            }
        }
    }
    to.tcp.writable().await
}

impl Direction<'_> {
    /// What is left to do when this direction has ended first: the `other`, which runs already.
    async fn then(
        &self,
        ended: Result<(), Fault>,
        other: impl Future<Output = Result<(), Fault>>,
    ) -> Result<(), Fault> {
        match ended {
            // Nobody reads from the source any more, so its reset has to be looked out for.
            Ok(()) => tokio::select! {
                result = other => result,
                fault = self.source_fault() => Err(fault),
            },
            // The target is gone, but what it sent before is to arrive: the other direction ends
            // when its source, our target, is read empty.
            Err(fault) if fault.side == self.to.0 => {
                let _same_fault = other.await;
                Err(fault)
            }
            Err(fault) => Err(fault),
        }
    }

    async fn run(&self) -> Result<(), Fault> {
        match &self.from.1.kind {
            Kind::Plain { early } => self.run_plain(early).await,
            Kind::Secure(secure) => self.run_secure(secure).await,
        }
    }

    /// Waits for something to read.
    pub(super) async fn readable(&self) -> Result<(), Fault> {
        let (side, from) = self.from;
        let ready = from.tcp.readable().await;
        ready.map_err(|error| self.fault(side, error))
    }

    /// Waits until so many bytes may be passed on.
    pub(super) async fn pay(&self, bytes: usize) {
        if let Some(rate) = self.rate {
            rate.take(bytes).await;
        }
    }

    /// How much to read at once into `room` bytes.
    pub(super) fn portion(&self, room: usize) -> usize {
        self.rate.map_or(room, |rate| rate.portion().min(room))
    }

    /// A buffer for a connection that moves much, or little.
    pub(super) fn buffer(&self, is_bulk: bool) -> Buffer {
        if is_bulk && self.portion(usize::MAX) > SMALL {
            self.pool.large()
        } else {
            self.pool.small()
        }
    }

    /// Passes payload on, whatever the target is.
    pub(super) async fn deliver(&self, mut payload: Pieces<'_>) -> Result<(), Fault> {
        match &self.to.1.kind {
            Kind::Plain { .. } => self.write_pieces(&mut payload).await,
            Kind::Secure(secure) => self.seal_pieces(secure, &mut payload).await,
        }
    }

    async fn write_pieces(&self, payload: &mut Pieces<'_>) -> Result<(), Fault> {
        let (side, to) = self.to;
        while !payload.is_empty() {
            match payload.write(&to.tcp) {
                Ok(written) => (self.count)(written),
                Err(error) => self.unwritten(side, to, error).await?,
            }
        }
        Ok(())
    }

    /// Writes `bytes`, which carry `payload` bytes of the user's.
    pub(super) async fn write(&self, mut bytes: &[u8], mut payload: usize) -> Result<(), Fault> {
        let (side, to) = self.to;
        while !bytes.is_empty() {
            match to.tcp.try_write(bytes) {
                Ok(written) => {
                    bytes = &bytes[written..];
                    let counted = written.min(payload);
                    (self.count)(counted);
                    payload -= counted;
                }
                Err(error) => self.unwritten(side, to, error).await?,
            }
        }
        Ok(())
    }

    /// Waits for room, if that is all that was wanting.
    pub(super) async fn unwritten(
        &self,
        side: Side,
        to: &Line,
        error: io::Error,
    ) -> Result<(), Fault> {
        let ready = match error.kind() {
            io::ErrorKind::WouldBlock => writable(to).await,
            _ => Err(error),
        };
        ready.map_err(|error| self.fault(side, error))
    }

    /// Passes the orderly end on.
    pub(super) async fn end(&self) -> Result<(), Fault> {
        if self.broken.0.load(Ordering::Relaxed) {
            return Ok(());
        }
        let (side, to) = self.to;
        match &to.kind {
            Kind::Plain { .. } => {
                socket::finish_writing(&to.tcp).map_err(|error| match error.kind() {
                    // The target is gone already, and someone else has been told why.
                    io::ErrorKind::NotConnected => {
                        self.fault(side, io::ErrorKind::ConnectionReset.into())
                    }
                    _ => self.fault(side, error),
                })
            }
            Kind::Secure(secure) => {
                let sealed = secure.with(|stream| stream.seal_fin());
                let fin = sealed.map_err(|error| self.violated(side, error))?;
                self.write(&fin, 0).await
            }
        }
    }

    /// Waits until the source's connection breaks, after its data has come to an end.
    async fn source_fault(&self) -> Fault {
        let (side, from) = self.from;
        let error = match &from.kind {
            Kind::Plain { .. } => socket::broken(&from.tcp).await,
            Kind::Secure(secure) => match self.behind_fin(secure).await {
                Ok(()) => socket::broken(&from.tcp).await,
                Err(fault) => return fault,
            },
        };
        self.fault(side, error)
    }

    /// Listens to an edge or a hub that has sent FIN and may still abort; until it says something that
    /// is none of the relay's business.
    async fn behind_fin(&self, secure: &Secure) -> Result<(), Fault> {
        let side = self.from.0;
        loop {
            match secure.with(|stream| stream.look_behind_fin()) {
                Ok(Behind::Nothing) => self.readable().await?,
                Ok(Behind::Next) => return Ok(()),
                Ok(Behind::Abort) => return Err(self.reset(side)),
                Err(error) => return Err(self.violated(side, error)),
            }
        }
    }

    pub(super) fn reset(&self, side: Side) -> Fault {
        self.fault(side, io::ErrorKind::ConnectionReset.into())
    }

    pub(super) fn violated(&self, side: Side, error: SecureError) -> Fault {
        self.fault(side, error.into())
    }

    pub(super) fn fault(&self, side: Side, error: io::Error) -> Fault {
        self.broken.0.store(true, Ordering::Relaxed);
        Fault { side, error }
    }
}

//! The byte relay: everything that a connection carries goes through here.
//!
//! A connection that moves nothing holds no buffer: each direction waits for its source to become
//! readable with empty hands, borrows a buffer, and gives it back when all that came has been passed
//! on. While the other side takes no more, nothing is read, so the kernel's window holds the sender
//! back.
//!
//! Ends are passed on as they are: an orderly end (FIN) of one direction ends that direction alone; a
//! reset of one side resets the other, after what arrived before it: an origin that answers without
//! having read all of a request ends with a reset, and its answer must not be lost.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::pool::{Buffer, BufferPool};
use crate::registry::Traffic;
use crate::secure::SecureStream;
use crate::{Rates, socket};

/// One side's connection.
#[derive(Debug)]
pub enum Leg {
    /// A plain stream of bytes.
    Plain {
        /// The socket. It may speak MPTCP.
        stream: Arc<TcpStream>,
        /// What has been read from it already and belongs to the relayed bytes.
        early: Bytes,
    },
    /// A connection between edge and hub on which a user connection is open.
    Secure(Box<SecureStream>),
}

impl Leg {
    /// The socket below.
    pub fn tcp(&self) -> &Arc<TcpStream> {
        match self {
            Self::Plain { stream, .. } => stream,
            Self::Secure(stream) => stream.tcp(),
        }
    }
}

/// What a relay has to heed and may use.
#[derive(Debug)]
pub struct Terms<'a> {
    /// Where it borrows its buffers.
    pub pool: &'a BufferPool,
    /// Ends it when no byte moved for that long (up to a quarter more); never, without.
    pub idle: Option<Duration>,
    /// The limits of the user whose connection it is.
    pub rates: Rates,
}

/// How a relay ended, and what is left of its legs.
#[derive(Debug)]
pub struct Ended {
    /// What was moved, and why it ended.
    pub transferred: Transferred,
    /// The client's secure leg, to be used again: only if both directions came to their orderly end.
    pub client: Option<SecureStream>,
    /// The onward secure leg, likewise.
    pub onward: Option<SecureStream>,
}

/// One of a connection's two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The program that connected to us.
    Client,
    /// The next hop, or the origin itself.
    Onward,
}

/// What a finished relay has done.
#[derive(Debug)]
pub struct Transferred {
    /// Bytes from the client onwards.
    pub up: u64,
    /// Bytes to the client.
    pub down: u64,
    /// Why it ended.
    pub end: End,
}

/// Why a relay ended.
#[derive(Debug)]
pub enum End {
    /// Both directions came to their orderly end.
    Finished,
    /// This side reset the connection, and the other has been sent a reset.
    Reset(Side),
    /// Nothing moved for the idle time; both sides have been sent a reset.
    Idle,
    /// This side's connection failed in another way, such as a timeout of TCP; both have been reset.
    Error(Side, io::Error),
}

/// How long a reset waits for the bytes before it to arrive.
const RESET_GRACE: Duration = Duration::from_secs(1);

/// Moves bytes both ways until both directions have ended, and counts them in `traffic`.
///
/// Dropping the future resets both sides.
pub async fn relay(client: Leg, onward: Leg, traffic: &Traffic, terms: &Terms<'_>) -> Ended {
    let (Terms { pool, idle, .. }, client_tcp, onward_tcp) =
        (terms, Arc::clone(client.tcp()), Arc::clone(onward.tcp()));
    let mut pair = Pair {
        client: &client_tcp,
        onward: &onward_tcp,
        finished: false,
    };
    let broken = AtomicBool::new(false);
    let up = Direction {
        from: (Side::Client, &client),
        to: (Side::Onward, &onward_tcp),
        pool,
        count: &|bytes| traffic.add_up(bytes),
        broken: &broken,
    };
    let down = Direction {
        from: (Side::Onward, &onward),
        to: (Side::Client, &client_tcp),
        pool,
        count: &|bytes| traffic.add_down(bytes),
        broken: &broken,
    };
    let end = tokio::select! {
        result = both(&up, &down) => match result {
            Ok(()) => End::Finished,
            Err(fault) => {
                socket::delivered(pair.other(fault.side), RESET_GRACE).await;
                fault.into()
            }
        },
        () = idle_for(traffic, *idle) => End::Idle,
    };
    pair.finished = matches!(end, End::Finished);
    Ended {
        transferred: Transferred {
            up: traffic.up(),
            down: traffic.down(),
            end,
        },
        client: None,
        onward: None,
    }
}

/// Resets both sides unless the relay finished: also when the task is cancelled.
struct Pair<'a> {
    client: &'a TcpStream,
    onward: &'a TcpStream,
    finished: bool,
}

impl Pair<'_> {
    fn other(&self, side: Side) -> &TcpStream {
        match side {
            Side::Client => self.onward,
            Side::Onward => self.client,
        }
    }
}

impl Drop for Pair<'_> {
    fn drop(&mut self) {
        if !self.finished {
            socket::abort(self.client);
            socket::abort(self.onward);
        }
    }
}

/// A side's connection is gone.
struct Fault {
    side: Side,
    error: io::Error,
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        match fault.error.kind() {
            // EPIPE instead of ECONNRESET: the reset came after the side's FIN.
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Reset(fault.side),
            _ => Self::Error(fault.side, fault.error),
        }
    }
}

async fn both(up: &Direction<'_>, down: &Direction<'_>) -> Result<(), Fault> {
    let mut up_run = std::pin::pin!(up.run());
    let mut down_run = std::pin::pin!(down.run());
    tokio::select! {
        result = &mut up_run => up.then(result, down_run).await,
        result = &mut down_run => down.then(result, up_run).await,
    }
}

/// Bytes from one side to the other.
struct Direction<'a> {
    from: (Side, &'a Leg),
    to: (Side, &'a TcpStream),
    pool: &'a BufferPool,
    count: &'a (dyn Fn(usize) + Sync),
    /// One side is known to be gone: an end of data is no orderly end any more.
    broken: &'a AtomicBool,
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
        let from = self.from.1.tcp();
        if let Leg::Plain { early, .. } = self.from.1 {
            self.pass(early).await?;
        }
        let mut bulk = false;
        loop {
            from.readable()
                .await
                .map_err(|error| self.fault(self.from.0, error))?;
            let buffer = if bulk {
                self.pool.large()
            } else {
                self.pool.small()
            };
            match self.burst(buffer).await? {
                Burst::Moved(bytes) => bulk = bytes >= crate::pool::SMALL,
                Burst::Ended => return self.end(),
            }
        }
    }

    /// Passes on what there is to read. The buffer is gone afterwards.
    async fn burst(&self, mut buffer: Buffer) -> Result<Burst, Fault> {
        let mut moved = 0;
        loop {
            let got = read(self.from.1.tcp(), &mut buffer);
            match got.map_err(|error| self.fault(self.from.0, error))? {
                Got::Nothing => return Ok(Burst::Moved(moved)),
                Got::End => return Ok(Burst::Ended),
                Got::All(bytes) => {
                    self.pass(&buffer[..bytes]).await?;
                    return Ok(Burst::Moved(moved + bytes));
                }
                Got::Part => {
                    self.pass(&buffer).await?;
                    moved += buffer.len();
                    if !buffer.is_large() {
                        buffer = self.pool.large();
                    }
                }
            }
            // Two fast peers would never let another connection's task run.
            tokio::task::coop::consume_budget().await;
        }
    }

    async fn pass(&self, mut bytes: &[u8]) -> Result<(), Fault> {
        let (side, to) = self.to;
        while !bytes.is_empty() {
            match to.try_write(bytes) {
                Ok(written) => {
                    (self.count)(written);
                    bytes = &bytes[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    to.writable()
                        .await
                        .map_err(|error| self.fault(side, error))?;
                }
                Err(error) => return Err(self.fault(side, error)),
            }
        }
        Ok(())
    }

    fn end(&self) -> Result<(), Fault> {
        if self.broken.load(Ordering::Relaxed) {
            return Ok(());
        }
        let (side, to) = self.to;
        socket::finish_writing(to).map_err(|error| match error.kind() {
            // The target is gone already, and someone else has been told why.
            io::ErrorKind::NotConnected => self.fault(side, io::ErrorKind::ConnectionReset.into()),
            _ => self.fault(side, error),
        })
    }

    /// Waits until the source's connection breaks, after its data has come to an end.
    async fn source_fault(&self) -> Fault {
        let (side, stream) = (self.from.0, self.from.1.tcp());
        // An error that came with the last bytes: the end of data hid it.
        if let Ok(Some(error)) = stream.take_error() {
            return self.fault(side, error);
        }
        let waited = stream.ready(Interest::ERROR).await.err();
        let error = waited.or_else(|| stream.take_error().ok().flatten());
        self.fault(
            side,
            error.unwrap_or_else(|| io::ErrorKind::ConnectionReset.into()),
        )
    }

    fn fault(&self, side: Side, error: io::Error) -> Fault {
        self.broken.store(true, Ordering::Relaxed);
        Fault { side, error }
    }
}

/// What a burst of reading came to.
enum Burst {
    /// So many bytes went over, and there are no more for now.
    Moved(usize),
    /// The source has ended.
    Ended,
}

/// What there was to read.
enum Got {
    /// Nothing yet.
    Nothing,
    /// So many bytes, and there were no more.
    All(usize),
    /// A full buffer, maybe there is more.
    Part,
    /// The end of data.
    End,
}

/// Reads once. After a read that did not fill the buffer the socket is empty: saying so to tokio, by
/// `WouldBlock`, saves the second read that would find nothing. Tokio's own `AsyncRead` does the same
/// with epoll; data that comes after the read is announced anew.
fn read(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<Got> {
    let mut got = Got::Nothing;
    let result = stream.try_io(Interest::READABLE, || {
        let bytes = rustix::io::read(stream, &mut *buffer)?;
        got = match bytes {
            0 => Got::End,
            bytes if bytes == buffer.len() => Got::Part,
            bytes => Got::All(bytes),
        };
        match got {
            Got::All(_) => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        }
    });
    match result {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(got),
    }
}

/// Ends when nothing moved for `after`; never, without.
pub(crate) async fn idle_for(traffic: &Traffic, after: Option<Duration>) {
    const CHECKS: u32 = 4;
    let Some(after) = after else {
        return std::future::pending().await;
    };
    let (mut seen, mut quiet) = (None, 0);
    while quiet < CHECKS {
        let now = Some((traffic.up(), traffic.down()));
        quiet = if now == seen { quiet + 1 } else { 0 };
        seen = now;
        if quiet < CHECKS {
            tokio::time::sleep(after / CHECKS).await;
        }
    }
}

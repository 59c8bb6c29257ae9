//! The programs on the Windows side.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lab::traffic::Content;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::deed::{Deed, End};
use crate::origin::{halves, write};

/// How long a step may take on a busy machine before the connection counts as stuck.
pub const STUCK: Duration = Duration::from_secs(60);

/// How a program reaches the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Straight, and captured on the way.
    Captured,
    /// By the SOCKS5 proxy.
    Proxy(SocketAddr),
}

/// Something that must not happen to a connection.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("{0} failed: {1}")]
    Failed(&'static str, #[source] io::Error),
    #[error("{0} is stuck")]
    Stuck(&'static str),
    #[error("the proxy answered {0}")]
    Refused(u8),
    #[error("{0} bytes that the origin did not send")]
    Corrupt(usize),
    #[error("an orderly end after {0} bytes")]
    Early(u64),
    #[error("a connection to a closed port")]
    Open,
    #[error("an orderly end where the origin reset the connection")]
    NoReset,
}

/// A connection before its pause.
pub struct Half {
    stream: TcpStream,
    deed: Deed,
    sent: Content,
    received: Content,
    left: u64,
}

impl Half {
    /// Connects and does what comes before the pause.
    pub async fn open(way: Way, origin: SocketAddr, deed: Deed) -> Result<Self, Fault> {
        let stream = in_time("connecting", connect(way, origin)).await??;
        let mut half = Self {
            stream,
            deed,
            sent: deed.content_up(),
            received: deed.content_down(),
            left: deed.down.into(),
        };
        let (up, _) = halves(deed.up);
        let (_, rest) = halves(deed.down);
        in_time("sending", async {
            half.stream.write_all(&deed.to_bytes()).await?;
            write(&mut half.stream, &mut half.sent, up).await
        })
        .await?
        .map_err(|error| Fault::Failed("sending", error))?;
        half.read_until(rest.into()).await?;
        Ok(half)
    }

    pub fn deed(&self) -> Deed {
        self.deed
    }

    /// The pause and the end.
    pub async fn finish(mut self) -> Result<(), Fault> {
        let (_, up) = halves(self.deed.up);
        match self.deed.end {
            End::ClientFirst => {
                tokio::time::sleep(self.deed.pause).await;
                self.send_rest(up).await?;
                self.read_to_end().await
            }
            End::OriginFirst => {
                self.read_to_end().await?;
                self.send_rest(up).await
            }
            End::ClientResets => {
                tokio::time::sleep(self.deed.pause).await;
                let socket = socket2::SockRef::from(&self.stream);
                let lingering = socket.set_linger(Some(Duration::ZERO));
                lingering.map_err(|error| Fault::Failed("resetting", error))
            }
            End::OriginResets => match self.read_to_end().await {
                Err(Fault::Failed(_, error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                    Ok(())
                }
                Ok(()) | Err(Fault::Early(_)) => Err(Fault::NoReset),
                other => other,
            },
        }
    }

    async fn send_rest(&mut self, bytes: u32) -> Result<(), Fault> {
        let sending = async {
            write(&mut self.stream, &mut self.sent, bytes).await?;
            self.stream.shutdown().await
        };
        let sent = in_time("sending the rest", sending).await?;
        sent.map_err(|error| Fault::Failed("sending the rest", error))
    }

    async fn read_to_end(&mut self) -> Result<(), Fault> {
        self.read_until(0).await?;
        match self.read_some().await? {
            0 => Ok(()),
            more => Err(Fault::Corrupt(more)),
        }
    }

    /// Reads until so many bytes are left.
    async fn read_until(&mut self, left: u64) -> Result<(), Fault> {
        while self.left > left {
            match self.read_some().await? {
                0 => return Err(Fault::Early(u64::from(self.deed.down) - self.left)),
                count => self.left = self.left.saturating_sub(count as u64),
            }
        }
        Ok(())
    }

    async fn read_some(&mut self) -> Result<usize, Fault> {
        // On the stack of the task for a moment only: thousands of idle ones must stay small.
        let mut buffer = vec![0; 4096];
        let limit = STUCK + self.deed.pause;
        let read = tokio::time::timeout(limit, self.stream.readable());
        let ready = read.await.map_err(|_| Fault::Stuck("receiving"))?;
        ready.map_err(|error| Fault::Failed("receiving", error))?;
        let read = self.stream.read(&mut buffer).await;
        let count = read.map_err(|error| Fault::Failed("receiving", error))?;
        if !self.received.verify(&buffer[..count]) {
            return Err(Fault::Corrupt(count));
        }
        Ok(count)
    }
}

/// Connects to the proxy and leaves in the middle of the handshake.
pub async fn leave_early(proxy: SocketAddr, after: &[u8]) -> io::Result<()> {
    let mut stream = TcpStream::connect(proxy).await?;
    stream.write_all(after).await
}

async fn connect(way: Way, origin: SocketAddr) -> Result<TcpStream, Fault> {
    let to = match way {
        Way::Captured => origin,
        Way::Proxy(proxy) => proxy,
    };
    let failed = |error| Fault::Failed("connecting", error);
    let mut stream = TcpStream::connect(to).await.map_err(failed)?;
    if to != origin {
        let code = socks5(&mut stream, origin).await.map_err(failed)?;
        if code != 0 {
            return Err(Fault::Refused(code));
        }
    }
    Ok(stream)
}

/// RFC 1928, without authentication; returns the reply's code.
async fn socks5(stream: &mut TcpStream, origin: SocketAddr) -> io::Result<u8> {
    let SocketAddr::V4(origin) = origin else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    stream.write_all(&[5, 1, 0]).await?;
    let mut method = [0; 2];
    stream.read_exact(&mut method).await?;
    let mut request = vec![5, 1, 0, 1];
    request.extend(origin.ip().octets());
    request.extend(origin.port().to_be_bytes());
    stream.write_all(&request).await?;
    let mut reply = [0; 10];
    stream.read_exact(&mut reply).await?;
    Ok(reply[1])
}

async fn in_time<T>(what: &'static str, work: impl Future<Output = T>) -> Result<T, Fault> {
    let done = tokio::time::timeout(STUCK, work).await;
    done.map_err(|_| Fault::Stuck(what))
}

//! A leg as a stream, for those who read and write it by themselves: hyper, and the edge's DNS.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::SecureStream;
use crate::connect::Onward;
use crate::copy::Leg;
use crate::registry::Traffic;
use crate::socket;
use crate::warm::Lease;

/// A leg as a stream. An onward one counts its bytes, and goes back to where it came from.
#[derive(Debug)]
pub(crate) struct LegStream {
    /// Taken out at the end only.
    leg: Option<Leg>,
    onward: Option<OnwardFacts>,
}

#[derive(Debug)]
struct OnwardFacts {
    bound: SocketAddr,
    traffic: Arc<Traffic>,
    lease: Option<Lease>,
}

impl LegStream {
    pub(crate) fn of_client(stream: Arc<TcpStream>) -> Self {
        let leg = Leg::Plain {
            stream,
            early: Bytes::new(),
        };
        Self {
            leg: Some(leg),
            onward: None,
        }
    }

    pub(crate) fn onward(onward: Onward, traffic: Arc<Traffic>) -> Self {
        let facts = OnwardFacts {
            bound: onward.bound,
            traffic,
            lease: onward.lease,
        };
        Self {
            leg: Some(onward.leg),
            onward: Some(facts),
        }
    }

    /// The onward connection again, with what hyper has read too much.
    pub(crate) fn into_onward(mut self, read: Bytes) -> Option<Onward> {
        let facts = self.onward.take()?;
        let leg = match self.leg.take()? {
            Leg::Plain { stream, .. } => Leg::Plain {
                stream,
                early: read,
            },
            Leg::Secure(mut stream) => {
                stream.unread(&read);
                Leg::Secure(stream)
            }
        };
        Some(Onward {
            leg,
            bound: facts.bound,
            sent: 0,
            lease: facts.lease,
        })
    }

    fn parts(&mut self) -> (&mut Leg, Option<&Traffic>) {
        let leg = self.leg.as_mut().expect("it is taken out at the end only");
        (leg, self.onward.as_ref().map(|onward| &*onward.traffic))
    }

    fn write(
        &mut self,
        cx: &mut Context<'_>,
        plain: impl Fn(&TcpStream) -> io::Result<usize>,
        secure: impl FnOnce(Pin<&mut SecureStream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let (leg, traffic) = self.parts();
        let written = match leg {
            Leg::Plain { stream, .. } => ready!(write(stream, cx, plain)),
            Leg::Secure(stream) => ready!(secure(Pin::new(stream), cx)),
        };
        if let (Some(traffic), Ok(bytes)) = (traffic, &written) {
            traffic.add_up(*bytes);
        }
        Poll::Ready(written)
    }
}

impl Drop for LegStream {
    fn drop(&mut self) {
        let lease = self.onward.take().and_then(|onward| onward.lease);
        if let (Some(Leg::Secure(stream)), Some(lease)) = (self.leg.take(), lease) {
            lease.settle(stream);
        }
    }
}

impl AsyncRead for LegStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let (leg, traffic) = self.parts();
        ready!(match leg {
            Leg::Plain { stream, early } => read(stream, early, cx, buffer),
            Leg::Secure(stream) => Pin::new(&mut **stream).poll_read(cx, buffer),
        })?;
        if let Some(traffic) = traffic {
            traffic.add_down(buffer.filled().len() - before);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LegStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(
            cx,
            |stream| stream.try_write(bytes),
            |stream, cx| stream.poll_write(cx, bytes),
        )
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(
            cx,
            |stream| stream.try_write_vectored(slices),
            |stream, cx| stream.poll_write_vectored(cx, slices),
        )
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.parts().0 {
            Leg::Plain { .. } => Poll::Ready(Ok(())),
            Leg::Secure(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.parts().0 {
            Leg::Plain { stream, .. } => Poll::Ready(socket::finish_writing(stream)),
            Leg::Secure(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
        }
    }
}

fn read(
    stream: &TcpStream,
    early: &mut Bytes,
    cx: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    if !early.is_empty() {
        let fits = early.len().min(buffer.remaining());
        buffer.put_slice(&early.split_to(fits));
        return Poll::Ready(Ok(()));
    }
    loop {
        ready!(stream.poll_read_ready(cx))?;
        match stream.try_read_buf(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return Poll::Ready(result.map(drop)),
        }
    }
}

fn write(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    write: impl Fn(&TcpStream) -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_write_ready(cx))?;
        match write(stream) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return Poll::Ready(result),
        }
    }
}

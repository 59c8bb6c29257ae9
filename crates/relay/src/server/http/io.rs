//! A socket for hyper that others can look at meanwhile.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::copy::Leg;
use crate::registry::Traffic;
use crate::socket;

/// A shared socket. An onward one counts its bytes.
#[derive(Debug)]
pub(super) struct HttpStream {
    stream: Arc<TcpStream>,
    /// Read before what the socket has.
    early: Bytes,
    traffic: Option<Arc<Traffic>>,
}

impl HttpStream {
    pub(super) fn of_client(stream: Arc<TcpStream>) -> Self {
        Self {
            stream,
            early: Bytes::new(),
            traffic: None,
        }
    }

    pub(super) fn onward(leg: Leg, traffic: Arc<Traffic>) -> Self {
        Self {
            stream: leg.stream,
            early: leg.early,
            traffic: Some(traffic),
        }
    }

    pub(super) fn into_inner(self) -> Arc<TcpStream> {
        self.stream
    }

    fn write(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match write(&self.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => {
                    if let (Some(traffic), Ok(bytes)) = (&self.traffic, &result) {
                        traffic.add_up(*bytes);
                    }
                    return Poll::Ready(result);
                }
            }
        }
    }
}

impl AsyncRead for HttpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let fits = self.early.len().min(buffer.remaining());
            buffer.put_slice(&self.early.split_to(fits));
            return Poll::Ready(Ok(()));
        }
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            match self.stream.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(bytes) => {
                    if let Some(traffic) = &self.traffic {
                        traffic.add_down(bytes);
                    }
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl AsyncWrite for HttpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(socket::finish_writing(&self.stream))
    }
}

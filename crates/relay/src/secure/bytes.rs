//! The bytes of the open user connection as a stream, for hyper: FIN is its end, and any other end is
//! a reset.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wire::hub::{Frame, Kind, MAX_PAYLOAD};

use super::{SecureError, SecureStream};

impl SecureStream {
    /// Puts bytes of the user connection back that were read too much.
    pub(crate) fn unread(&mut self, bytes: &Bytes) {
        self.unread = if self.unread.is_empty() {
            bytes.clone()
        } else {
            [&bytes[..], &self.unread].concat().into()
        };
    }

    /// The payload of the next DATA frame is put into `unread`; not at the end of the stream.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SecureError>> {
        use super::Message;
        while self.unread.is_empty() && !self.peer_finished && self.conversation.is_open() {
            match ready!(self.poll_message(cx))? {
                Message::Data(bytes) => self.unread = bytes,
                Message::Abort => return Poll::Ready(Err(SecureError::Aborted)),
                // It may be the last frame of all: nothing tells its end from that of the stream.
                Message::Fin => return Poll::Ready(Ok(())),
                _ => {}
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for SecureStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_data(cx))?;
        let fits = self.unread.remaining().min(buffer.remaining());
        buffer.put_slice(&self.unread.split_to(fits));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SecureStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // What was taken before goes first, so no more than one record is ever kept.
        ready!(self.poll_unsent(cx))?;
        let fits = bytes.len().min(MAX_PAYLOAD);
        if fits > 0 {
            self.queue(&[Frame::Data(&bytes[..fits])])?;
        }
        match self.poll_unsent(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            // The rest goes with the next write or the flush.
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(fits)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_unsent(cx).map_err(Into::into)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Called again while it is pending: the second FIN may not be sent, and is not.
        if self.conversation.clone().sent(Kind::Fin).is_ok() {
            self.queue(&[Frame::Fin])?;
        }
        self.poll_unsent(cx).map_err(Into::into)
    }
}

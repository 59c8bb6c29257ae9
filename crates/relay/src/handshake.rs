//! Reading and sending the messages of a handshake.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::net::TcpStream;
use wire::Parsed;

/// More than the longest message of a SOCKS handshake.
const CHUNK: usize = 1024;

/// The bytes that came on a connection during its handshake.
pub(crate) struct Inbox<'a> {
    stream: &'a TcpStream,
    bytes: BytesMut,
}

/// Why a message did not come.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MessageError<E> {
    /// The connection broke or ended.
    #[error("the connection ended during the handshake")]
    Broken(#[from] io::Error),
    /// The bytes are no such message.
    #[error(transparent)]
    Wrong(E),
}

impl<'a> Inbox<'a> {
    pub(crate) fn new(stream: &'a TcpStream) -> Self {
        Self {
            stream,
            bytes: BytesMut::new(),
        }
    }

    /// Reads one message. Memory stays bounded because no parser asks for more than its message's
    /// longest form.
    pub(crate) async fn message<T, E>(
        &mut self,
        parse: impl Fn(&[u8]) -> Result<Parsed<T>, E>,
    ) -> Result<T, MessageError<E>> {
        loop {
            if let Parsed::Complete { value, used } =
                parse(&self.bytes).map_err(MessageError::Wrong)?
            {
                self.bytes.advance(used);
                return Ok(value);
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> io::Result<()> {
        self.bytes.reserve(CHUNK);
        loop {
            self.stream.readable().await?;
            match self.stream.try_read_buf(&mut self.bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        send(self.stream, bytes).await
    }

    /// What came after the last message: it belongs to the relayed bytes.
    pub(crate) fn into_early(self) -> Bytes {
        if self.bytes.is_empty() {
            Bytes::new()
        } else {
            self.bytes.freeze()
        }
    }
}

/// Sends all of `bytes`.
pub(crate) async fn send(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

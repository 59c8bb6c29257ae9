//! Small objects again and again, with as few system calls as that takes: what is counted shall be the
//! work of what lies between.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::content::Content;
use super::origin::head;

/// With its head of 40 bytes an answer of 1,000 bytes. Somewhat longer than 1,024, and a proxy with
/// buffers of that size would send it in two pieces, of which Nagle's algorithm holds the second back
/// for 40 ms: that would be all there is to see.
const BODY: u64 = 960;

/// A program that asks an origin for the same small object again and again. Runs in the calling
/// thread's namespace.
#[derive(Debug)]
pub struct Exchanges {
    origin: SocketAddr,
    limit: Duration,
    request: Vec<u8>,
    answer: Vec<u8>,
    received: Vec<u8>,
}

impl Exchanges {
    /// Answers of 1,000 bytes with their heads. `limit` is the longest wait for anything.
    #[must_use]
    pub fn new(origin: SocketAddr, limit: Duration) -> Self {
        let mut answer = head("200 OK", BODY);
        answer.extend_from_slice(Content::default().peek(BODY));
        Self {
            origin,
            limit,
            request: format!("GET /bytes/{BODY} HTTP/1.1\r\nHost: origin\r\n\r\n").into_bytes(),
            received: vec![0; answer.len()],
            answer,
        }
    }

    /// A new connection.
    ///
    /// # Errors
    /// The system's.
    pub fn connect(&self) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(self.origin), Type::STREAM, None)?;
        // It bounds connect(2), too.
        socket.set_write_timeout(Some(self.limit))?;
        socket.set_read_timeout(Some(self.limit))?;
        socket.set_tcp_nodelay(true)?;
        socket.connect(&self.origin.into())?;
        Ok(socket.into())
    }

    /// One request and its answer.
    ///
    /// # Errors
    /// The system's, or [`io::ErrorKind::InvalidData`] when the answer is not the right one.
    pub fn exchange(&mut self, mut connection: &TcpStream) -> io::Result<()> {
        connection.write_all(&self.request)?;
        connection.read_exact(&mut self.received)?;
        if self.received == self.answer {
            Ok(())
        } else {
            let text = "an answer came with wrong bytes";
            Err(io::Error::new(io::ErrorKind::InvalidData, text))
        }
    }
}

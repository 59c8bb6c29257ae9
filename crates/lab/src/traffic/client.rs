//! A client that downloads or uploads, checks every byte, and notes when they came.

use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use super::content::Content;
use super::series::Series;

/// How the client reaches the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// A plain connection: what is captured on its way, or direct.
    Direct,
    /// A SOCKS5 proxy without authentication.
    Socks5(SocketAddr),
}

/// What went wrong with a transfer, and in which phase.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The TCP connection to the proxy or origin failed.
    #[error("connect to {0}")]
    Connect(SocketAddr, #[source] io::Error),
    /// The proxy refused.
    #[error("the SOCKS5 proxy {proxy} answered {code} for {origin}")]
    Refused {
        /// The proxy.
        proxy: SocketAddr,
        /// Where the client wanted to go.
        origin: SocketAddr,
        /// The reply code of RFC 1928 section 6.
        code: u8,
    },
    /// The connection broke after it had been made.
    #[error("{phase} after {bytes} bytes")]
    Broken {
        /// What was being done.
        phase: &'static str,
        /// Payload so far.
        bytes: u64,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The origin answered something other than 200.
    #[error("the origin answered {0:?}")]
    Status(String),
}

/// A finished transfer.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Payload bytes.
    pub bytes: u64,
    /// Every byte was the right one.
    pub intact: bool,
    /// When it began: before the connection was made.
    pub start: Instant,
    /// From start to the connection (through the proxy) being made.
    pub connected: Duration,
    /// From start to the first byte of the answer.
    pub first_byte: Duration,
    /// From start to the last byte.
    pub total: Duration,
    /// Payload by time since start.
    pub series: Series,
}

impl Transfer {
    /// Payload in bits per second, from first byte to last.
    pub fn goodput(&self) -> f64 {
        self.bytes as f64 * 8.0 / (self.total - self.first_byte).as_secs_f64()
    }
}

/// One TCP connection to an origin. Runs in the calling thread's namespace.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
    start: Instant,
    connected: Duration,
}

impl Client {
    /// Connects, at most waiting `limit` for each step; the limit is also the longest silence that
    /// a transfer on the connection bears.
    ///
    /// # Errors
    /// [`Error::Connect`], [`Error::Refused`].
    pub fn connect(via: Via, origin: SocketAddr, limit: Duration) -> Result<Self, Error> {
        let start = Instant::now();
        let peer = match via {
            Via::Direct => origin,
            Via::Socks5(proxy) => proxy,
        };
        let failed = |source| Error::Connect(peer, source);
        let mut stream = TcpStream::connect_timeout(&peer, limit).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_read_timeout(Some(limit)).map_err(failed)?;
        stream.set_write_timeout(Some(limit)).map_err(failed)?;
        if let Via::Socks5(proxy) = via {
            let code = socks5(&mut stream, origin).map_err(failed)?;
            if code != 0 {
                return Err(Error::Refused {
                    proxy,
                    origin,
                    code,
                });
            }
        }
        let stream = BufReader::with_capacity(256 * 1024, stream);
        Ok(Self {
            stream,
            start,
            connected: start.elapsed(),
        })
    }

    /// Gets `count` bytes of the origin's content. `progress` hears of every piece that arrives.
    ///
    /// # Errors
    /// [`Error::Broken`], [`Error::Status`].
    pub fn download(
        &mut self,
        count: u64,
        mut progress: impl FnMut(u64),
    ) -> Result<Transfer, Error> {
        let broken = |bytes| {
            move |source| Error::Broken {
                phase: "download",
                bytes,
                source,
            }
        };
        self.request(&format!("GET /bytes/{count}"), "")
            .map_err(broken(0))?;
        let length = self.response()?;
        let mut record = Record::new(self.start);
        let mut content = Content::default();
        while record.bytes < length {
            let piece = self.stream.fill_buf().map_err(broken(record.bytes))?;
            if piece.is_empty() {
                return Err(broken(record.bytes)(io::ErrorKind::UnexpectedEof.into()));
            }
            let size = piece.len();
            record.intact &= content.verify(piece);
            self.stream.consume(size);
            record.add(size as u64);
            progress(size as u64);
        }
        record.intact &= length == count;
        Ok(record.finish(self.connected))
    }

    /// Sends `count` bytes to the origin's sink, which checks them.
    ///
    /// # Errors
    /// [`Error::Broken`], [`Error::Status`].
    pub fn upload(&mut self, count: u64, mut progress: impl FnMut(u64)) -> Result<Transfer, Error> {
        let broken = |bytes| {
            move |source| Error::Broken {
                phase: "upload",
                bytes,
                source,
            }
        };
        self.request("PUT /sink", &format!("Content-Length: {count}\r\n"))
            .map_err(broken(0))?;
        let mut record = Record::new(self.start);
        let mut content = Content::default();
        while record.bytes < count {
            let piece = content.peek(count - record.bytes);
            let size = self
                .stream
                .get_mut()
                .write(piece)
                .map_err(broken(record.bytes))?;
            content.advance(size);
            record.add(size as u64);
            progress(size as u64);
        }
        let length = self.response()?;
        let mut verdict = vec![0; usize::try_from(length.min(64)).unwrap_or(64)];
        self.stream
            .read_exact(&mut verdict)
            .map_err(broken(count))?;
        record.intact = verdict == b"ok";
        Ok(record.finish(self.connected))
    }

    pub(super) fn request(&mut self, line: &str, headers: &str) -> io::Result<()> {
        let head = format!("{line} HTTP/1.1\r\nHost: origin\r\n{headers}\r\n");
        self.stream.get_mut().write_all(head.as_bytes())
    }

    /// Reads a response head; returns the body's length in bytes.
    pub(super) fn response(&mut self) -> Result<u64, Error> {
        let broken = |source| Error::Broken {
            phase: "wait for the answer",
            bytes: 0,
            source,
        };
        let mut status = String::new();
        self.stream.read_line(&mut status).map_err(broken)?;
        if status.split(' ').nth(1) != Some("200") {
            return Err(Error::Status(status.trim_end().to_owned()));
        }
        let mut length = 0;
        let mut header = String::new();
        while self.stream.read_line(&mut header).map_err(broken)? > 2 {
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
            header.clear();
        }
        Ok(length)
    }

    pub(super) fn reader(&mut self) -> &mut impl BufRead {
        &mut self.stream
    }

    pub(super) fn socket(&self) -> &TcpStream {
        self.stream.get_ref()
    }
}

/// The client's side of RFC 1928 with no authentication; returns the reply code.
fn socks5(stream: &mut TcpStream, origin: SocketAddr) -> io::Result<u8> {
    stream.write_all(&[5, 1, 0])?;
    let mut method = [0; 2];
    stream.read_exact(&mut method)?;
    if method != [5, 0] {
        return Err(io::Error::other("the proxy wants authentication"));
    }
    let mut request = vec![5, 1, 0];
    match origin.ip() {
        IpAddr::V4(ip) => {
            request.push(1);
            request.extend(ip.octets());
        }
        IpAddr::V6(ip) => {
            request.push(4);
            request.extend(ip.octets());
        }
    }
    request.extend(origin.port().to_be_bytes());
    stream.write_all(&request)?;
    let mut reply = [0; 4];
    stream.read_exact(&mut reply)?;
    let mut bound = vec![0; if reply[3] == 4 { 18 } else { 6 }];
    stream.read_exact(&mut bound)?;
    Ok(reply[1])
}

/// A transfer while it goes on.
struct Record {
    first_byte: Duration,
    bytes: u64,
    intact: bool,
    series: Series,
}

impl Record {
    fn new(start: Instant) -> Self {
        Self {
            first_byte: start.elapsed(),
            bytes: 0,
            intact: true,
            series: Series::new(start),
        }
    }

    fn add(&mut self, bytes: u64) {
        self.series.add(Instant::now(), bytes);
        self.bytes += bytes;
    }

    fn finish(self, connected: Duration) -> Transfer {
        let start = self.series.start();
        Transfer {
            bytes: self.bytes,
            intact: self.intact,
            start,
            connected,
            first_byte: self.first_byte,
            total: start.elapsed(),
            series: self.series,
        }
    }
}

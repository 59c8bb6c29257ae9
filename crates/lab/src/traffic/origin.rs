//! The origin: a small HTTP/1.1 server with the test content, plain TCP or MPTCP.
//!
//! One thread serves all connections, and one that idles costs a socket and a small buffer: what is
//! measured shall be what lies between client and origin.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::Instant;

use mptcp::ListenOptions;
use mptcp::Transport;
use netcfg::NetNs;

use super::content::Content;
use super::messages::{MESSAGE, message};
use super::received::Sink;

/// Bytes of a body that leave together with its head.
const FIRST: u64 = 16 * 1024;

/// A buffer for the heads of requests.
const REQUESTS: usize = 1024;

/// What is taken in at once of a body.
const PIECE: usize = 256 * 1024;

/// Before the next attempt when no connection can be accepted: files have run out.
const PAUSE: Duration = Duration::from_millis(10);

/// A running origin server. Dropping it ends its connections and joins its thread.
///
/// * `GET /bytes/N`: N bytes of [`Content`].
/// * `PUT /sink`: takes a body, checks it, answers `ok` or `corrupt`.
/// * `PUT /flow/ID`: takes the body that a [`Flow`](super::Flow) has announced in this process, or
///   [`message_gaps_up`](super::message_gaps_up).
/// * `GET /messages/MILLISECONDS/COUNT`: COUNT messages of 16 bytes, one every so often.
#[derive(Debug)]
pub struct Origin {
    expected: Arc<Expected>,
    /// Its end is heard by the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Origin {
    /// Listens inside `namespace`: with plain TCP, as most servers do, or with MPTCP.
    ///
    /// # Errors
    /// When the address can't be bound there.
    pub fn start(namespace: &NetNs, address: SocketAddr, transport: Transport) -> io::Result<Self> {
        let options = ListenOptions {
            only_v6: false,
            ..ListenOptions::default()
        };
        let listening = namespace.run(|| mptcp::listen(transport, address, &options))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = {
            let _context = runtime.enter();
            TcpListener::from_std(listening.listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let expected = Arc::new(Expected::default());
        let for_serving = Arc::clone(&expected);
        let thread = std::thread::Builder::new()
            .name("origin".into())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = accept(&listener, &for_serving) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            expected,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Announces one body to `PUT /flow/ID` and who will take it. Returns the ID.
    pub(super) fn expect(&self, sink: Arc<dyn Sink>) -> u64 {
        self.expected.add(sink)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: &TcpListener, expected: &Arc<Expected>) {
    loop {
        match listener.accept().await {
            // A client that goes away is the client's affair: tests read its side.
            Ok((stream, _)) => drop(tokio::spawn(serve(stream, Arc::clone(expected)))),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Serves requests until the client closes.
async fn serve(stream: TcpStream, expected: Arc<Expected>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::with_capacity(REQUESTS, stream);
    while let Some(request) = Request::read(&mut stream).await? {
        match request {
            Request::Bytes(count) => send_content(stream.get_mut(), count).await?,
            Request::Messages { every, count } => {
                send_messages(stream.get_mut(), every, count).await?;
            }
            Request::Sink(length) => {
                let (mut content, mut good) = (Content::default(), true);
                receive(&mut stream, length, |piece| good &= content.verify(piece)).await?;
                let verdict = if good { "ok" } else { "corrupt" };
                respond(stream.get_mut(), "200 OK", verdict).await?;
            }
            Request::Flow { id, length } => {
                let sink = expected.take(id).ok_or(io::ErrorKind::NotFound)?;
                receive(&mut stream, length, |piece| sink.take(piece)).await?;
                respond(stream.get_mut(), "200 OK", "").await?;
            }
            Request::Unknown => {
                respond(stream.get_mut(), "404 Not Found", "no such path\n").await?;
            }
        }
    }
    Ok(())
}

enum Request {
    Bytes(u64),
    Messages { every: Duration, count: u32 },
    Sink(u64),
    Flow { id: u64, length: u64 },
    Unknown,
}

impl Request {
    /// `None` at the end of the stream.
    async fn read(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let mut length = None;
        let mut header = String::new();
        while reader.read_line(&mut header).await? > 2 {
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok();
            }
            header.clear();
        }
        Ok(Some(Self::parse(&line, length)))
    }

    fn parse(line: &str, length: Option<u64>) -> Self {
        let target = line.split(' ').nth(1).unwrap_or_default();
        let parts: Vec<&str> = target.trim_start_matches('/').split('/').collect();
        match (parts.as_slice(), length) {
            (["bytes", count], None) => count.parse().map_or(Self::Unknown, Self::Bytes),
            (["messages", every, count], None) => match (every.parse(), count.parse()) {
                (Ok(every), Ok(count)) => Self::Messages {
                    every: Duration::from_millis(every),
                    count,
                },
                _ => Self::Unknown,
            },
            (["sink"], Some(length)) => Self::Sink(length),
            (["flow", id], Some(length)) => id
                .parse()
                .map_or(Self::Unknown, |id| Self::Flow { id, length }),
            _ => Self::Unknown,
        }
    }
}

/// The head of an answer with a body of `length` bytes.
pub(super) fn head(status: &str, length: u64) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n").into_bytes()
}

async fn respond(stream: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    let mut response = head(status, body.len() as u64);
    response.extend_from_slice(body.as_bytes());
    stream.write_all(&response).await
}

async fn send_content(stream: &mut TcpStream, count: u64) -> io::Result<()> {
    let (mut response, mut content) = (head("200 OK", count), Content::default());
    // Head and first bytes in one segment, as web servers send them. Two small writes would show what
    // Nagle's algorithm makes of them in a proxy that leaves it on.
    let first = content.peek(count.min(FIRST));
    response.extend_from_slice(first);
    content.advance(first.len());
    stream.write_all(&response).await?;
    let mut left = count - first.len() as u64;
    while left > 0 {
        let piece = content.peek(left);
        let sent = stream.write(piece).await?;
        content.advance(sent);
        left -= sent as u64;
    }
    Ok(())
}

async fn send_messages(stream: &mut TcpStream, every: Duration, count: u32) -> io::Result<()> {
    let head = head("200 OK", u64::from(count) * MESSAGE as u64);
    stream.write_all(&head).await?;
    let start = Instant::now();
    for number in 0..count {
        // A schedule, not a pause after each: a slow write must not thin the stream out.
        tokio::time::sleep_until(start + every * number).await;
        stream.write_all(&message(number)).await?;
    }
    Ok(())
}

/// `take` hears of every piece of the body.
async fn receive(
    reader: &mut (impl AsyncReadExt + Unpin),
    length: u64,
    mut take: impl FnMut(&[u8]),
) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    let mut left = length;
    while left > 0 {
        let limit = PIECE.min(usize::try_from(left).unwrap_or(PIECE));
        let count = reader.read(&mut buffer[..limit]).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        take(&buffer[..count]);
        left -= count as u64;
    }
    Ok(())
}

/// Bodies that were announced and have not yet come.
#[derive(Debug, Default)]
struct Expected(Mutex<Announced>);

#[derive(Debug, Default)]
struct Announced {
    last: u64,
    bodies: HashMap<u64, Arc<dyn Sink>>,
}

impl Expected {
    fn add(&self, sink: Arc<dyn Sink>) -> u64 {
        let mut announced = self.lock();
        announced.last += 1;
        let id = announced.last;
        announced.bodies.insert(id, sink);
        id
    }

    fn take(&self, id: u64) -> Option<Arc<dyn Sink>> {
        self.lock().bodies.remove(&id)
    }

    /// An `Announced` is whole at every moment, so a panic elsewhere leaves nothing to fear.
    fn lock(&self) -> MutexGuard<'_, Announced> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

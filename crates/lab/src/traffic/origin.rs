//! The origin: a small HTTP/1.1 server with the test content, plain TCP, a thread for a connection.

use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use mptcp::ListenOptions;
use mptcp::Transport;
use netcfg::NetNs;

use super::content::Content;

/// Bytes of a body that leave together with its head.
const FIRST: u64 = 16 * 1024;

/// Bytes of one message of `/messages/`.
pub(super) const MESSAGE: usize = 16;

/// A running origin server. Dropping it ends its connections and joins its threads.
///
/// * `GET /bytes/N`: N bytes of [`Content`].
/// * `PUT /sink`: takes a body, checks it, answers `ok` or `corrupt`.
/// * `GET /messages/MILLISECONDS/COUNT`: COUNT messages of 16 bytes, one every so often.
#[derive(Debug)]
pub struct Origin {
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    listener: TcpListener,
    stopping: AtomicBool,
    connections: Mutex<Vec<(TcpStream, JoinHandle<()>)>>,
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
        listening.listener.set_nonblocking(false)?;
        let shared = Arc::new(Shared {
            listener: listening.listener,
            stopping: AtomicBool::new(false),
            connections: Mutex::default(),
        });
        let accepting = std::thread::Builder::new().name("origin".into()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.accept()
        })?;
        Ok(Self {
            shared,
            accepting: Some(accepting),
        })
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        // On Linux this wakes accept(2) with EINVAL. Errors: it was ended already.
        let _ = rustix::net::shutdown(&self.shared.listener, rustix::net::Shutdown::Both);
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
        for (stream, thread) in self.shared.connections().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn connections(&self) -> std::sync::MutexGuard<'_, Vec<(TcpStream, JoinHandle<()>)>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(&self) {
        while !self.stopping.load(Ordering::Acquire) {
            let Ok((stream, _)) = self.listener.accept() else {
                continue;
            };
            let Ok(control) = stream.try_clone() else {
                continue;
            };
            let serving = std::thread::Builder::new()
                .name("origin-connection".into())
                .spawn(
                    // A client that goes away is the client's affair: tests read its side.
                    move || drop(serve(&stream)),
                );
            let mut connections = self.connections();
            connections.retain(|(_, thread)| !thread.is_finished());
            if let Ok(thread) = serving {
                connections.push((control, thread));
            }
        }
    }
}

/// Serves requests until the client closes.
fn serve(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(256 * 1024, stream);
    while let Some(request) = Request::read(&mut reader)? {
        match request {
            Request::Bytes(count) => send_content(stream, count)?,
            Request::Messages { every, count } => send_messages(stream, every, count)?,
            Request::Sink(length) => {
                let verdict = if receive_content(&mut reader, length)? {
                    "ok"
                } else {
                    "corrupt"
                };
                write_response(stream, "200 OK", verdict)?;
            }
            Request::Unknown => write_response(stream, "404 Not Found", "no such path\n")?,
        }
    }
    stream.shutdown(Shutdown::Write)
}

enum Request {
    Bytes(u64),
    Messages { every: Duration, count: u32 },
    Sink(u64),
    Unknown,
}

impl Request {
    /// `None` at the end of the stream.
    fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut length = None;
        let mut header = String::new();
        while reader.read_line(&mut header)? > 2 {
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok();
            }
            header.clear();
        }
        let target = line.split(' ').nth(1).unwrap_or_default();
        let parts: Vec<&str> = target.trim_start_matches('/').split('/').collect();
        Ok(Some(match (parts.as_slice(), length) {
            (["bytes", count], None) => count.parse().map_or(Self::Unknown, Self::Bytes),
            (["messages", every, count], None) => match (every.parse(), count.parse()) {
                (Ok(every), Ok(count)) => Self::Messages {
                    every: Duration::from_millis(every),
                    count,
                },
                _ => Self::Unknown,
            },
            (["sink"], Some(length)) => Self::Sink(length),
            _ => Self::Unknown,
        }))
    }
}

fn head(status: &str, length: u64) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n").into_bytes()
}

fn write_response(mut stream: &TcpStream, status: &str, body: &str) -> io::Result<()> {
    let mut response = head(status, body.len() as u64);
    response.extend_from_slice(body.as_bytes());
    stream.write_all(&response)
}

fn send_content(mut stream: &TcpStream, count: u64) -> io::Result<()> {
    let (mut response, mut content) = (head("200 OK", count), Content::default());
    // Head and first bytes in one segment, as web servers send them. Two small writes would show what
    // Nagle's algorithm makes of them in a proxy that leaves it on.
    let first = content.peek(count.min(FIRST));
    response.extend_from_slice(first);
    content.advance(first.len());
    stream.write_all(&response)?;
    let mut left = count - first.len() as u64;
    while left > 0 {
        let piece = content.peek(left);
        let sent = stream.write(piece)?;
        content.advance(sent);
        left -= sent as u64;
    }
    Ok(())
}

fn send_messages(mut stream: &TcpStream, every: Duration, count: u32) -> io::Result<()> {
    stream.write_all(&head("200 OK", u64::from(count) * MESSAGE as u64))?;
    let start = Instant::now();
    for number in 0..count {
        // A schedule, not a pause after each: a slow write must not thin the stream out.
        std::thread::sleep((every * number).saturating_sub(start.elapsed()));
        let mut message = [0; MESSAGE];
        message[..4].copy_from_slice(&number.to_be_bytes());
        stream.write_all(&message)?;
    }
    Ok(())
}

fn receive_content(reader: &mut impl Read, length: u64) -> io::Result<bool> {
    let mut content = Content::default();
    let mut buffer = vec![0; 256 * 1024];
    let mut left = length;
    let mut good = true;
    while left > 0 {
        let limit = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(buffer.len()));
        let count = reader.read(&mut buffer[..limit])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        good &= content.verify(&buffer[..count]);
        left -= count as u64;
    }
    Ok(good)
}

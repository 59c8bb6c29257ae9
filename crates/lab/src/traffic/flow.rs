//! An endless download or upload that can be ended at any time, measured where it is received.

use std::fmt;
use std::io::{self, BufRead, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use netcfg::NetNs;
use socket2::SockRef;

use super::client::{Client, Via};
use super::content::Content;
use super::origin::Origin;
use super::received::{Received, Sink};
use super::series::Series;

/// More than any link here carries in an hour.
const ENDLESS: u64 = 1 << 50;

/// A connection that bears more silence than this is dead.
const LIMIT: Duration = Duration::from_secs(30);

/// Which way the payload goes, seen from the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// A download: the origin sends.
    Down,
    /// An upload: the program sends.
    Up,
}

/// Between which ends a [`Flow`] is, and how it is measured.
#[derive(Clone, Copy, Debug)]
pub struct FlowSpec<'a> {
    /// Where the program runs.
    pub namespace: &'a NetNs,
    /// How it reaches the origin.
    pub via: Via,
    /// The origin, as the program knows it.
    pub address: SocketAddr,
    /// The same, as the server that runs in this process.
    pub origin: &'a Origin,
    /// The start of the series.
    pub since: Instant,
    /// Whether every byte is compared. That takes a tenth of a fast download's time.
    pub compare: bool,
}

/// A running download or upload of one connection. Dropping it ends it, too.
#[derive(Debug)]
pub struct Flow {
    socket: TcpStream,
    /// Until it is joined.
    program: Option<JoinHandle<io::Result<()>>>,
    received: Arc<Received>,
    /// The program's connection is about to be shut down.
    ending: Arc<AtomicBool>,
}

impl<'a> FlowSpec<'a> {
    /// Compares every byte, and tells times since now.
    #[must_use]
    pub fn new(namespace: &'a NetNs, via: Via, address: SocketAddr, origin: &'a Origin) -> Self {
        Self {
            namespace,
            via,
            address,
            origin,
            since: Instant::now(),
            compare: true,
        }
    }
}

impl Flow {
    /// Connects and sends the request; the rest goes on by itself.
    ///
    /// # Errors
    /// When the connection can't be made.
    pub fn start(spec: &FlowSpec<'_>, direction: Direction) -> anyhow::Result<Self> {
        // A socket stays in the namespace that it was made in.
        let connect = || Client::connect(spec.via, spec.address, LIMIT);
        let mut client = spec.namespace.run(connect)?;
        let socket = client.socket().try_clone()?;
        let ending = Arc::new(AtomicBool::new(false));
        let is_ending = Arc::clone(&ending);
        let thread = std::thread::Builder::new().name(format!("flow-{direction}"));
        let received = Arc::new(Received::new(spec.since, spec.compare));
        let program = match direction {
            Direction::Down => {
                client.request(&format!("GET /bytes/{ENDLESS}"), "")?;
                let record = Arc::clone(&received);
                thread.spawn(move || ended(download(client, &record), &is_ending))?
            }
            Direction::Up => {
                let id = spec.origin.expect(Arc::clone(&received) as Arc<dyn Sink>);
                let length = format!("Content-Length: {ENDLESS}\r\n");
                client.request(&format!("PUT /flow/{id}"), &length)?;
                thread.spawn(move || ended(upload(&client), &is_ending))?
            }
        };
        Ok(Self {
            socket,
            program: Some(program),
            received,
            ending,
        })
    }

    /// The payload so far, as its receiver got it: the program, or the origin of an upload.
    #[must_use]
    pub fn series(&self) -> Series {
        self.received.series()
    }

    /// Ends the connection by a reset. What lies between may go on for some seconds with what it has
    /// taken in. Returns the whole series.
    ///
    /// # Errors
    /// When the connection had ended before, or a byte was wrong.
    pub fn finish(mut self) -> anyhow::Result<Series> {
        self.end();
        let ended = self.program.take().map_or(Ok(Ok(())), JoinHandle::join);
        let ended = ended.unwrap_or_else(|cause| std::panic::resume_unwind(cause));
        anyhow::ensure!(self.received.is_intact(), "wrong bytes came");
        ended.context("the connection broke")?;
        Ok(self.received.series())
    }

    fn end(&self) {
        self.ending.store(true, Ordering::Release);
        // Errors mean that it has ended, of which the program says more.
        let _ = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Down => "down",
            Self::Up => "up",
        })
    }
}

/// What is on its way when the connection is shut down is answered with a reset.
fn ended(error: io::Error, is_ending: &AtomicBool) -> io::Result<()> {
    if is_ending.load(Ordering::Acquire) {
        Ok(())
    } else {
        Err(error)
    }
}

/// Receives until the connection ends, and returns how it did.
fn download(mut client: Client, received: &Received) -> io::Error {
    if let Err(error) = client.response() {
        return io::Error::other(error);
    }
    let reader = client.reader();
    loop {
        match reader.fill_buf() {
            Ok([]) => return io::ErrorKind::UnexpectedEof.into(),
            Ok(piece) => {
                received.take(piece);
                let length = piece.len();
                reader.consume(length);
            }
            Err(error) => return error,
        }
    }
}

/// Sends until the connection ends, and returns how it did.
fn upload(client: &Client) -> io::Error {
    let mut content = Content::default();
    loop {
        match client.socket().write(content.peek(ENDLESS)) {
            Ok(count) => content.advance(count),
            Err(error) => return error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use mptcp::Transport;
    use netcfg::{InterfaceIndex, Netlink};

    use super::*;
    use crate::traffic::origin;

    const ENOUGH: u64 = 10_000_000;
    const PATIENCE: Duration = Duration::from_secs(20);

    /// An origin in a namespace of its own, with room for another server.
    struct Place {
        here: NetNs,
        address: SocketAddr,
        origin: Origin,
    }

    impl Place {
        fn new() -> Self {
            let here = NetNs::new().unwrap();
            let up = async {
                let netlink = Netlink::new().unwrap();
                netlink.set_link_up(InterfaceIndex::LOOPBACK).await.unwrap();
            };
            here.run(|| {
                let mut runtime = tokio::runtime::Builder::new_current_thread();
                runtime.enable_all().build().unwrap().block_on(up);
            });
            let address = SocketAddr::from(([127, 0, 0, 1], 80));
            let origin = Origin::start(&here, address, Transport::Tcp).unwrap();
            Self {
                here,
                address,
                origin,
            }
        }

        fn spec(&self, address: SocketAddr) -> FlowSpec<'_> {
            FlowSpec::new(&self.here, Via::Direct, address, &self.origin)
        }

        fn start(&self, direction: Direction) -> Flow {
            let flow = Flow::start(&self.spec(self.address), direction).unwrap();
            wait_until(|| received(&flow) >= ENOUGH);
            flow
        }

        /// A server that has nothing to do with the origin.
        fn other_server(&self, serve: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
            let listener = self.here.run(|| TcpListener::bind("127.0.0.1:0")).unwrap();
            let address = listener.local_addr().unwrap();
            std::thread::spawn(move || serve(listener.accept().unwrap().0));
            address
        }
    }

    fn received(flow: &Flow) -> u64 {
        flow.series().bytes().iter().sum()
    }

    fn wait_until(is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
    }

    #[test]
    fn both_ways_payload_is_seen_while_it_comes_and_ends_when_it_shall() {
        let place = Place::new();
        for direction in [Direction::Down, Direction::Up] {
            let flow = place.start(direction);
            let so_far = received(&flow);
            let whole: u64 = flow.finish().unwrap().bytes().iter().sum();
            assert!(whole >= so_far, "{direction}");
        }
    }

    #[test]
    fn uploads_at_the_same_time_are_told_apart() {
        let place = Place::new();
        let (one, other) = (place.start(Direction::Up), place.start(Direction::Up));
        one.finish().unwrap();
        let before = received(&other);
        wait_until(|| received(&other) > before);
        other.finish().unwrap();
    }

    #[test]
    fn wrong_bytes_of_a_download_are_an_error() {
        let place = Place::new();
        let (sent, is_sent) = std::sync::mpsc::channel();
        let address = place.other_server(move |mut stream| {
            let head = origin::head("200 OK", ENDLESS);
            stream.write_all(&head).unwrap();
            stream.write_all(&[0; 1000]).unwrap();
            sent.send(stream).unwrap();
        });
        let flow = Flow::start(&place.spec(address), Direction::Down).unwrap();
        wait_until(|| received(&flow) == 1000);
        assert_eq!(flow.finish().unwrap_err().to_string(), "wrong bytes came");
        drop(is_sent);
    }

    #[test]
    fn the_origin_notices_wrong_bytes_of_an_upload() {
        let place = Place::new();
        let received = Arc::new(Received::new(Instant::now(), true));
        let id = place.origin.expect(Arc::clone(&received) as Arc<dyn Sink>);
        let connect = || Client::connect(Via::Direct, place.address, PATIENCE);
        let mut client = place.here.run(connect).unwrap();
        let length = format!("Content-Length: {ENDLESS}\r\n");
        client.request(&format!("PUT /flow/{id}"), &length).unwrap();
        assert!(received.is_intact());
        client.socket().write_all(&[0; 1000]).unwrap();
        wait_until(|| !received.is_intact());
    }

    #[test]
    fn a_connection_that_ends_by_itself_is_an_error() {
        let place = Place::new();
        for direction in [Direction::Down, Direction::Up] {
            let address = place.other_server(|mut stream| {
                // The request has come, or the flow could not even start.
                let _ = stream.read(&mut [0; 100]).unwrap();
            });
            let flow = Flow::start(&place.spec(address), direction).unwrap();
            wait_until(|| flow.program.as_ref().unwrap().is_finished());
            let error = flow.finish().unwrap_err().to_string();
            assert_eq!(error, "the connection broke", "{direction}");
        }
    }
}

//! What the tests share: a namespace, a server, an origin, and bytes to send.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::bytes::Bytes;
use ::http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mptcp::Transport;
use netcfg::{InterfaceIndex, NetNs, Netlink};
use relay::{Connector, ConnectorOptions, Drained, Intake, Route, Server, ServerOptions};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test in a new namespace with a loopback.
pub fn in_netns<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send) {
    NetNs::new()
        .expect("this test needs root")
        .run(|| block_on(test));
}

pub fn block_on<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let netlink = Netlink::new().unwrap();
        netlink.set_link_up(InterfaceIndex::LOOPBACK).await.unwrap();
        timeout(PATIENCE, test()).await.expect("the test hangs");
    });
}

/// A server on a free port of 127.0.0.1 (or another address), until dropped.
pub struct Served {
    pub address: SocketAddr,
    pub server: Server,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<Drained>,
}

impl Served {
    pub async fn proxy(connector: Connector, options: ServerOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::start(connector, options, listener, Intake::Proxy)
    }

    /// Everything allowed, straight out.
    pub async fn plain() -> Self {
        Self::proxy(direct(), ServerOptions::default()).await
    }

    pub fn start(
        connector: Connector,
        options: ServerOptions,
        listener: TcpListener,
        intake: Intake,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let server = Server::new(connector, options);
        let (stop, stopped) = oneshot::channel::<()>();
        let running = server.clone();
        let ended = tokio::spawn(async move {
            let shutdown = async move { drop(stopped.await) };
            running.serve(listener, intake, shutdown).await
        });
        Self {
            address,
            server,
            stop: Some(stop),
            ended,
        }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Asks for the end; [`Self::ended`] waits for it.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }

    pub async fn ended(self) -> Drained {
        self.ended.await.unwrap()
    }

    /// Waits until no connection lives and every buffer is back.
    pub async fn idle(&self) {
        until("no connection and no buffer is left", || {
            self.server.registry().is_empty() && self.buffers_out() == 0
        })
        .await;
    }

    pub fn buffers_out(&self) -> usize {
        let usage = self.server.pool().usage();
        usage.small_out + usage.large_out
    }
}

pub fn direct() -> Connector {
    Connector::new(Route::Direct(Transport::Tcp), ConnectorOptions::default())
}

/// Polls what has no event.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("never came true: {what}"));
}

/// An HTTP server. `/bytes/N` gives N bytes of [`pattern`], a body sent anywhere gives its length and
/// whether it was the pattern, `/headers` gives the request's head.
pub struct Origin {
    pub port: u16,
    pub connections: Arc<AtomicUsize>,
}

impl Origin {
    /// On every address of the namespace, both families.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("[::]:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let connection = hyper::server::conn::http1::Builder::new()
                    .half_close(true)
                    .serve_connection(TokioIo::new(stream), service_fn(answer));
                tokio::spawn(connection);
            }
        });
        Self { port, connections }
    }

    pub fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port)
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    if let Some(len) = parts.uri.path().strip_prefix("/bytes/") {
        let len = len.parse().unwrap();
        return Ok(Response::new(Full::from(pattern(len))));
    }
    if parts.uri.path() == "/headers" {
        let mut head = format!("{} {}\n", parts.method, parts.uri);
        for (name, value) in &parts.headers {
            head.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
        }
        return Ok(Response::new(Full::from(head)));
    }
    let Ok(body) = body.collect().await else {
        let mut cut = Response::new(Full::default());
        *cut.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(cut);
    };
    let body = body.to_bytes();
    let verdict = if body == pattern(body.len()) {
        "intact"
    } else {
        "damaged"
    };
    Ok(Response::new(Full::from(format!(
        "{} {verdict}",
        body.len()
    ))))
}

/// Bytes that show loss, repetition and exchange: their period fits no buffer.
pub fn pattern(len: usize) -> Vec<u8> {
    let period: Vec<u8> = (0..251 * 256)
        .map(|i| (i % 251) as u8 ^ (i / 251) as u8)
        .collect();
    let mut bytes = period.repeat(len.div_ceil(period.len()));
    bytes.truncate(len);
    bytes
}

/// A plain TCP server for one connection at a time.
pub async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A program with its arguments; its output when it ended well.
pub async fn run<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> String {
    let output = output(program, arguments).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program}: {}: {errors}",
        output.status
    );
    String::from_utf8(output.stdout).unwrap()
}

pub async fn output<A: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = A>,
) -> Output {
    Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap_or_else(|error| panic!("{program}: {error}; install it"))
}

/// Loads nftables rules into this namespace.
pub async fn nft(rules: &str) {
    run("nft", [rules]).await;
}

/// Sends `request` and reads an answer of exactly `len` bytes.
pub async fn ask(stream: &mut TcpStream, request: &[u8], len: usize) -> Vec<u8> {
    stream.write_all(request).await.unwrap();
    let mut answer = vec![0; len];
    stream.read_exact(&mut answer).await.unwrap();
    answer
}

/// A SOCKS5 request (IPv4) without authentication, up to the reply's code.
pub async fn socks5(proxy: SocketAddr, destination: SocketAddr) -> (TcpStream, u8) {
    let SocketAddr::V4(destination) = destination else {
        panic!("IPv4 only")
    };
    let mut stream = TcpStream::connect(proxy).await.unwrap();
    assert_eq!(ask(&mut stream, &[5, 1, 0], 2).await, [5, 0]);
    let mut request = vec![5, 1, 0, 1];
    request.extend(destination.ip().octets());
    request.extend(destination.port().to_be_bytes());
    let reply = ask(&mut stream, &request, 10).await;
    assert_eq!((reply[0], reply[3]), (5, 1));
    (stream, reply[1])
}

/// A connection through `proxy` to a new listener: the client's end and the origin's end.
pub async fn through(proxy: &Served) -> (TcpStream, TcpStream) {
    let (listener, address) = listen().await;
    let (client, code) = socks5(proxy.address, address).await;
    assert_eq!(code, 0);
    (client, listener.accept().await.unwrap().0)
}

/// Closes with a reset.
pub fn reset(stream: TcpStream) {
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

/// Reads to the end, which must be a reset.
pub async fn read_to_reset(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let error = stream
        .read_to_end(&mut bytes)
        .await
        .expect_err("an orderly end, not a reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    bytes
}

/// Reads to the orderly end.
pub async fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    bytes
}

//! A web server by HTTPS and by HTTP/3, which tells by which of them it is asked.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use bytes::Bytes;
use h3::server::RequestResolver;
use lab::topology::{Lab, Node, addresses};
use quinn::crypto::rustls::QuicServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{Server, shell};

/// What carries a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// HTTP/1.1 and TLS.
    Tcp,
    /// HTTP/3.
    Quic,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub by: By,
    /// Path and query.
    pub path: String,
    pub from: IpAddr,
}

/// The server, on the origin, until dropped. `/` is a page, and everything else is [`Web::SIZE`] bytes. By HTTPS it
/// says that there is HTTP/3 (RFC 7838), and serves one request on each connection.
pub struct Web {
    /// In order.
    pub asked: Receiver<Asked>,
    /// The SHA-256 hash of the certificate's public key in base64, by which a browser may know it.
    pub key_hash: String,
    _tcp: Server,
    // Its end is heard by the thread.
    stop: Option<oneshot::Sender<()>>,
    quic: Option<JoinHandle<()>>,
    _folder: TempDir,
}

/// What both protocols serve.
#[derive(Clone)]
struct Site {
    page: &'static str,
    tell: Sender<Asked>,
}

impl Web {
    const PORT: u16 = 443;
    pub const SIZE: usize = 100_000;

    pub fn start(lab: &Lab, page: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key_hash = make_certificate(lab, folder.path());
        let (tell, asked) = mpsc::channel();
        let site = Site { page, tell };
        let (stop, stopped) = oneshot::channel();
        let quic = serve_quic(lab, folder.path(), site.clone(), stopped);
        let tls = Arc::new(tls(folder.path(), b"http/1.1"));
        let tcp = Server::start(lab, Node::Origin, Self::PORT, move |stream| {
            // A browser that goes away is the browser's affair.
            let _ = site.serve(stream, Arc::clone(&tls));
        });
        Self {
            asked,
            key_hash,
            _tcp: tcp,
            stop: Some(stop),
            quic: Some(quic),
            _folder: folder,
        }
    }

    /// What everything but the page consists of.
    pub fn content() -> Vec<u8> {
        (0..Self::SIZE).map(|at| (at % 251) as u8).collect()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.quic.take().map(JoinHandle::join);
    }
}

/// A key and a certificate for the origin's address in `folder`, and the hash of the key.
fn make_certificate(lab: &Lab, folder: &Path) -> String {
    let script = format!(
        "cd {}
         openssl req -x509 -nodes -days 2 -subj /CN=origin -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
           -addext subjectAltName=IP:{} -keyout key.pem -out chain.pem
         openssl x509 -in chain.pem -noout -pubkey | openssl pkey -pubin -outform der |
           openssl dgst -sha256 -binary | base64",
        folder.display(),
        addresses::ORIGIN.ipv4()
    );
    shell(lab, Node::Origin, &script).ok().trim().to_owned()
}

fn tls(folder: &Path, protocol: &[u8]) -> ServerConfig {
    let chain = CertificateDer::from_pem_file(folder.join("chain.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("they belong together");
    config.alpn_protocols = vec![protocol.to_vec()];
    config
}

/// Serves HTTP/3 on a thread until `stopped`.
fn serve_quic(
    lab: &Lab,
    folder: &Path,
    site: Site,
    stopped: oneshot::Receiver<()>,
) -> JoinHandle<()> {
    let socket = lab
        .namespace(Node::Origin)
        .run(|| UdpSocket::bind(("::", Web::PORT)))
        .expect("a free port");
    let crypto = QuicServerConfig::try_from(tls(folder, b"h3")).expect("TLS 1.3");
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let endpoint = quinn::Endpoint::new(
                quinn::EndpointConfig::default(),
                Some(config),
                socket,
                Arc::new(quinn::TokioRuntime),
            );
            let endpoint = endpoint.expect("an endpoint");
            let accepting = async {
                while let Some(incoming) = endpoint.accept().await {
                    tokio::spawn(site.clone().serve_quic(incoming));
                }
            };
            tokio::select! {
                () = accepting => {}
                _ = stopped => {}
            }
        });
    })
}

impl Site {
    /// Type and body of what is at a path.
    fn answer(&self, asked: Asked) -> (&'static str, Vec<u8>) {
        let answer = match asked.path.as_str() {
            "/" => ("text/html", self.page.as_bytes().to_vec()),
            _ => ("application/octet-stream", Web::content()),
        };
        // Nobody counts any more when the test ends.
        let _ = self.tell.send(asked);
        answer
    }

    /// One request by HTTPS.
    fn serve(&self, stream: TcpStream, tls: Arc<ServerConfig>) -> io::Result<()> {
        let from = stream.peer_addr()?.ip().to_canonical();
        let connection = ServerConnection::new(tls).map_err(io::Error::other)?;
        let mut stream = BufReader::new(StreamOwned::new(connection, stream));
        let mut first = String::new();
        stream.read_line(&mut first)?;
        let mut line = first.clone();
        while line.trim_end() != "" {
            line.clear();
            stream.read_line(&mut line)?;
        }
        let Some(path) = first.split(' ').nth(1) else {
            return Ok(());
        };
        let (by, path) = (By::Tcp, path.to_owned());
        let (kind, body) = self.answer(Asked { by, path, from });
        let mut stream = stream.into_inner();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             Alt-Svc: h3=\":{}\"\r\nConnection: close\r\n\r\n",
            body.len(),
            Web::PORT
        )?;
        stream.write_all(&body)?;
        stream.conn.send_close_notify();
        stream.flush()
    }

    /// A connection with HTTP/3, to its end.
    async fn serve_quic(self, incoming: quinn::Incoming) -> Option<()> {
        let connection = incoming.await.ok()?;
        let from = connection.remote_address().ip().to_canonical();
        let connection = h3_quinn::Connection::new(connection);
        let mut connection = h3::server::Connection::new(connection).await.ok()?;
        while let Some(request) = connection.accept().await.ok()? {
            tokio::spawn(self.clone().answer_quic(request, from));
        }
        Some(())
    }

    async fn answer_quic(
        self,
        request: RequestResolver<h3_quinn::Connection, Bytes>,
        from: IpAddr,
    ) -> Option<()> {
        let (request, mut stream) = request.resolve_request().await.ok()?;
        let path = request.uri().path_and_query()?.to_string();
        let by = By::Quic;
        let (kind, body) = self.answer(Asked { by, path, from });
        let head = http::Response::builder()
            .header("content-type", kind)
            .header("cache-control", "no-store")
            .body(())
            .ok()?;
        stream.send_response(head).await.ok()?;
        stream.send_data(body.into()).await.ok()?;
        stream.finish().await.ok()
    }
}

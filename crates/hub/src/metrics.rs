//! The hub's counters for Prometheus, at `/metrics` on a port of their own.
//!
//! Plain HTTP without a password: the port belongs on loopback, or behind a firewall. Whoever can reach
//! it sees how many users there are and what they are called, and can't disturb anything else: there are
//! few connections at a time, each short and for one small request.

mod text;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use mptcp::{ListenOptions, Transport};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::snapshot::Snapshot;

const LIMITS: Limits = Limits {
    connections: 16,
    life: Duration::from_secs(10),
};
/// Largest head of a request, in bytes: hyper's own minimum.
const HEAD_MAX: usize = 8192;
/// Prometheus sends ten header fields.
const FIELDS_MAX: usize = 32;
/// Between attempts to accept while the process is out of files.
const PAUSE: Duration = Duration::from_millis(100);

/// What all clients together may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Connections at a time. Prometheus needs one; others wait in the kernel's queue.
    connections: usize,
    /// A connection's whole life, from its acceptance to the last byte of the answer.
    life: Duration,
}

/// Listens with plain TCP. An address that others can reach is warned of.
///
/// # Errors
/// The kernel's, such as that the port is taken.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    if !address.ip().to_canonical().is_loopback() {
        tracing::warn!(
            "metrics.listen = \"{address}\": everyone who can reach this address may read the names of \
             users and how much they transfer; use a loopback address, or let a firewall protect it"
        );
    }
    // As the hub's other listeners: `[::]` is for both families.
    let options = ListenOptions {
        only_v6: false,
        ..ListenOptions::default()
    };
    TcpListener::from_std(mptcp::listen(Transport::Tcp, address, &options)?.listener)
}

/// Answers requests with what `source` says at that moment. Never ends by itself: drop it to stop.
pub async fn serve(listener: TcpListener, source: impl Fn() -> Snapshot + Send + Sync + 'static) {
    serve_within(LIMITS, listener, source).await
}

async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    source: impl Fn() -> Snapshot + Send + Sync + 'static,
) {
    let source = Arc::new(source);
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, client)) => {
                let source = Arc::clone(&source);
                connections.spawn(async move {
                    answer(stream, client, limits.life, &*source).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!("metrics: cannot accept a connection: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// One request, one answer. A client that breaks HTTP's rules, or takes too long, loses its connection.
async fn answer(
    stream: TcpStream,
    client: SocketAddr,
    life: Duration,
    source: impl Fn() -> Snapshot,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = respond(&request, &source);
        async { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(life)
        .max_buf_size(HEAD_MAX)
        .max_headers(FIELDS_MAX)
        // A request each quarter of a minute is not worth a place between two.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(life, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("metrics: {client}: {error}"),
        Err(_) => tracing::debug!("metrics: {client}: not done within {life:?}"),
    }
}

fn respond<T>(request: &Request<T>, source: impl Fn() -> Snapshot) -> Response<Full<Bytes>> {
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "there is only /metrics here\n");
    }
    if request.method() != Method::GET {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered\n");
        let allowed = HeaderValue::from_static("GET");
        response.headers_mut().insert(ALLOW, allowed);
        return response;
    }
    let mut response = plain(StatusCode::OK, text::of(source()));
    let kind = HeaderValue::from_static(text::CONTENT_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn plain(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests;

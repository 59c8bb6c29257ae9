//! The HTTP proxy: CONNECT, and plain requests passed on.
//!
//! hyper does the framing on both sides. No Via field is added although RFC 9110 section 7.6.3 asks for
//! it: nginx, in its default configuration, sends no compressed answers to requests that have one.
//! Interim answers (100, 103) of origins are not passed on; hyper itself answers to
//! `Expect: 100-continue`.

mod answer;
mod forward;
mod tunnel;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::Interest;
use wire::Destination;
use wire::http::{ProxyRequest, basic_credentials, proxy_request};

use self::answer::Answer;
use self::forward::Origins;
use self::tunnel::{Far, Tunnel};
use super::session::{NoOnward, Session};
use crate::connect::Onward;
use crate::socket;
use crate::stream::LegStream;

/// The most bytes that a request's head may have, and the most that hyper buffers of a body.
const MAX_HEAD: usize = 64 * 1024;

pub(super) async fn serve(session: Session) {
    let mut cancelled = ResetOnDrop {
        session: &session,
        armed: true,
    };
    let client = Client::new(&session);
    client.serve().await;
    match client.take_tunnel() {
        Some(tunnel) => {
            if let Err(error) = tunnel.run(&session).await {
                tracing::debug!(client = %session.client, %error, "a tunnel did not come about");
            }
        }
        // The client must not take what it has for the whole.
        None if client.broken.load(Ordering::Relaxed) => socket::abort(&session.stream),
        None => session.close().await,
    }
    cancelled.armed = false;
}

/// A server that is told to end resets connections, so that no client takes half an answer for a whole
/// one that ends with the connection.
struct ResetOnDrop<'a> {
    session: &'a Session,
    armed: bool,
}

impl Drop for ResetOnDrop<'_> {
    fn drop(&mut self) {
        if self.armed {
            socket::abort(&self.session.stream);
        }
    }
}

/// One client's connection, with all its requests.
struct Client<'a> {
    session: &'a Session,
    origins: Origins,
    tunnel: Mutex<Option<Tunnel>>,
    /// An answer broke off on its way to the client.
    broken: Arc<AtomicBool>,
}

impl<'a> Client<'a> {
    fn new(session: &'a Session) -> Self {
        Self {
            session,
            origins: Origins::default(),
            tunnel: Mutex::default(),
            broken: Arc::default(),
        }
    }

    async fn serve(&self) {
        let Session { stream, shared, .. } = self.session;
        let io = TokioIo::new(LegStream::of_client(Arc::clone(stream)));
        let service =
            service_fn(|request| async { Ok::<_, Infallible>(self.answer(request).await) });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(shared.options.handshake_timeout)
            .max_buf_size(MAX_HEAD)
            .preserve_header_case(true)
            .half_close(true)
            .serve_connection(io, service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let mut draining = self.session.draining.clone();
        let connection = async {
            tokio::select! {
                result = connection.as_mut() => return result,
                _ = draining.wait_for(|draining| *draining) => {}
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        };
        let result = tokio::select! {
            result = connection => result,
            // With half-close allowed, hyper reads nothing while it waits for an answer.
            _ = stream.ready(Interest::ERROR) => {
                tracing::debug!(client = %self.session.client, "the client has left");
                return;
            }
        };
        if let Err(error) = result {
            tracing::debug!(client = %self.session.client, %error, "HTTP connection broken");
        }
    }

    async fn answer(&self, mut request: Request<Incoming>) -> Answer {
        if let Some(refusal) = self.refuse(&request) {
            return refusal;
        }
        let upgrade = hyper::upgrade::on(&mut request);
        match proxy_request(request.method(), request.uri(), request.headers()) {
            Err(error) => answer::bad_request(&error),
            Ok(ProxyRequest::Forward { dest }) => self.forward(dest, request, upgrade).await,
            Ok(ProxyRequest::Connect { dest }) => match self.connect(&dest).await {
                Ok(onward) => {
                    self.set_tunnel(Tunnel {
                        destination: dest,
                        client: upgrade,
                        onward: Far::Connected(onward),
                    });
                    answer::connected()
                }
                Err(refusal) => refusal,
            },
        }
    }

    fn refuse(&self, request: &Request<Incoming>) -> Option<Answer> {
        let users = self.session.shared.users()?;
        match basic_credentials(request.headers()) {
            Ok(Some(given)) if users.accept(&given) => None,
            Ok(_) => Some(answer::unauthorized()),
            Err(error) => Some(answer::bad_request(&error)),
        }
    }

    async fn connect(&self, destination: &Destination) -> Result<Onward, Answer> {
        self.session
            .connect(destination)
            .await
            .map_err(|failure| match failure {
                NoOnward::Failed(error) => answer::not_connected(&error),
                NoOnward::ClientGone => answer::client_gone(),
            })
    }

    fn set_tunnel(&self, tunnel: Tunnel) {
        *self.tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
    }

    fn take_tunnel(&self) -> Option<Tunnel> {
        self.tunnel
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

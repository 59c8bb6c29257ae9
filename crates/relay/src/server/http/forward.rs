//! Plain requests on their way to an origin.

use std::sync::{Mutex, PoisonError};

use ::http::header::{CONNECTION, UPGRADE};
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use bytes::Bytes;
use http_body_util::{Either, Empty};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use wire::Destination;
use wire::http::{strip_hop_by_hop, to_origin_form};

use super::answer::{self, Answer, PassedOn};
use super::tunnel::{Far, Tunnel};
use super::{Client, MAX_HEAD};
use crate::Kind;
use crate::copy::idle_for;
use crate::registry::Entry;
use crate::resume::Resumed;
use crate::stream::LegStream;

/// How many origins' connections are kept for one client connection. A browser uses a connection for
/// one or two.
const MAX_ORIGINS: usize = 8;

type RequestBody = Either<Incoming, Empty<Bytes>>;
type Sender = SendRequest<RequestBody>;

/// Connections to origins, to be used again while the client's connection lives.
#[derive(Default)]
pub(super) struct Origins(Mutex<Vec<(Destination, Sender)>>);

impl Client<'_> {
    pub(super) async fn forward(
        &self,
        destination: Destination,
        request: Request<Incoming>,
        upgrade: OnUpgrade,
    ) -> Answer {
        let (mut parts, body) = request.into_parts();
        if let Err(error) = to_origin_form(&mut parts) {
            return answer::bad_request(&error);
        }
        let protocol = wanted_protocol(&parts.headers);
        strip_hop_by_hop(&mut parts.headers);
        set_protocol(&mut parts.headers, protocol.as_ref());
        parts.version = Version::HTTP_11;
        let request = Request::from_parts(parts, Either::Left(body));
        match self.exchange(&destination, request).await {
            Ok(response) => match (response.status(), protocol) {
                (StatusCode::SWITCHING_PROTOCOLS, Some(_)) => {
                    self.switch(destination, response, upgrade)
                }
                (StatusCode::SWITCHING_PROTOCOLS, None) => answer::unwanted_upgrade(),
                _ => self.pass_on(response),
            },
            Err(refusal) => refusal,
        }
    }

    fn pass_on(&self, mut response: Response<Incoming>) -> Answer {
        strip_hop_by_hop(response.headers_mut());
        // An origin of 1.0 must not make our answer one.
        *response.version_mut() = Version::HTTP_11;
        response.map(|body| Either::Left(PassedOn::new(body, self.broken.clone())))
    }

    fn switch(
        &self,
        destination: Destination,
        mut response: Response<Incoming>,
        client: OnUpgrade,
    ) -> Answer {
        let onward = Far::Upgraded(hyper::upgrade::on(&mut response));
        self.set_tunnel(Tunnel {
            destination,
            client,
            onward,
        });
        let protocol = response.headers().get(UPGRADE).cloned();
        let mut answer = self.pass_on(response);
        set_protocol(answer.headers_mut(), protocol.as_ref());
        answer
    }

    /// Gets the answer to `request`: on a kept connection if there is one, or else on a new one.
    async fn exchange(
        &self,
        destination: &Destination,
        mut request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, Answer> {
        if let Some(mut sender) = self.origins.take(destination).await {
            let again = repeatable(&request);
            match sender.try_send_request(request).await {
                Ok(response) => {
                    self.origins.keep(destination, sender);
                    return Ok(response);
                }
                // The origin closed just then. What it can't have seen, or may see twice, goes out
                // once more (RFC 9112 section 9.3.1).
                Err(mut error) => match error.take_message().or(again) {
                    Some(unsent) => request = unsent,
                    None => return Err(answer::no_answer(error.error())),
                },
            }
        }
        let mut sender = self.open(destination).await?;
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| answer::no_answer(&error))?;
        self.origins.keep(destination, sender);
        Ok(response)
    }

    async fn open(&self, destination: &Destination) -> Result<Sender, Answer> {
        let onward = self.connect(destination).await?;
        let shared = &self.session.shared;
        let stream = onward.leg.tcp();
        let entry = shared
            .registry
            .add(Kind::Http, self.session.client, destination, stream);
        let resumed = shared.resume.follow(stream);
        let io = TokioIo::new(LegStream::onward(onward, entry.traffic().clone()));
        let handshake = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .preserve_header_case(true)
            .handshake(io)
            .await;
        let (sender, connection) = handshake.map_err(|error| answer::no_answer(&error))?;
        tokio::spawn(drive(
            connection,
            (entry, resumed),
            shared.options.idle_timeout,
        ));
        Ok(sender)
    }
}

/// Moves the bytes of one onward connection. Ends soon after the client's connection has: nobody sends
/// requests and nobody reads the answer then.
async fn drive(
    connection: Connection<TokioIo<LegStream>, RequestBody>,
    (entry, _resumed): (Entry, Resumed),
    idle: Option<std::time::Duration>,
) {
    tokio::select! {
        result = connection.with_upgrades() => if let Err(error) = result {
            tracing::debug!(id = %entry.id(), %error, "connection to an origin broken");
        },
        () = idle_for(entry.traffic(), idle) => {
            tracing::debug!(id = %entry.id(), "connection to an origin was idle for too long");
        }
    }
}

impl Origins {
    /// A connection to `destination` that is ready for a request.
    async fn take(&self, destination: &Destination) -> Option<Sender> {
        let mut sender = {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let position = kept.iter().position(|(kept, _)| kept == destination)?;
            kept.remove(position).1
        };
        sender.ready().await.ok().map(|()| sender)
    }

    fn keep(&self, destination: &Destination, sender: Sender) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == MAX_ORIGINS {
            kept.remove(0);
        }
        kept.push((destination.clone(), sender));
    }
}

/// The same request once more, if it has no body and to do it twice is as good as once
/// (RFC 9110 section 9.2.1).
fn repeatable(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    let safe = request.method().is_safe() && request.body().is_end_stream();
    safe.then(|| {
        let mut parts: Parts = Request::new(()).into_parts().0;
        parts.method = request.method().clone();
        parts.uri = request.uri().clone();
        parts.version = request.version();
        parts.headers = request.headers().clone();
        Request::from_parts(parts, Either::Right(Empty::new()))
    })
}

/// The protocol that a message wants to go on with, as WebSocket does (RFC 9110 section 7.8).
fn wanted_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let options = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut options = options.flat_map(|value| value.split(','));
    let wanted = options.any(|option| option.trim().eq_ignore_ascii_case("upgrade"));
    if wanted {
        headers.get(UPGRADE).cloned()
    } else {
        None
    }
}

/// Puts back what [`strip_hop_by_hop`] has taken away: the two connections of a tunnel change their
/// protocol together.
fn set_protocol(headers: &mut HeaderMap, protocol: Option<&HeaderValue>) {
    if let Some(protocol) = protocol {
        headers.append(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol.clone());
    }
}

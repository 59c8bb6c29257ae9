//! Answers: those of origins, passed on, and our own.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, PROXY_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use wire::http::HttpError;
use wire::hub::OpenRefusal;
use wire::socks5::ReplyCode;

use crate::ConnectError;
use crate::connect::with_causes;
use crate::warm::HubError;

/// An answer to the client.
pub(super) type Answer = Response<Either<PassedOn, Full<Bytes>>>;

/// A body on its way from an origin to the client.
#[derive(Debug)]
pub(super) struct PassedOn {
    body: Incoming,
    /// Set when the body breaks off.
    broken: Arc<AtomicBool>,
}

impl PassedOn {
    pub(super) fn new(body: Incoming, broken: Arc<AtomicBool>) -> Self {
        Self { body, broken }
    }
}

impl Body for PassedOn {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Err(_)) = &frame {
            self.broken.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// One of our own, with a sentence for the user.
pub(super) fn own(status: StatusCode, text: &str) -> Answer {
    let mut answer = Response::new(Either::Right(Full::from(format!("{text}\n"))));
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, plain);
    if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        let basic = HeaderValue::from_static("Basic realm=\"Manypath\", charset=\"UTF-8\"");
        answer.headers_mut().insert(PROXY_AUTHENTICATE, basic);
    }
    answer
}

/// CONNECT went well: what follows is the tunnel.
pub(super) fn connected() -> Answer {
    Response::new(Either::Right(Full::default()))
}

/// The request is not one for a proxy.
pub(super) fn bad_request(error: &HttpError) -> Answer {
    own(error.status(), &with_causes(error))
}

/// The credentials are missing or wrong.
pub(super) fn unauthorized() -> Answer {
    let text = "this proxy wants a user and a password; set them in your program's proxy settings";
    own(StatusCode::PROXY_AUTHENTICATION_REQUIRED, text)
}

/// There is no onward connection.
pub(super) fn not_connected(error: &ConnectError) -> Answer {
    own(status(error), &with_causes(error))
}

/// Nobody will read this.
pub(super) fn client_gone() -> Answer {
    own(StatusCode::BAD_GATEWAY, "the client has left")
}

/// The origin answered 101 to a request that did not ask for another protocol.
pub(super) fn unwanted_upgrade() -> Answer {
    own(
        StatusCode::BAD_GATEWAY,
        "the origin switched to a protocol that nobody asked for",
    )
}

/// The origin did not answer in HTTP, or broke off before its answer.
pub(super) fn no_answer(error: &hyper::Error) -> Answer {
    let text = format!("the origin sent no usable answer: {}", with_causes(error));
    own(StatusCode::BAD_GATEWAY, &text)
}

/// RFC 9110 sections 15.5.4 and 15.6: 502 where the other side failed, 504 where it was silent, 503
/// where it is us and another attempt may succeed.
fn status(error: &ConnectError) -> StatusCode {
    match error {
        ConnectError::NotAllowed { .. }
        | ConnectError::Blocked { .. }
        | ConnectError::Upstream {
            code: ReplyCode::NotAllowed,
            ..
        }
        | ConnectError::RefusedByHub {
            code: OpenRefusal::NotAllowed,
            ..
        } => StatusCode::FORBIDDEN,
        ConnectError::Timeout { .. }
        | ConnectError::Upstream {
            code: ReplyCode::TtlExpired,
            ..
        }
        | ConnectError::RefusedByHub {
            code: OpenRefusal::TimedOut,
            ..
        }
        | ConnectError::Hub(HubError::Silent { .. }) => StatusCode::GATEWAY_TIMEOUT,
        ConnectError::NoUplink { .. }
        | ConnectError::UplinkDown { .. }
        | ConnectError::Local { .. }
        | ConnectError::RefusedByHub {
            code: OpenRefusal::UserLimit,
            ..
        }
        | ConnectError::Hub(HubError::UserLimit { .. } | HubError::Closed) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ConnectError::Hub(HubError::Unreachable { source, .. }) => status(source),
        ConnectError::FirstHop { source, .. } => status(source),
        _ => StatusCode::BAD_GATEWAY,
    }
}

//! What can be wrong with a proxy request's head.

use http::StatusCode;

use crate::{CredentialsError, DestinationError};

/// Why a request can't be served by a proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Origin-form (`GET /`) or `*`: the client takes us for the web server.
    #[error(
        "this is a proxy, not a web server: the request target {0:?} names no host; \
         set this address as the HTTP proxy of your program"
    )]
    NotAProxyRequest(String),
    /// Authority-form belongs to CONNECT (RFC 9112 section 3.2.3).
    #[error("the request target {0:?} has no scheme; only CONNECT is sent without one")]
    NoScheme(String),
    /// CONNECT with something else than `host:port`.
    #[error("the target of CONNECT is {0:?}; it must be host:port")]
    ConnectTarget(String),
    /// CONNECT without a port (RFC 9110 section 9.3.6), or port 0.
    #[error("the request target {0:?} has no port to connect to; write it as host:port")]
    NoPort(String),
    /// `https://` in the request line: it would need TLS here, where the client wanted it end to end.
    #[error("{0:?} can't be fetched by a proxy; use CONNECT for https")]
    HttpsWithoutConnect(String),
    /// A scheme other than http and https.
    #[error("the scheme {0:?} is not supported; http is, and CONNECT for everything else")]
    Scheme(String),
    /// `user@` before the host, refused as RFC 9110 section 4.2.4 advises. The text is not repeated
    /// here since it may hold a password.
    #[error("the request target holds user information (user@host), which http does not allow")]
    UserInfo,
    /// The host or the port is wrong.
    #[error("the request target names no usable destination")]
    Destination(#[from] DestinationError),
    /// Two Host header fields (RFC 9112 section 3.2).
    #[error("the request has more than one Host header field")]
    ManyHosts,
    /// More than one Proxy-Authorization, or one that is no text.
    #[error("the Proxy-Authorization header field must be there once, as text")]
    ProxyAuthorization,
    /// Another scheme than Basic.
    #[error("the authentication scheme {0:?} is not supported; use Basic")]
    AuthScheme(String),
    /// The credentials are not base64 of `user:password` (RFC 7617 section 2).
    #[error("the Basic credentials are not base64 of user:password")]
    BasicCredentials,
    /// The user name or the password is too long for any user we can have.
    #[error("the Basic credentials are too long")]
    Credentials(#[from] CredentialsError),
}

impl HttpError {
    /// The status of the answer: 407 (RFC 9110 section 15.5.8) if another try with other credentials
    /// makes sense, 400 for everything else.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::ProxyAuthorization
            | Self::AuthScheme(_)
            | Self::BasicCredentials
            | Self::Credentials(_) => StatusCode::PROXY_AUTHENTICATION_REQUIRED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

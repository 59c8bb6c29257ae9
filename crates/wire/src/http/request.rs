//! The target of a proxy request (RFC 9112 section 3.2).

use http::header::HOST;
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Uri};

use super::HttpError;
use crate::Destination;

/// What a client asks of the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyRequest {
    /// Open a tunnel: after a 2xx answer the connection is the client's.
    Connect {
        /// To here.
        dest: Destination,
    },
    /// Pass the request on, in origin-form: see [`to_origin_form`].
    Forward {
        /// To here.
        dest: Destination,
    },
}

/// Finds out where a request is to go. `http://` without a port means port 80.
///
/// # Errors
/// The request is not one for a proxy, or its destination is wrong. [`HttpError::status`] has the
/// status for the answer.
pub fn proxy_request(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<ProxyRequest, HttpError> {
    if headers.get_all(HOST).iter().count() > 1 {
        return Err(HttpError::ManyHosts);
    }
    if method == Method::CONNECT {
        return Ok(ProxyRequest::Connect {
            dest: connect_destination(uri)?,
        });
    }
    let Some(authority) = uri.authority() else {
        return Err(HttpError::NotAProxyRequest(uri.to_string()));
    };
    refuse_user_info(authority)?;
    match uri.scheme() {
        None => Err(HttpError::NoScheme(uri.to_string())),
        Some(scheme) if *scheme == Scheme::HTTP => Ok(ProxyRequest::Forward {
            dest: destination(authority, Some(80))?,
        }),
        Some(scheme) if *scheme == Scheme::HTTPS => {
            Err(HttpError::HttpsWithoutConnect(uri.to_string()))
        }
        Some(scheme) => Err(HttpError::Scheme(scheme.to_string())),
    }
}

/// CONNECT takes authority-form, and the port has no default (RFC 9110 section 9.3.6).
fn connect_destination(uri: &Uri) -> Result<Destination, HttpError> {
    let authority = match (uri.scheme(), uri.authority()) {
        (None, Some(authority)) => authority,
        _ => return Err(HttpError::ConnectTarget(uri.to_string())),
    };
    refuse_user_info(authority)?;
    destination(authority, None)
}

fn refuse_user_info(authority: &Authority) -> Result<(), HttpError> {
    if authority.as_str().contains('@') {
        Err(HttpError::UserInfo)
    } else {
        Ok(())
    }
}

/// Goes by the text: `Authority::port_u16` says nothing where the port is no number, and a typing
/// error must not become the default port.
fn destination(authority: &Authority, default: Option<u16>) -> Result<Destination, HttpError> {
    let text = authority.as_str();
    let no_port = || HttpError::NoPort(text.into());
    let port = text
        .rsplit_once(':')
        .map(|(_, port)| port)
        .filter(|port| !port.contains(']'));
    let dest: Destination = match port {
        // An empty port is as good as none (RFC 3986 section 3.2.3).
        None | Some("") => {
            let host = text.strip_suffix(':').unwrap_or(text);
            format!("{host}:{}", default.ok_or_else(no_port)?).parse()?
        }
        Some(_) => text.parse()?,
    };
    if dest.port == 0 {
        Err(no_port())
    } else {
        Ok(dest)
    }
}

/// Turns an absolute-form request into what its origin expects: path and query alone, and a Host
/// field that says the same as the request line did, whatever it said before (RFC 9112 section
/// 3.2.2). `OPTIONS http://host` becomes `OPTIONS /`, not `*`: [`Uri`] can't tell it from
/// `http://host/`.
///
/// # Errors
/// The target has no host, or user information before it; [`proxy_request`] refuses both.
pub fn to_origin_form(parts: &mut Parts) -> Result<(), HttpError> {
    let not_absolute = || HttpError::NotAProxyRequest(parts.uri.to_string());
    let authority = parts.uri.authority().ok_or_else(not_absolute)?;
    refuse_user_info(authority)?;
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| not_absolute())?;
    // `Display` puts the slash in front that `http://host?query` lacks.
    let path = parts
        .uri
        .path_and_query()
        .map_or_else(|| "/".into(), PathAndQuery::to_string);
    let uri = path.parse().map_err(|_| not_absolute())?;
    parts.headers.insert(HOST, host);
    parts.uri = uri;
    Ok(())
}

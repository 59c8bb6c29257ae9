//! Fetches a page by one uplink, to see who answers.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use dns::Upstream;
use http::header::{CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mptcp::{ConnectOptions, Transport};
use settings::edge::CheckUrl;
use tokio::time::timeout;
use wire::Host;

use super::portals::Login;

/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(4);

/// Longer addresses of login pages are not shown.
const LONGEST_LOGIN: usize = 512;

/// Who answers by an uplink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The page's own server.
    Through,
    /// Somebody in its place.
    Portal(Login),
    /// Nobody, or nobody who can be told apart.
    Nothing,
}

/// Fetches `url` from the first of our addresses `from` by which its server can be reached. `servers` know its
/// address, as that network sees it.
pub(super) async fn fetch(url: &CheckUrl, from: &[IpAddr], servers: &[Upstream]) -> Found {
    match timeout(LIMIT, try_fetch(url, from, servers)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            tracing::debug!(%error, "no answer that tells of a portal");
            Found::Nothing
        }
        Err(_elapsed) => Found::Nothing,
    }
}

async fn try_fetch(url: &CheckUrl, from: &[IpAddr], servers: &[Upstream]) -> io::Result<Found> {
    let addresses = match &url.server.host {
        Host::Ip(ip) => vec![*ip],
        Host::Name(name) => look_up(name.as_str(), servers).await?,
    };
    let ends = addresses.iter().find_map(|to| {
        let from = from.iter().find(|from| from.is_ipv4() == to.is_ipv4())?;
        Some((*from, SocketAddr::new(*to, url.server.port)))
    });
    let (from, to) = ends.ok_or(io::ErrorKind::AddrNotAvailable)?;
    let options = ConnectOptions {
        local: Some(from),
        ..ConnectOptions::default()
    };
    let stream = mptcp::connect(Transport::Tcp, to, &options).await?;
    let io = TokioIo::new(stream);
    let (mut sender, connection) = http1::handshake(io).await.map_err(io::Error::other)?;
    let request = Request::get(&url.path)
        .header(HOST, url.authority())
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    // Its end is no answer, but may come together with one.
    let driving = async {
        drop(connection.await);
        std::future::pending().await
    };
    let answer = tokio::select! {
        answer = sender.send_request(request) => answer.map_err(io::Error::other)?,
        ended = driving => ended,
    };
    Ok(judge(answer.status(), answer.headers()))
}

/// The addresses from the first server that has some.
async fn look_up(name: &str, servers: &[Upstream]) -> io::Result<Vec<IpAddr>> {
    let mut last = io::ErrorKind::NotFound.into();
    for server in servers {
        match timeout(LIMIT / 4, dns::look_up(name, server)).await {
            Ok(Ok(addresses)) if !addresses.is_empty() => return Ok(addresses),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => last = error,
            Err(elapsed) => last = elapsed.into(),
        }
    }
    Err(last)
}

/// The page's own answer is empty (204) or plain text. A portal sends elsewhere, says so (511, RFC 6585 section
/// 6), or answers with a page of its own. Other errors may come from either.
fn judge(status: StatusCode, headers: &HeaderMap) -> Found {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_plain = || text(CONTENT_TYPE).is_some_and(|it| it.starts_with("text/plain"));
    match status {
        StatusCode::NO_CONTENT => Found::Through,
        StatusCode::OK if is_plain() => Found::Through,
        StatusCode::OK | StatusCode::NETWORK_AUTHENTICATION_REQUIRED => Found::Portal(None),
        status if status.is_redirection() => Found::Portal(text(LOCATION).and_then(login)),
        _ => Found::Nothing,
    }
}

/// A page that can be shown to somebody. It comes from whoever stands in the way.
fn login(location: &str) -> Login {
    let uri: Uri = location.parse().ok()?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    (is_web && location.len() <= LONGEST_LOGIN).then(|| location.to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::HeaderName;

    use super::*;

    fn judged(status: u16, header: Option<(HeaderName, &'static str)>) -> Found {
        let header = header.map(|(name, value)| (name, HeaderValue::from_static(value)));
        let headers = HeaderMap::from_iter(header);
        judge(StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn who_has_answered() {
        let login = "https://login.test/?to=x";
        let portal = |login: &str| Found::Portal(Some(login.to_owned()));
        for (status, header, expected) in [
            (204, None, Found::Through),
            (
                200,
                Some((CONTENT_TYPE, "text/plain; charset=utf-8")),
                Found::Through,
            ),
            (200, Some((CONTENT_TYPE, "text/html")), Found::Portal(None)),
            (200, None, Found::Portal(None)),
            (511, None, Found::Portal(None)),
            (302, Some((LOCATION, login)), portal(login)),
            (307, Some((LOCATION, "/login")), Found::Portal(None)),
            (
                302,
                Some((LOCATION, "javascript:alert(1)")),
                Found::Portal(None),
            ),
            (302, None, Found::Portal(None)),
            (404, None, Found::Nothing),
            (503, None, Found::Nothing),
        ] {
            assert_eq!(
                judged(status, header.clone()),
                expected,
                "{status} {header:?}"
            );
        }
    }
}

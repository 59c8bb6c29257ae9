use http::{HeaderMap, Method, Request, Uri};
use proptest::prelude::*;

use super::*;
use crate::test_support::credentials;

fn target(method: &str, uri: &str) -> Result<ProxyRequest, HttpError> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    proxy_request(&method, &uri.parse().unwrap(), &HeaderMap::new())
}

fn connect(dest: &str) -> Result<ProxyRequest, HttpError> {
    Ok(ProxyRequest::Connect {
        dest: dest.parse().unwrap(),
    })
}

fn forward(dest: &str) -> Result<ProxyRequest, HttpError> {
    Ok(ProxyRequest::Forward {
        dest: dest.parse().unwrap(),
    })
}

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    fields
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect()
}

#[test]
fn targets_of_curl_and_ncat() {
    assert_eq!(
        target("CONNECT", "example.com:80"),
        connect("example.com:80")
    );
    assert_eq!(
        target("CONNECT", "[2001:db8::7]:443"),
        connect("[2001:db8::7]:443")
    );
    assert_eq!(target("CONNECT", "192.0.2.7:443"), connect("192.0.2.7:443"));
    assert_eq!(
        target("GET", "http://example.com/a?b"),
        forward("example.com:80")
    );
    assert_eq!(
        target("GET", "http://example.com:8080/"),
        forward("example.com:8080")
    );
    assert_eq!(
        target("OPTIONS", "http://example.com/"),
        forward("example.com:80")
    );
}

#[test]
fn other_good_targets() {
    assert_eq!(
        target("GET", "HTTP://EXAMPLE.com"),
        forward("EXAMPLE.com:80")
    );
    assert_eq!(
        target("POST", "http://[2001:db8::7]/"),
        forward("[2001:db8::7]:80")
    );
    assert_eq!(
        target("PROPFIND", "http://[2001:db8::7]:81?x"),
        forward("[2001:db8::7]:81")
    );
    assert_eq!(
        target("GET", "http://example.com:/"),
        forward("example.com:80")
    );
    assert_eq!(
        target("GET", "http://example.com#x"),
        forward("example.com:80")
    );
}

#[test]
fn targets_that_are_not_for_a_proxy() {
    for (method, uri) in [("GET", "/"), ("GET", "//example.com/"), ("OPTIONS", "*")] {
        assert_eq!(
            target(method, uri),
            Err(HttpError::NotAProxyRequest(uri.into()))
        );
    }
    let no_scheme = HttpError::NoScheme("example.com:80".into());
    assert_eq!(target("GET", "example.com:80"), Err(no_scheme));
    let https = HttpError::HttpsWithoutConnect("https://example.com/".into());
    assert_eq!(target("GET", "https://example.com/"), Err(https));
    assert_eq!(
        target("GET", "ftp://example.com/"),
        Err(HttpError::Scheme("ftp".into()))
    );
    for uri in ["http://example.com/", "/", "*"] {
        assert_eq!(
            target("CONNECT", uri),
            Err(HttpError::ConnectTarget(uri.into()))
        );
    }
}

#[test]
fn ports() {
    for (method, uri) in [
        ("CONNECT", "example.com"),
        ("CONNECT", "example.com:"),
        ("CONNECT", "[::1]"),
        ("CONNECT", "example.com:0"),
        ("GET", "http://example.com:0/"),
    ] {
        assert!(
            matches!(target(method, uri), Err(HttpError::NoPort(_))),
            "{method} {uri}"
        );
    }
    // `http::Uri` lets these through, and says that there is no port.
    for uri in ["http://example.com:65536/", "http://example.com:8a/"] {
        let error = target("GET", uri).unwrap_err();
        assert!(matches!(error, HttpError::Destination(_)), "{uri}: {error}");
    }
}

#[test]
fn user_information_is_refused_and_not_repeated() {
    for (method, uri) in [
        ("GET", "http://ann:secret@example.com/"),
        ("GET", "ftp://ann:secret@example.com/"),
        ("CONNECT", "ann:secret@example.com:80"),
    ] {
        let error = target(method, uri).unwrap_err();
        assert_eq!(error, HttpError::UserInfo);
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

#[test]
fn hosts_that_are_no_hosts() {
    for uri in [
        "http://127.1/",
        "http://2130706433/",
        "http://[fe80::1%25eth0]/",
        "http://a%20b/",
    ] {
        let Ok(parsed) = uri.parse::<Uri>() else {
            continue;
        };
        let error = proxy_request(&Method::GET, &parsed, &HeaderMap::new()).unwrap_err();
        assert!(matches!(error, HttpError::Destination(_)), "{uri}: {error}");
    }
}

#[test]
fn one_host_field_at_most() {
    let uri = "http://example.com/".parse().unwrap();
    let with = |fields| proxy_request(&Method::GET, &uri, &headers(fields));
    // A Host that says something else is not our business here: `to_origin_form` replaces it.
    assert_eq!(
        with(&[("host", "other.example")]),
        forward("example.com:80")
    );
    assert_eq!(
        with(&[("host", "a"), ("host", "a")]),
        Err(HttpError::ManyHosts)
    );
}

#[test]
fn origin_form() {
    for (absolute, host, path) in [
        ("http://example.com/a?b=c", "example.com", "/a?b=c"),
        ("http://example.com", "example.com", "/"),
        ("http://example.com?x=1", "example.com", "/?x=1"),
        ("http://example.com//b/../c", "example.com", "//b/../c"),
        ("http://Example.com:8080/#fragment", "Example.com:8080", "/"),
        ("http://[2001:db8::7]:81/%2f", "[2001:db8::7]:81", "/%2f"),
    ] {
        let request = Request::get(absolute)
            .header("Host", "wrong")
            .header("Host", "worse");
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        to_origin_form(&mut parts).unwrap();
        assert_eq!(parts.uri.to_string(), path, "{absolute}");
        assert_eq!(parts.uri.authority(), None);
        assert_eq!(parts.headers, headers(&[("host", host)]));
    }
}

#[test]
fn origin_form_needs_a_host() {
    for (uri, error) in [
        ("/", HttpError::NotAProxyRequest("/".into())),
        ("http://u:p@example.com/", HttpError::UserInfo),
    ] {
        let (mut parts, ()) = Request::get(uri).body(()).unwrap().into_parts();
        assert_eq!(to_origin_form(&mut parts), Err(error));
        assert_eq!(parts.uri, uri, "nothing has changed");
    }
}

#[track_caller]
fn check_strip(before: &[(&'static str, &str)], after: &[(&'static str, &str)]) {
    let mut stripped = headers(before);
    strip_hop_by_hop(&mut stripped);
    assert_eq!(stripped, headers(after));
}

#[test]
fn strips_what_curl_and_firefox_add_for_the_proxy() {
    check_strip(
        &[
            ("host", "example.com"),
            ("proxy-authorization", "Basic YW5uOnNlY3JldA=="),
            ("authorization", "Basic dTpw"),
            ("accept", "*/*"),
            ("proxy-connection", "keep-alive"),
            ("connection", "keep-alive"),
            ("keep-alive", "timeout=5"),
        ],
        &[
            ("host", "example.com"),
            ("authorization", "Basic dTpw"),
            ("accept", "*/*"),
        ],
    );
}

#[test]
fn strips_what_connection_names() {
    check_strip(
        &[
            ("connection", "close, X-One ,, x-two"),
            ("connection", "x-three, bad name, \u{e9}"),
            ("x-one", "1"),
            ("x-one", "again"),
            ("x-two", "2"),
            ("x-three", "3"),
            ("x-four", "4"),
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
        ],
        &[("x-four", "4")],
    );
}

#[test]
fn keeps_what_the_message_needs() {
    check_strip(
        &[
            ("connection", "host, content-length"),
            ("host", "a"),
            ("content-length", "5"),
        ],
        &[("host", "a"), ("content-length", "5")],
    );
    check_strip(
        &[
            ("connection", "transfer-encoding"),
            ("transfer-encoding", "chunked"),
            ("content-length", "5"),
            ("trailer", "digest"),
        ],
        &[("transfer-encoding", "chunked"), ("trailer", "digest")],
    );
}

#[test]
fn te_keeps_trailers_only() {
    check_strip(
        &[("connection", "te"), ("te", "gzip;q=0.5, Trailers")],
        &[("te", "trailers"), ("connection", "te")],
    );
    check_strip(&[("connection", "te"), ("te", "gzip;q=0.5")], &[]);
}

#[test]
fn strips_the_origins_words_to_a_proxy() {
    check_strip(
        &[
            ("proxy-authenticate", "Basic realm=\"x\""),
            ("proxy-authentication-info", "x"),
            ("www-authenticate", "Basic realm=\"y\""),
        ],
        &[("www-authenticate", "Basic realm=\"y\"")],
    );
}

fn basic(value: &str) -> Result<Option<crate::Credentials>, HttpError> {
    basic_credentials(&headers(&[("proxy-authorization", value)]))
}

#[test]
fn credentials_of_curl_and_others() {
    assert_eq!(basic_credentials(&HeaderMap::new()), Ok(None));
    for (value, user, password) in [
        ("Basic YW5uOnNlY3JldA==", "ann", "secret"),
        ("bAsIc   YW5uOnNlY3JldA", "ann", "secret"),
        ("Basic YW5uOmE6Yg==", "ann", "a:b"),
        ("Basic Og==", "", ""),
    ] {
        let credentials = basic(value).unwrap().unwrap();
        assert_eq!(credentials.user.as_bytes(), user.as_bytes(), "{value}");
        assert_eq!(
            credentials.password.expose(),
            password.as_bytes(),
            "{value}"
        );
    }
}

#[test]
fn wrong_credentials_are_answered_with_407() {
    let long = format!("Basic {}", "YWFh".repeat(100));
    for (value, error) in [
        ("Basic", HttpError::ProxyAuthorization),
        ("Bearer abc", HttpError::AuthScheme("Bearer".into())),
        ("Basic YW5u", HttpError::BasicCredentials),
        ("Basic ***", HttpError::BasicCredentials),
        ("Basic YW5uOnNlY3JldA== x", HttpError::BasicCredentials),
        (&long, HttpError::BasicCredentials),
    ] {
        assert_eq!(error.status(), 407);
        assert_eq!(basic(value), Err(error), "{value}");
    }
    let field = ("proxy-authorization", "Basic YW5uOnNlY3JldA==");
    let twice = basic_credentials(&headers(&[field, field]));
    assert_eq!(twice, Err(HttpError::ProxyAuthorization));
    assert_eq!(HttpError::UserInfo.status(), 400);
}

proptest! {
    #[test]
    fn credentials_round_trip(credentials in credentials()) {
        use base64::Engine as _;
        prop_assume!(!credentials.user.as_bytes().contains(&b':'));
        let pair = [credentials.user.as_bytes(), b":", credentials.password.expose()].concat();
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
        prop_assert_eq!(basic(&format!("Basic {encoded}")), Ok(Some(credentials)));
    }

    #[test]
    fn stripping_twice_changes_nothing_more(
        fields in prop::collection::vec((
            prop::sample::select(vec![
                "connection", "te", "upgrade", "keep-alive", "trailer", "host", "x-a", "x-b",
                "transfer-encoding", "content-length", "proxy-authorization",
            ]),
            "(x-a|x-b|te|host|trailers|close|[ ,;]){0,4}",
        ), 0..10),
    ) {
        let mut once = HeaderMap::new();
        for (name, value) in &fields {
            once.append(*name, value.parse().unwrap());
        }
        strip_hop_by_hop(&mut once);
        prop_assert!(!once.contains_key("proxy-authorization"));
        let mut twice = once.clone();
        strip_hop_by_hop(&mut twice);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn any_uri(text in "(http://|https://)?[a-z0-9:@.\\[\\]%]{0,20}[/?#*]?\\PC{0,9}") {
        let Ok(uri) = text.parse::<Uri>() else { return Ok(()) };
        let mut answers = Vec::new();
        for method in [Method::CONNECT, Method::GET] {
            answers.push(proxy_request(&method, &uri, &HeaderMap::new()));
        }
        if answers[1].is_ok() {
            let (mut parts, ()) = Request::get(uri).body(()).unwrap().into_parts();
            prop_assert_eq!(to_origin_form(&mut parts), Ok(()));
        }
        prop_assert!(answers.iter().filter(|answer| answer.is_ok()).count() < 2);
    }
}

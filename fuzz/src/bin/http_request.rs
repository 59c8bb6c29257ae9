//! The head of an HTTP proxy request, framed by httparse as hyper does it.
#![no_main]

use http::header::{CONNECTION, HOST, PROXY_AUTHORIZATION, TE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, request};
use libfuzzer_sys::fuzz_target;
use wire::http::{
    ProxyRequest, basic_credentials, proxy_request, strip_hop_by_hop, to_origin_form,
};

fuzz_target!(|bytes: &[u8]| {
    let Some(mut parts) = read_head(bytes) else {
        return;
    };
    let _ = basic_credentials(&parts.headers);
    let target = proxy_request(&parts.method, &parts.uri, &parts.headers);
    check_stripping(&mut parts.headers);
    match target {
        Ok(ProxyRequest::Connect { dest }) => {
            assert_ne!(dest.port, 0);
            assert_eq!(parts.method, Method::CONNECT);
        }
        Ok(ProxyRequest::Forward { dest }) => {
            assert_ne!(dest.port, 0);
            to_origin_form(&mut parts).expect("a forwarded request has an origin");
            assert_eq!(parts.uri.authority(), None);
            assert!(parts.uri.to_string().starts_with('/'));
            assert_eq!(parts.headers.get_all(HOST).iter().count(), 1);
        }
        Err(error) => {
            let _ = (error.status(), error.to_string());
        }
    }
});

fn read_head(bytes: &[u8]) -> Option<request::Parts> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Request::new(&mut fields);
    head.parse(bytes).ok()?.is_complete().then_some(())?;
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = head.method?.parse().ok()?;
    parts.uri = head.path?.parse::<Uri>().ok()?;
    for field in head.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        parts
            .headers
            .append(name, HeaderValue::from_bytes(field.value).ok()?);
    }
    Some(parts)
}

fn check_stripping(headers: &mut HeaderMap) {
    let host = headers.contains_key(HOST);
    strip_hop_by_hop(headers);
    assert_eq!(headers.contains_key(HOST), host);
    assert!(!headers.contains_key(PROXY_AUTHORIZATION));
    assert_eq!(headers.contains_key(CONNECTION), headers.contains_key(TE));
    let once = headers.clone();
    strip_hop_by_hop(headers);
    assert_eq!(*headers, once);
}

//! Debian's curl and ncat as clients of the proxy port.

use relay::{Bypass, Connector, ConnectorOptions, Route, ServerOptions, Users};
use wire::Credentials;

use crate::support::{Origin, Served, direct, in_netns, output, pattern, run};

const SIZE: usize = 3_000_000;

/// Each of curl's ways to use a proxy. `{}` is the proxy's address.
const WAYS: [&[&str]; 7] = [
    &["--socks4", "{}"],
    &["--socks4a", "{}"],
    &["--socks5", "{}"],
    &["--socks5-hostname", "{}"],
    &["--proxy", "http://{}"],
    &["--proxytunnel", "--proxy", "http://{}"],
    &["--proxytunnel", "--proxy1.0", "http://{}"],
];

async fn curl(way: &[&str], proxy: &Served, rest: &[&str]) -> String {
    let proxy = proxy.address.to_string();
    let way = way.iter().map(|argument| argument.replace("{}", &proxy));
    let fixed = ["-sS", "--fail", "--max-time", "30"].map(String::from);
    let rest = rest.iter().map(|argument| (*argument).to_owned());
    run("curl", fixed.into_iter().chain(way).chain(rest)).await
}

#[test]
fn curl_downloads() {
    in_netns(async || {
        let (origin, proxy) = (Origin::start().await, Served::plain().await);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("got");
        for way in WAYS {
            for host in ["127.0.0.1", "[::1]", "localhost"] {
                if host == "[::1]" && way[0].starts_with("--socks4") {
                    continue;
                }
                let url = origin.url(host, &format!("/bytes/{SIZE}"));
                curl(way, &proxy, &["-o", file.to_str().unwrap(), &url]).await;
                let got = std::fs::read(&file).unwrap();
                assert!(got == pattern(SIZE), "{way:?} {host}: {} bytes", got.len());
            }
        }
        proxy.idle().await;
    });
}

#[test]
fn curl_uploads() {
    in_netns(async || {
        let (origin, proxy) = (Origin::start().await, Served::plain().await);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sent");
        std::fs::write(&file, pattern(SIZE)).unwrap();
        let file = file.to_str().unwrap();
        for way in WAYS {
            let url = origin.url("127.0.0.1", "/");
            let said = curl(way, &proxy, &["-T", file, &url]).await;
            assert_eq!(said, format!("{SIZE} intact"), "{way:?}");
            let chunked = ["-T", file, "-H", "Transfer-Encoding: chunked", &url];
            assert_eq!(
                curl(way, &proxy, &chunked).await,
                format!("{SIZE} intact"),
                "{way:?}"
            );
        }
        proxy.idle().await;
    });
}

#[test]
fn curl_proves_itself() {
    in_netns(async || {
        let origin = Origin::start().await;
        let ann = Credentials {
            user: "ann".try_into().unwrap(),
            password: "se:cret".try_into().unwrap(),
        };
        let users = Some(Users::from_iter([ann]));
        let options = ServerOptions {
            users,
            ..ServerOptions::default()
        };
        let proxy = Served::proxy(direct(), options).await;
        let url = origin.url("127.0.0.1", "/bytes/10");
        for way in &WAYS[2..] {
            curl(way, &proxy, &["--proxy-user", "ann:se:cret", &url]).await;
        }
        let wrong = |scheme: &str, user: &str| {
            let proxy = format!("{scheme}://{}", proxy.address);
            [
                "-sS",
                "--fail",
                "--proxy",
                &proxy,
                "--proxy-user",
                user,
                &url,
            ]
            .map(String::from)
        };
        // 97: CURLE_PROXY, 22: an HTTP status from 400 on.
        for (scheme, code) in [("socks5", 97), ("socks4", 97), ("http", 22)] {
            for user in ["ann:wrong", "eve:se:cret", ":"] {
                let ended = output("curl", wrong(scheme, user)).await;
                assert_eq!(
                    ended.status.code(),
                    Some(code),
                    "{scheme} {user}: {ended:?}"
                );
            }
        }
        proxy.idle().await;
    });
}

#[test]
fn ncat_through_each_protocol() {
    in_netns(async || {
        let (origin, proxy) = (Origin::start().await, Served::plain().await);
        let (address, port) = (proxy.address.to_string(), origin.port.to_string());
        for kind in ["socks4", "socks5", "http"] {
            // ncat sends its input's end as FIN; the answer must come nevertheless.
            let script = format!(
                "printf 'GET /bytes/100000 HTTP/1.0\\r\\n\\r\\n' | \
                 ncat --proxy {address} --proxy-type {kind} 127.0.0.1 {port} | tail -c 100000 | wc -c"
            );
            assert_eq!(run("sh", ["-c", &script]).await.trim(), "100000", "{kind}");
        }
        proxy.idle().await;
    });
}

#[test]
fn bypassed_destinations_need_no_proxy_of_ours() {
    in_netns(async || {
        let origin = Origin::start().await;
        let dead = relay::Hop {
            proxy: "127.0.0.1:1".parse().unwrap(),
            credentials: None,
        };
        let route = || Route::Chain(relay::Chain::new(dead.clone(), Vec::new()));
        let bypass = Bypass::from_iter([relay::BypassRule {
            net: Some("127.0.0.1/32".parse().unwrap()),
            ports: origin.port..=origin.port,
        }]);
        let options = ConnectorOptions {
            bypass,
            ..ConnectorOptions::default()
        };
        let proxy = Served::proxy(Connector::new(route(), options), ServerOptions::default()).await;
        let url = origin.url("127.0.0.1", "/bytes/10");
        assert_eq!(curl(WAYS[2], &proxy, &[&url]).await.len(), 10);
        let other = [
            "-sS",
            "--socks5",
            &proxy.address.to_string(),
            &origin.url("127.0.0.2", "/"),
        ]
        .map(String::from);
        assert_eq!(output("curl", other).await.status.code(), Some(97));
    });
}

//! curl, with every way it knows to use a proxy.

use std::fs;

use lab::rig::{Mode, Rig};
use lab::topology::{Node, addresses};

use crate::support::{Names, Nginx, body, command, output, proxy_spec, run, run_with};

const NAMES: &str = "203.0.113.18 origin.test\n2001:db8:b::2 origin6.test\n";

/// Each way to use the proxy, and whether it leaves names to the proxy and can carry IPv6.
const WAYS: [(&[&str], bool, bool); 7] = [
    (&["--socks4", "172.22.0.1:1080"], false, false),
    (&["--socks4a", "172.22.0.1:1080"], true, false),
    (&["--socks5", "172.22.0.1:1080"], false, true),
    (&["--socks5-hostname", "172.22.0.1:1080"], true, true),
    (&["--proxy", "http://172.22.0.1:1080"], true, true),
    (
        &["--proxytunnel", "--proxy", "http://172.22.0.1:1080"],
        true,
        true,
    ),
    (&["--socks5-hostname", "[fd22::1]:1080"], true, true),
];

fn curl(rig: &Rig, way: &[&str], arguments: &[&str]) -> Vec<u8> {
    let arguments = [&["-sSf", "--max-time", "10"], way, arguments].concat();
    run(rig.lab(), Node::Windows, "curl", &arguments).ok_bytes()
}

#[test]
fn curl_downloads_and_uploads_in_every_way() {
    let names = Names::new("hub", NAMES);
    let mut spec = proxy_spec();
    spec.program = names.program();
    let mut rig = Rig::up(spec).unwrap();
    let nginx = Nginx::start(rig.lab());
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), body()).unwrap();
    let file = file.path().to_str().unwrap();
    let hub = addresses::HUB.ipv4().to_string();
    for (number, (way, by_name, ipv6)) in WAYS.into_iter().enumerate() {
        let whoami = |host: &str| {
            let url = format!("http://{host}:8080/whoami");
            String::from_utf8(curl(&rig, way, &[&url])).unwrap()
        };
        assert_eq!(whoami("203.0.113.18"), hub, "{way:?}");
        if ipv6 {
            assert!(
                whoami("[2001:db8:b::2]").starts_with("2001:db8:a::"),
                "{way:?}"
            );
        }
        if by_name {
            // The edge knows no names at all: they must have been passed on.
            assert_eq!(whoami("origin.test"), hub, "{way:?}");
        }
        if by_name && ipv6 {
            assert!(
                whoami("origin6.test").starts_with("2001:db8:a::"),
                "{way:?}"
            );
        }
        let data = curl(&rig, way, &["http://203.0.113.18:8080/data"]);
        assert!(data == body(), "download by {way:?}");
        let upload = format!("http://203.0.113.18:8080/upload/{number}");
        curl(&rig, way, &["-T", file, &upload]);
        assert!(
            nginx.uploaded(&number.to_string()) == body(),
            "upload by {way:?}"
        );
    }
    rig.stop().unwrap();
}

#[test]
fn names_are_resolved_by_the_edge_without_a_hub() {
    let names = Names::new("edge", NAMES);
    let mut spec = proxy_spec();
    spec.program = names.program();
    spec.mode = Mode::Single;
    let rig = Rig::up(spec).unwrap();
    let _nginx = Nginx::start(rig.lab());
    for way in WAYS.iter().filter(|(_, by_name, _)| *by_name) {
        let seen = curl(&rig, way.0, &["http://origin.test:8080/whoami"]);
        assert!(seen.starts_with(b"198.51.100."), "{way:?}");
    }
}

#[test]
fn users_must_prove_themselves() {
    let mut spec = proxy_spec();
    spec.edge_settings =
        "[proxy]\nusers = [{ name = \"ann\", password = \"correct horse\" }]".into();
    let rig = Rig::up(spec).unwrap();
    let _nginx = Nginx::start(rig.lab());
    let url = "http://203.0.113.18:8080/whoami";
    for (way, _, _) in WAYS
        .iter()
        .filter(|(way, _, _)| !way[0].starts_with("--socks4"))
    {
        let good = curl(&rig, way, &["--proxy-user", "ann:correct horse", url]);
        assert_eq!(good, b"203.0.113.2", "{way:?}");
        for wrong in [&["--proxy-user", "ann:wrong", url][..], &[url]] {
            let arguments = [&["-sSf", "--max-time", "10"], *way, wrong].concat();
            let ran = run(rig.lab(), Node::Windows, "curl", &arguments);
            // 97: SOCKS handshake; 22: HTTP 407 to a plain request; 56: to CONNECT.
            assert!([97, 22, 56].contains(&ran.code), "{way:?}: {ran:?}");
        }
    }
    // SOCKS4 has no passwords, so nobody gets in by it.
    let socks4 = ["-sS", "--socks4", "ann@172.22.0.1:1080", url];
    assert_eq!(run(rig.lab(), Node::Windows, "curl", &socks4).code, 97);
    let status = [
        "-so",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-x",
        "http://172.22.0.1:1080",
        url,
    ];
    assert_eq!(output(&rig, Node::Windows, "curl", &status), "407");
}

#[test]
fn curl_reads_an_upload_from_a_pipe() {
    let rig = Rig::up(proxy_spec()).unwrap();
    let nginx = Nginx::start(rig.lab());
    // Its length is not known beforehand, so it goes out in chunks.
    let arguments = [
        "-sSf",
        "-x",
        "http://172.22.0.1:1080",
        "-T",
        "-",
        "http://203.0.113.18:8080/upload/piped",
    ];
    run_with(
        command(rig.lab(), Node::Windows, "curl", &arguments),
        &body(),
    )
    .ok();
    assert!(nginx.uploaded("piped") == body());
}

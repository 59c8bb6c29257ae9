//! Plain HTTP requests by proxy, with nginx as origin.

use std::io::{Read, Write};

use lab::rig::Rig;
use lab::topology::Node;

use crate::support::{Names, Nginx, body, connect, output, proxy_spec, run};

const PROXY: [&str; 3] = ["-sSf", "-x", "http://172.22.0.1:1080"];

#[test]
fn kept_connections_ranges_and_chunks() {
    let rig = Rig::up(proxy_spec()).unwrap();
    let _nginx = Nginx::start(rig.lab());
    let get = |arguments: &[&str]| {
        let arguments = [&PROXY, arguments].concat();
        run(rig.lab(), Node::Windows, "curl", &arguments).ok_bytes()
    };

    // nginx numbers its connections: the same number is the same connection, to both sides of us.
    let url = "http://203.0.113.18:8080/connection";
    let numbers = String::from_utf8(get(&["-w", " %{num_connects}\n", url, url, url])).unwrap();
    let numbers: Vec<_> = numbers.split_ascii_whitespace().collect();
    assert_eq!([numbers[1], numbers[3], numbers[5]], ["1", "0", "0"]);
    assert_eq!([numbers[2], numbers[4]], [numbers[0], numbers[0]]);

    let range = get(&["-r", "1000-1999", "http://203.0.113.18:8080/data"]);
    assert!(range == body()[1000..2000]);

    let chunked = [
        "--compressed",
        "-D",
        "/dev/stderr",
        "http://203.0.113.18:8080/chunked",
    ];
    let ran = run(
        rig.lab(),
        Node::Windows,
        "curl",
        &[&PROXY[..], &chunked].concat(),
    );
    assert!(
        ran.err.contains("Transfer-Encoding: chunked"),
        "{}",
        ran.err
    );
    assert!(ran.ok_bytes() == body());

    let head = String::from_utf8(get(&["-I", "http://203.0.113.18:8080/data"])).unwrap();
    assert!(head.contains("Content-Length: 1048576"), "{head}");
}

#[test]
fn requests_sent_at_once_are_answered_in_order() {
    let rig = Rig::up(proxy_spec()).unwrap();
    let _nginx = Nginx::start(rig.lab());
    let mut stream = connect(&rig, Node::Windows, rig.proxy()).unwrap();
    let request = |path: &str, close: &str| {
        format!("GET http://203.0.113.18:8080/{path} HTTP/1.1\r\nHost: x\r\n{close}\r\n")
    };
    let requests = [
        request("whoami", ""),
        request("nothing", ""),
        request("whoami", "Connection: close\r\n"),
    ];
    stream.write_all(requests.concat().as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    let codes: Vec<&str> = answers
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answers[at + 9..at + 12])
        .collect();
    assert_eq!(codes, ["200", "404", "200"], "{answers}");
}

#[test]
fn a_refused_or_silent_origin_has_a_code_of_its_own() {
    let names = Names::new("hub", "");
    let mut spec = proxy_spec();
    spec.program = names.program();
    spec.hub_settings = "connect_timeout = \"500ms\"".into();
    let rig = Rig::up(spec).unwrap();
    // A firewall that says nothing.
    output(
        &rig,
        Node::Origin,
        "nft",
        &[
            "add table inet t; add chain inet t c { type filter hook input priority 0; }; \
         add rule inet t c tcp dport 81 drop",
        ],
    );
    for (url, code) in [
        ("http://203.0.113.18:82/", "502"),
        ("http://203.0.113.18:81/", "504"),
        ("http://192.168.1.1/", "403"),
        ("http://203.0.113.2:22/", "403"),
        ("http://nowhere.invalid/", "502"),
    ] {
        for (tunnel, variable) in [(&[][..], "%{http_code}"), (&["-p"], "%{http_connect}")] {
            let arguments = [
                "-so",
                "/dev/null",
                "-x",
                "http://172.22.0.1:1080",
                "-w",
                variable,
                url,
            ];
            let ran = run(
                rig.lab(),
                Node::Windows,
                "curl",
                &[tunnel, &arguments].concat(),
            );
            assert_eq!(ran.text(), code, "{url} {variable}");
        }
    }
}

//! The hub's counters, as an administrator and a stranger get them.

use std::process::Output;

use lab::topology::{Node, addresses};

use crate::server::Server;

fn curl(server: &Server, node: Node, url: &str) -> Output {
    let mut command = server.lab.command(node, "curl");
    let output = command.args(["-sS", "-i", "--max-time", "5", url]).output();
    output.expect("curl")
}

#[test]
fn curl_gets_them_on_the_server_and_nowhere_else() {
    let server = Server::start("[metrics]");
    let here = "http://127.0.0.1:9477/metrics";
    let answer = curl(&server, Node::Hub, here);
    let text = String::from_utf8_lossy(&answer.stdout);
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{answer:?}");
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(text.contains(kind), "{text}");
    let version = format!(
        "manypath_build_info{{version=\"{}\"}} 1\n",
        env!("CARGO_PKG_VERSION")
    );
    assert!(text.contains(&version), "{text}");
    assert!(
        text.contains("manypath_hub_user_bytes_total{user=\"alice\",kind=\"hub\""),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert!(
        !text.contains(server.alice.secret.text().as_str()),
        "{text}"
    );
    let other = curl(&server, Node::Hub, "http://127.0.0.1:9477/");
    assert!(
        other.stdout.starts_with(b"HTTP/1.1 404 Not Found\r\n"),
        "{other:?}"
    );

    let from_outside = format!("http://{}:9477/metrics", addresses::HUB.ipv4());
    let refused = curl(&server, Node::Guest, &from_outside);
    // "Failed to connect to host", curl(1).
    assert_eq!(refused.status.code(), Some(7), "{refused:?}");
    assert!(!server.log().contains("metrics.listen"), "{}", server.log());
}

#[test]
fn an_address_that_others_reach_is_warned_of() {
    let server = Server::start("[metrics]\nlisten = \"[::]:9477\"");
    let warned = server.log();
    assert!(
        warned.contains("WARN") && warned.contains("metrics.listen"),
        "{warned}"
    );
    let from_outside = format!("http://{}:9477/metrics", addresses::HUB.ipv4());
    let answer = curl(&server, Node::Guest, &from_outside);
    assert!(answer.status.success(), "it is only a warning: {answer:?}");
}

#[test]
fn without_the_table_nobody_answers() {
    let server = Server::start("");
    let refused = curl(&server, Node::Hub, "http://127.0.0.1:9477/metrics");
    assert_eq!(refused.status.code(), Some(7), "{refused:?}");
}

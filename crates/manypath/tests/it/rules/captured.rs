//! Connections of programs that know nothing of Manypath: their names are in what they send first, or in what
//! they have asked the edge for before.

use std::io::{Read, Write};

use lab::rig::{Rig, uplinks_in_use};
use lab::topology::{Node, Uplink, addresses};

use super::{counts, curl, is_reset, replace_rules, rule, with_rules};
use crate::names::World;
use crate::support::{LIMIT, Nginx, Server, connect, run, seen_as};

/// Everything is at the origin, whatever it is called.
const ORIGIN: &str = "203.0.113.18";

fn whoami(rig: &Rig, name: &str) -> super::Ran {
    let there = format!("{name}:8080:{ORIGIN}");
    let url = format!("http://{name}:8080/whoami");
    curl(rig, &["--resolve", &there, &url])
}

fn by_host_and_sni(intercept: &str) {
    let rules = [
        &rule("blocked.test", "block"),
        &rule("direct.test", "direct"),
        &rule("second.test", "uplink eth2"),
        "[[rule]]\nto = [\"203.0.113.0/24\"]\nports = [9000]\naction = \"uplink eth2\"\n",
    ];
    let host = format!("[host]\nintercept = \"{intercept}\"\n");
    let rig = Rig::up(with_rules(&(host + &rules.concat()))).unwrap();
    rig.wait_for_edge("use both uplinks", |status| uplinks_in_use(status) == 2)
        .unwrap();
    let _nginx = Nginx::start_with(rig.lab(), "nginx", &[443, 9000]);
    let hub = addresses::HUB.ipv4().to_string();
    assert_eq!(whoami(&rig, "other.test").ok(), hub);
    assert_eq!(whoami(&rig, "www.direct.test").ok(), seen_as(Uplink::FIRST));
    assert_eq!(whoami(&rig, "second.test").ok(), seen_as(Uplink::SECOND));
    let by_port = curl(&rig, &[&format!("http://{ORIGIN}:9000/whoami")]);
    assert_eq!(by_port.ok(), seen_as(Uplink::SECOND));
    let blocked = whoami(&rig, "a.blocked.test");
    assert!(is_reset(&blocked), "{blocked:?}");
    assert_eq!(counts(&rig), [1, 1, 1, 1]);
    // nginx speaks no TLS there, which curl finds out; a reset is something else.
    let tls = |name: &str| {
        let there = format!("{name}:443:{ORIGIN}");
        curl(
            &rig,
            &["--resolve", &there, &format!("https://{name}/whoami")],
        )
    };
    let passed = tls("other.test");
    assert!(passed.err.contains("wrong version"), "{passed:?}");
    let blocked = tls("blocked.test");
    assert!(is_reset(&blocked), "{blocked:?}");
    assert_eq!(counts(&rig)[0], 2);
}

#[test]
fn by_host_and_sni_with_redirect() {
    by_host_and_sni("redirect");
}

#[test]
fn by_host_and_sni_with_tproxy() {
    by_host_and_sni("tproxy");
}

#[test]
fn by_names_that_were_asked_for() {
    let world = World::up(&rule("seen.test", "block"));
    let rig = &world.rig;
    let _nginx = Nginx::start(rig.lab());
    let url = format!("http://{ORIGIN}:8080/whoami");
    assert_eq!(curl(rig, &[&url]).ok(), addresses::HUB.ipv4().to_string());
    let asked = run(
        rig.lab(),
        Node::Windows,
        "dig",
        &["@172.22.0.1", "+short", "www.seen.test"],
    );
    assert_eq!(asked.ok().trim(), ORIGIN);
    let blocked = curl(rig, &[&url]);
    assert!(is_reset(&blocked), "{blocked:?}");
    // The name that a request itself gives is more exact.
    assert!(whoami(rig, "other.test").code == 0);
}

/// The client of such a protocol says nothing before it has heard its server. What it then says arrives, too.
#[test]
fn servers_that_speak_first_are_heard() {
    let rig = Rig::up(with_rules(&rule("blocked.test", "block"))).unwrap();
    let _server = Server::start(rig.lab(), Node::Origin, 2525, |mut stream| {
        let mut said = [0; 4];
        let spoken = stream.write_all(b"220 hello");
        if spoken.and_then(|()| stream.read_exact(&mut said)).is_ok() {
            let _ = stream.write_all(&said);
        }
    });
    let to = format!("{ORIGIN}:2525").parse().unwrap();
    let mut client = connect(&rig, Node::Windows, to).unwrap();
    let mut heard = [0; 9];
    client.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"220 hello");
    client.write_all(b"EHLO").unwrap();
    let mut echo = [0; 4];
    client.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"EHLO");
}

/// A request in two parts, with a pause in it that is longer than the edge waits.
#[test]
fn what_comes_late_is_not_lost() {
    let rig = Rig::up(with_rules(&rule("blocked.test", "block"))).unwrap();
    let _nginx = Nginx::start(rig.lab());
    let to = format!("{ORIGIN}:8080").parse().unwrap();
    let mut client = connect(&rig, Node::Windows, to).unwrap();
    client.write_all(b"GET /whoami HTTP/1.0\r\nHo").unwrap();
    rig.wait_for_edge("connect onwards without the name", |status| {
        status["connections"]
            .as_array()
            .is_some_and(|it| !it.is_empty())
    })
    .unwrap();
    client.write_all(b"st: blocked.test\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_new_rule_leaves_running_connections_alone() {
    let rig = Rig::up(with_rules(&rule("192.0.2.0/24", "block"))).unwrap();
    let mut client = rig.connect(LIMIT).unwrap();
    assert!(client.download(100_000, |_| {}).unwrap().intact);
    replace_rules(&rig, &rule(ORIGIN, "block"));
    assert!(client.download(100_000, |_| {}).unwrap().intact);
    let refused = rig
        .connect(LIMIT)
        .and_then(|mut client| client.download(100, |_| {}));
    assert!(refused.is_err());
    assert_eq!(counts(&rig), [1]);
    replace_rules(&rig, "");
    let mut again = rig.connect(LIMIT).unwrap();
    assert!(again.download(100_000, |_| {}).unwrap().intact);
}

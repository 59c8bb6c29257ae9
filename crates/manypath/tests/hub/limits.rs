//! What a user may do at most.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use lab::topology::Node;
use rustix::process::Signal;
use wire::hub::{OpenRefusal, Refusal};

use crate::edge::{Edge, User, admitted, dial, greet};
use crate::server::{LIMIT, Server, eventually};

fn with(limits: &str) -> Server {
    let mut server = Server::prepare("");
    server.write("users.toml", &server.alice.entry(limits));
    server.run();
    server
}

/// An edge with an open connection to the origin.
async fn open(server: &Server) -> Edge {
    let mut edge = admitted(&server.key, &server.alice).await;
    edge.open_origin().await;
    edge
}

#[test]
fn user_connections_are_limited_and_a_raised_limit_counts_at_once() {
    let server = with("max_connections = 2");
    let origin = "203.0.113.18:80";
    server.at_guest(async || {
        let (mut first, _second) = (open(&server).await, open(&server).await);
        let mut third = admitted(&server.key, &server.alice).await;
        assert_eq!(third.tries(origin).await, Some(OpenRefusal::UserLimit));
        // The connection is good for another try, which goes well when a place is free.
        first.finish().await;
        assert_eq!(third.tries(origin).await, None);
        first.open_origin().await;
        assert_eq!(third.tries(origin).await, Some(OpenRefusal::UserLimit));
        server.write("users.toml", &server.alice.entry("max_connections = 3"));
        server.wait_for_log("changed=1");
        assert_eq!(third.tries(origin).await, None);
    });
}

#[test]
fn hub_connections_are_limited() {
    let server = with("max_connections = 1");
    server.at_guest(async || {
        let mut held = Vec::new();
        for _ in 0..257 {
            held.push(admitted(&server.key, &server.alice).await);
        }
        let stream = dial(&server.key, &server.alice).await;
        let refused = greet(stream, 1..=1).await.err().expect("a refusal");
        assert_eq!(refused.code, Refusal::UserLimit);
        drop(held.pop());
    });
    let known = || {
        server.at_guest(async || {
            let stream = dial(&server.key, &server.alice).await;
            greet(stream, 1..=1).await.is_ok()
        })
    };
    eventually("a place is free again", || known().then_some(()));
}

/// How long a download of so many bytes takes.
async fn download(edge: &mut Edge, bytes: usize) -> Duration {
    let began = Instant::now();
    edge.exchange(bytes).await;
    began.elapsed()
}

#[test]
fn rates_hold_for_all_connections_together_and_follow_the_file() {
    // 1 MB/s; the links carry nine times as much.
    let server = with("rate = \"8 Mbit/s\"");
    server.at_guest(async || {
        let mut edge = admitted(&server.key, &server.alice).await;
        let mut other = admitted(&server.key, &server.alice).await;
        let both = Instant::now();
        tokio::join!(download(&mut edge, 600_000), download(&mut other, 600_000));
        let both = both.elapsed();
        assert!(both > Duration::from_millis(1000), "1.2 MB in {both:?}");
        server.write("users.toml", &server.alice.entry("rate = \"16 Mbit/s\""));
        server.wait_for_log("changed=1");
        let one = download(&mut edge, 1_200_000).await;
        let ratio = both.as_secs_f64() / one.as_secs_f64();
        assert!(
            (1.5..2.5).contains(&ratio),
            "twice the rate: {ratio:.2} times as fast"
        );
        server.write("users.toml", &server.alice.entry(""));
        server.wait_for_log("changed=1 users=1");
    });
}

#[test]
fn a_rate_that_comes_and_goes_counts_for_what_runs() {
    const CHUNK: usize = 50_000;
    let server = with("");
    let changes = || server.log().matches("changed=1 users=1").count();
    let set = |limits: &str| {
        let before = changes();
        server.write("users.toml", &server.alice.entry(limits));
        eventually("the file is read", || (changes() > before).then_some(()));
    };
    server.at_guest(async || {
        let mut edge = open(&server).await;
        edge.request("/bytes/1000000000").await;
        edge.read(CHUNK).await.expect("bytes");
        // A chunk takes half a second then, and some milliseconds without. What is on its way comes first.
        set("rate = \"800 kbit/s\"");
        let slow = Duration::from_millis(300);
        let mut slow_ones = 0;
        let deadline = Instant::now() + 2 * LIMIT;
        while slow_ones < 3 {
            assert!(Instant::now() < deadline, "it goes on as fast as before");
            let began = Instant::now();
            edge.read(CHUNK).await.expect("bytes");
            slow_ones = if began.elapsed() > slow {
                slow_ones + 1
            } else {
                0
            };
        }
        set("");
        let began = Instant::now();
        edge.read(40 * CHUNK).await.expect("bytes");
        let took = began.elapsed();
        assert!(took < 20 * slow, "20 s with the rate: {took:?}");
    });
}

#[test]
fn what_users_do_survives_restarts_and_a_kill() {
    let mut server = Server::start("");
    let usage = |server: &Server, what: &str| {
        let text = std::fs::read_to_string(server.path("hub.usage")).unwrap_or_default();
        let usage: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        usage["hub"]["alice"][what].as_u64()
    };
    let use_it = |server: &Server| {
        server.at_guest(async || {
            let mut edge = admitted(&server.key, &server.alice).await;
            edge.exchange(100_000).await;
            let refused = edge.tries("127.0.0.1:80").await;
            assert_eq!(refused, Some(OpenRefusal::NotAllowed));
        });
    };
    use_it(&server);
    server.stop().expect("a clean stop");
    let first = usage(&server, "bytes_down").expect("it is written");
    assert!((100_000..101_000).contains(&first), "{first}");
    assert_eq!(usage(&server, "refused"), Some(1));

    server.run();
    use_it(&server);
    server.signal(Signal::HUP);
    eventually("the file is written", || {
        (usage(&server, "connections") == Some(2)).then_some(())
    });
    server.kill();
    assert_eq!(usage(&server, "bytes_down"), Some(2 * first));

    server.write("hub.usage", "{ broken");
    server.run();
    server.wait_for_log("hub.usage.broken");
    use_it(&server);
    server.stop().expect("a clean stop");
    assert_eq!(usage(&server, "bytes_down"), Some(first));
    let aside = std::fs::read_to_string(server.path("hub.usage.broken")).expect("it is kept");
    assert_eq!(aside, "{ broken");
}

#[test]
fn a_user_reaches_only_what_its_rules_allow() {
    let rules = "allow = [\"203.0.113.16/28:80\", \"[2001:db8:b::/64]:80-90\", \"10.0.0.0/8\"]\n\
                 deny = [\"[2001:db8:b::2]:85\"]";
    let mut server = Server::prepare("");
    let bob = User::new("bob");
    let users = server.alice.entry(rules) + &bob.entry("deny = [\"0.0.0.0/0\"]");
    server.write("users.toml", &users);
    server.run();
    server.at_guest(async || {
        let mut alice = admitted(&server.key, &server.alice).await;
        for (destination, refusal) in [
            ("203.0.113.18:80", None),
            ("203.0.113.18:81", Some(OpenRefusal::NotAllowed)),
            ("[::ffff:203.0.113.18]:80", None),
            ("[::ffff:203.0.113.18]:81", Some(OpenRefusal::NotAllowed)),
            ("[2001:db8:b::2]:80", None),
            ("[2001:db8:b::2]:84", Some(OpenRefusal::Refused)),
            ("[2001:db8:b::2]:85", Some(OpenRefusal::NotAllowed)),
            ("203.0.113.1:80", Some(OpenRefusal::NotAllowed)),
            // The hub's own rules go first.
            ("10.9.9.9:80", Some(OpenRefusal::NotAllowed)),
        ] {
            assert_eq!(alice.tries(destination).await, refusal, "{destination}");
        }
        let mut bob = admitted(&server.key, &bob).await;
        assert_eq!(
            bob.tries("203.0.113.18:80").await,
            Some(OpenRefusal::NotAllowed)
        );
        assert_eq!(bob.tries("[2001:db8:b::2]:80").await, None);
    });
}

#[test]
fn prometheus_sees_what_users_do() {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 9477));
    let server = Server::start(&format!("[metrics]\nlisten = \"{listen}\""));
    let stranger = User::new("mallory");
    server.at_guest(async || {
        let mut idle = admitted(&server.key, &server.alice).await;
        idle.exchange(100_000).await;
        idle.tries("127.0.0.1:80").await.expect("a refusal");
        let _busy = open(&server).await;
        let refused = greet(dial(&server.key, &stranger).await, 1..=1).await;
        assert!(refused.is_err());
        // It is counted before it is told.
        let metrics = server.lab.namespace(Node::Hub).run(|| {
            let mut stream = TcpStream::connect(listen).expect("it listens");
            let request = b"GET /metrics HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n";
            stream.write_all(request).expect("it takes a request");
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("an answer");
            text
        });
        for line in [
            "connections{state=\"idle\"} 1",
            "connections{state=\"open\"} 1",
            "refusals_total{cause=\"unknown_user\"} 1",
            "refusals_total{cause=\"open_not_allowed\"} 1",
            "user_connections{user=\"alice\",kind=\"hub\"} 1",
            "user_connections_opened_total{user=\"alice\",kind=\"hub\"} 2",
        ] {
            assert!(metrics.contains(line), "{line}: {metrics}");
        }
        let down = "bytes_total{user=\"alice\",kind=\"hub\",direction=\"down\"} 100";
        assert!(metrics.contains(down), "{metrics}");
        assert!(!metrics.contains("mallory"), "{metrics}");
    });
}

//! Captive portals: a router that answers web pages itself, and lets nothing else through.

use std::io::{Read, Write};

use lab::rig::{Rig, RigSpec, uplinks_in_use};
use lab::topology::{Node, Uplink, addresses};
use serde_json::Value;

use crate::names::World;
use crate::support::{Nginx, Server, assert_downloads, eventually, output, run, spec};

const LOGIN: &str = "http://login.test/?from=lab";

/// Stands in the way of an uplink until it is taken away.
struct Portal {
    router: Node,
    _page: Server,
}

impl Portal {
    fn up(rig: &Rig, uplink: Uplink) -> Self {
        let router = Node::Access(uplink);
        let page = Server::start(rig.lab(), router, 8888, |mut stream| {
            // What is asked for does not matter.
            if stream.read(&mut [0; 1024]).is_ok() {
                let answer = format!(
                    "HTTP/1.1 302 Found\r\nLocation: {LOGIN}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        let rules = "add table inet portal
            add chain inet portal pages { type nat hook prerouting priority -100; }
            add rule inet portal pages iifname lan meta nfproto ipv4 tcp dport { 80, 8080 } redirect to :8888
            add chain inet portal rest { type filter hook forward priority 0; }
            add rule inet portal rest iifname lan drop";
        output(rig, router, "nft", &[rules]);
        Self {
            router,
            _page: page,
        }
    }

    fn log_in(&self, rig: &Rig) {
        output(rig, self.router, "nft", &["delete table inet portal"]);
    }
}

fn uplink(status: &Value, uplink: Uplink) -> &Value {
    &status["uplinks"][uplink.position()]
}

fn is_in(rig: &Rig, of: Uplink, state: &str) -> bool {
    let status = rig.edge_status().unwrap();
    uplink(&status, of)["state"] == state
}

fn checking(check: &str) -> RigSpec {
    let mut spec = spec();
    spec.edge_settings = format!("[portal]\ncheck = \"{check}\"\n");
    spec
}

#[test]
fn an_uplink_with_a_portal_is_not_used_until_somebody_has_logged_in() {
    let rig = Rig::up(checking("http://203.0.113.18:8080/whoami")).unwrap();
    rig.wait_for_edge("use both uplinks", |status| uplinks_in_use(status) == 2)
        .unwrap();
    let _nginx = Nginx::start(rig.lab());
    let portal = Portal::up(&rig, Uplink::SECOND);
    eventually("the portal is noticed", || {
        assert_downloads(&rig);
        is_in(&rig, Uplink::SECOND, "portal").then_some(())
    });
    let status = rig.edge_status().unwrap();
    let second = uplink(&status, Uplink::SECOND);
    assert_eq!(second["use"], "unused");
    let reason = second["reason"].as_str().unwrap();
    assert!(reason.contains(LOGIN), "{reason}");
    assert_downloads(&rig);

    // Its own network is there all the same, for whoever wants to log in.
    let router = addresses::access(Uplink::SECOND, false).ipv4();
    run(
        rig.lab(),
        Node::Windows,
        "ping",
        &["-c1", "-W2", &router.to_string()],
    )
    .ok();
    let page = format!("http://{router}:8888/");
    let page = output(
        &rig,
        Node::Windows,
        "curl",
        &["-sSi", "--max-time", "5", &page],
    );
    assert!(page.contains(LOGIN), "{page}");

    portal.log_in(&rig);
    eventually("it is used again", || {
        assert_downloads(&rig);
        is_in(&rig, Uplink::SECOND, "up").then_some(())
    });
}

/// The only uplink: the host must not be sent here, so that Windows can show the portal's page itself.
#[test]
fn with_nothing_but_a_portal_the_edge_is_offline() {
    let mut spec = checking("http://check.test:8080/whoami");
    spec.lab.uplinks.truncate(1);
    let world = World::with("", spec);
    let rig = &world.rig;
    assert_downloads(rig);
    // A Wi-Fi with a portal is joined.
    rig.lab().link(Uplink::FIRST).carrier(false).unwrap();
    let portal = Portal::up(rig, Uplink::FIRST);
    rig.wait_for_edge("miss the uplink", |status| uplinks_in_use(status) == 0)
        .unwrap();
    rig.lab().link(Uplink::FIRST).carrier(true).unwrap();
    eventually("the portal is noticed", || {
        is_in(rig, Uplink::FIRST, "portal").then_some(())
    });
    assert_eq!(uplinks_in_use(&rig.edge_status().unwrap()), 0);
    let _nginx = Nginx::start(rig.lab());
    portal.log_in(rig);
    eventually("it is used again", || {
        is_in(rig, Uplink::FIRST, "up").then_some(())
    });
    assert_downloads(rig);
}

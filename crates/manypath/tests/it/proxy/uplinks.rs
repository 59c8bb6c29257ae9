//! Requests while no uplink is up.

use std::time::{Duration, Instant};

use lab::rig::Rig;
use lab::topology::{Node, Uplink};

use crate::support::{output, proxy_spec, socks5};

fn pull(rig: &Rig, plugged: bool) {
    for uplink in [Uplink::FIRST, Uplink::SECOND] {
        rig.lab().link(uplink).carrier(plugged).unwrap();
    }
}

fn pull_and_wait(rig: &Rig) {
    pull(rig, false);
    rig.wait_for_edge("notice that all links are gone", |status| {
        let uplinks = status["uplinks"].as_array().unwrap();
        uplinks.iter().all(|uplink| uplink["link"] == "no-carrier")
    })
    .unwrap();
}

#[test]
fn a_request_waits_for_an_uplink() {
    let rig = Rig::up(proxy_spec()).unwrap();
    pull_and_wait(&rig);
    let code = std::thread::scope(|scope| {
        let asking = scope.spawn(|| socks5(&rig, "203.0.113.18", 80).unwrap());
        // Long enough that it is known to wait and not just to be slow.
        std::thread::sleep(Duration::from_millis(300));
        assert!(!asking.is_finished());
        pull(&rig, true);
        asking.join().unwrap()
    });
    assert_eq!(code, 0);
}

#[test]
fn a_request_that_waited_in_vain_has_its_code() {
    let mut spec = proxy_spec();
    spec.edge_settings = "[out]\nwait_for_uplink = \"300ms\"".into();
    let rig = Rig::up(spec).unwrap();
    pull_and_wait(&rig);
    let began = Instant::now();
    // Network unreachable (RFC 1928 section 6).
    assert_eq!(socks5(&rig, "203.0.113.18", 80).unwrap(), 3);
    assert!(began.elapsed() >= Duration::from_millis(300));
    let arguments = [
        "-so",
        "/dev/null",
        "-x",
        "http://172.22.0.1:1080",
        "-w",
        "%{http_code}",
        "http://203.0.113.18/",
    ];
    assert_eq!(output(&rig, Node::Windows, "curl", &arguments), "503");
    pull(&rig, true);
    rig.wait_for_edge("take the links back", |status| {
        lab::rig::uplinks_in_use(status) == 2
    })
    .unwrap();
    assert_eq!(socks5(&rig, "203.0.113.18", 80).unwrap(), 0);
}

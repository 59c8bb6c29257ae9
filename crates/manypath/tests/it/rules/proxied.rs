//! Programs that use the proxy give the name, and are told why there is no connection.

use lab::rig::{Rig, uplinks_in_use};
use lab::topology::{Uplink, addresses};

use super::{counts, curl, rule, with_rules};
use crate::support::{Names, Nginx, seen_as, socks5};

/// RFC 1928 section 6.
const NOT_ALLOWED: u8 = 2;
const NETWORK: u8 = 3;

#[test]
fn by_name_with_the_right_errors() {
    let names = Names::new(
        "edge",
        "203.0.113.18 second.test\n203.0.113.18 direct.test\n",
    );
    let rules = [
        rule("blocked.test", "block"),
        rule("second.test", "uplink eth2"),
        rule("direct.test", "direct"),
        rule("nowhere.test", "uplink eth9"),
    ];
    let mut spec = with_rules(&rules.concat());
    spec.program = names.program();
    let rig = Rig::up(spec).unwrap();
    rig.wait_for_edge("use both uplinks", |status| uplinks_in_use(status) == 2)
        .unwrap();
    let _nginx = Nginx::start(rig.lab());
    let whoami = |name: &str, proxy: &[&str]| {
        let url = format!("http://{name}:8080/whoami");
        curl(&rig, &[proxy, &[&url]].concat())
    };
    let socks = ["--socks5-hostname", "172.22.0.1:1080"];
    let plain = ["--proxy", "http://172.22.0.1:1080"];
    let tunnel = ["--proxytunnel", "--proxy", "http://172.22.0.1:1080"];
    for proxy in [&socks[..], &plain, &tunnel] {
        assert_eq!(whoami("second.test", proxy).ok(), seen_as(Uplink::SECOND));
        assert_eq!(whoami("direct.test", proxy).ok(), seen_as(Uplink::FIRST));
        let by_hub = whoami("203.0.113.18", proxy).ok();
        assert_eq!(by_hub, addresses::HUB.ipv4().to_string());
    }
    for (name, socks, http) in [
        ("blocked.test", NOT_ALLOWED, "403"),
        ("nowhere.test", NETWORK, "503"),
    ] {
        assert_eq!(socks5(&rig, name, 8080).unwrap(), socks, "{name}");
        for proxy in [&plain[..], &tunnel] {
            let refused = whoami(name, proxy);
            assert!(refused.err.contains(http), "{name}: {refused:?}");
        }
    }
    assert_eq!(counts(&rig), [3, 3, 3, 3]);
    let status = rig.edge_status().unwrap();
    assert!(status["problems"].to_string().contains("eth9"), "{status}");

    // An uplink that is down is not another one.
    rig.lab().link(Uplink::SECOND).carrier(false).unwrap();
    rig.wait_for_edge("miss the second uplink", |status| {
        uplinks_in_use(status) == 1
    })
    .unwrap();
    assert_eq!(socks5(&rig, "second.test", 8080).unwrap(), NETWORK);
    let refused = curl(
        &rig,
        &[
            "--proxy",
            "http://172.22.0.1:1080",
            "--no-fail",
            "http://second.test:8080/whoami",
        ],
    );
    assert!(refused.text().contains("no carrier"), "{refused:?}");
}

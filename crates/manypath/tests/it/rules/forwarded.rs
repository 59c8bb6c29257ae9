//! What is not TCP: rules for networks and ports.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use lab::rig::{Rig, uplinks_in_use};
use lab::topology::{Node, Uplink, addresses};

use super::{replace_rules, with_rules};
use crate::support::{eventually, run, seen_as, udp_seen_as};

const RULES: &str = "
[[rule]]
protocol = \"udp\"
ports = [4000]
action = \"block\"
[[rule]]
to = [\"203.0.113.0/24\"]
ports = [5000]
action = \"uplink eth2\"
[[rule]]
to = [\"203.0.113.17\"]
action = \"block\"
[[rule]]
to = [\"names.count.not.here.test\"]
action = \"block\"
";

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 18], port))
}

fn is_refused(rig: &Rig, to: SocketAddr) -> bool {
    let windows = rig.lab().namespace(Node::Windows);
    let socket = windows.run(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    socket.connect(to).unwrap();
    socket.send(b"who am I?").unwrap();
    let error = socket.recv(&mut [0; 64]).unwrap_err();
    // EHOSTUNREACH is what the kernel makes of "administratively prohibited" (icmp_err_convert).
    error.kind() == ErrorKind::HostUnreachable
}

#[test]
fn udp_and_icmp_are_refused_or_go_by_one_uplink() {
    let rig = Rig::up(with_rules(RULES)).unwrap();
    rig.wait_for_edge("use both uplinks", |status| uplinks_in_use(status) == 2)
        .unwrap();
    assert!(is_refused(&rig, at(4000)));
    assert_eq!(
        udp_seen_as(rig.lab(), at(4001)),
        Some(seen_as(Uplink::FIRST))
    );
    assert_eq!(
        udp_seen_as(rig.lab(), at(5000)),
        Some(seen_as(Uplink::SECOND))
    );
    let ping = |to| run(rig.lab(), Node::Windows, "ping", &["-c1", "-W2", to]);
    ping("203.0.113.18").ok();
    let refused = ping("203.0.113.17");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.text().contains("filtered"), "{refused:?}");

    // Its own uplink is down: by the other it must not go.
    rig.lab().link(Uplink::SECOND).carrier(false).unwrap();
    rig.wait_for_edge("miss the second uplink", |status| {
        uplinks_in_use(status) == 1
    })
    .unwrap();
    assert_eq!(udp_seen_as(rig.lab(), at(5000)), None);
    assert_eq!(
        udp_seen_as(rig.lab(), at(4001)),
        Some(seen_as(Uplink::FIRST))
    );

    replace_rules(&rig, "");
    eventually("the rules are gone", || udp_seen_as(rig.lab(), at(4000)));
}

#[test]
fn rules_for_udp_count_before_the_hub_has_it() {
    let rig = Rig::up(with_rules(&format!("[out]\nudp = \"hub\"\n{RULES}"))).unwrap();
    rig.wait_for_edge("use both uplinks", |status| uplinks_in_use(status) == 2)
        .unwrap();
    let by_hub = addresses::HUB.ipv4().to_string();
    eventually("UDP goes through the hub", || {
        (udp_seen_as(rig.lab(), at(4001))? == by_hub).then_some(())
    });
    assert!(is_refused(&rig, at(4000)));
    assert_eq!(
        udp_seen_as(rig.lab(), at(5000)),
        Some(seen_as(Uplink::SECOND))
    );
}

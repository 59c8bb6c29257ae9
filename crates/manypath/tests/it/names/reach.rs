//! Who is answered, and who not.

use std::net::UdpSocket;
use std::time::Duration;

use lab::topology::{Node, Uplink, addresses};

use super::servers::World;
use super::{address, dig_at};
use crate::support::{shell, uplink_address};

#[test]
fn nobody_on_an_uplink_and_the_guest_itself() {
    let world = World::up("");
    let rig = &world.rig;
    let edge = addresses::GUEST.ipv4().to_string();
    let uplink = uplink_address(rig, Uplink::FIRST).unwrap();
    // A neighbour there can send to the host's side of the guest, too.
    let router = Node::Access(Uplink::FIRST);
    shell(
        rig.lab(),
        router,
        &format!("ip route add {edge} via {uplink}"),
    )
    .ok();
    for server in [&uplink, &edge] {
        for way in ["+notcp", "+tcp"] {
            let ran = dig_at(
                rig,
                router,
                server,
                &format!("+tries=1 +time=1 {way} in.test"),
            );
            assert_ne!(ran.code, 0, "{server} {way}: {}", ran.text());
        }
    }
    assert_eq!(
        dig_at(rig, Node::Guest, &edge, "+short in.test")
            .ok()
            .trim(),
        "203.0.113.18"
    );
    assert_eq!(world.asked("in.test").len(), 1);
}

#[test]
fn off_is_off_and_it_comes_and_goes_with_the_settings() {
    let world = World::up("");
    let rig = &world.rig;
    assert_eq!(address(rig, "on.test"), "203.0.113.18");
    let file = rig.folder().join("edge.toml");
    let on = std::fs::read_to_string(&file).unwrap();
    let listens = |wanted: bool| {
        let edge = rig.edge().unwrap().id();
        shell(rig.lab(), Node::Guest, &format!("kill -HUP {edge}")).ok();
        rig.wait_for_edge("listen for DNS or not", |status| {
            status["dns"]["listen"]
                .as_array()
                .is_some_and(|it| it.is_empty() != wanted)
        })
        .unwrap();
    };
    std::fs::write(&file, format!("{on}\n[dns]\nmode = \"off\"\n")).unwrap();
    listens(false);
    let refused = dig_at(
        rig,
        Node::Windows,
        "172.22.0.1",
        "+tries=1 +time=1 off.test",
    );
    assert_ne!(refused.code, 0, "{}", refused.text());
    std::fs::write(&file, on).unwrap();
    listens(true);
    assert_eq!(address(rig, "on-again.test"), "203.0.113.18");
}

#[test]
fn a_port_that_is_taken_stops_nothing_else() {
    let world = World::up("");
    let mut rig = world.rig;
    rig.stop_edge().unwrap();
    let taken = rig
        .lab()
        .namespace(Node::Guest)
        .run(|| UdpSocket::bind("172.22.0.1:53"))
        .unwrap();
    rig.start_edge().unwrap();
    rig.wait_for_edge("say that the port is taken", |status| {
        status["dns"]["trouble"]
            .to_string()
            .contains("172.22.0.1:53")
    })
    .unwrap();
    let by_v6 = dig_at(&rig, Node::Windows, "fd22::1", "+short six.test");
    assert_eq!(by_v6.ok().trim(), "203.0.113.18");
    drop(taken);
    rig.wait_for_edge("take it when it is free", |status| {
        status["dns"]["trouble"] == serde_json::json!([])
    })
    .unwrap();
}

#[test]
fn what_the_host_asks_others_if_the_settings_say_so() {
    for (settings, answered) in [("", false), ("[dns]\ncapture = true\n", true)] {
        let world = World::up(settings);
        // Nobody is there.
        for server in ["198.51.100.99", "2001:db8:ffff::99"] {
            let ran = dig_at(
                &world.rig,
                Node::Windows,
                server,
                "+short +tries=1 +time=2 to.test",
            );
            assert_eq!(ran.code == 0, answered, "{server}: {}", ran.text());
        }
    }
}

#[test]
fn one_clients_flood_leaves_room_for_others() {
    let world = World::up("");
    let rig = &world.rig;
    shell(
        rig.lab(),
        Node::Windows,
        "ip addr add 172.22.0.3/24 dev eth0",
    )
    .ok();
    let flooder = rig
        .lab()
        .namespace(Node::Windows)
        .run(|| UdpSocket::bind("172.22.0.2:0"))
        .unwrap();
    flooder.connect("172.22.0.1:53").unwrap();
    for number in 0..2000_u16 {
        flooder
            .send(&crate::support::question(number, "never.example"))
            .unwrap();
        let ran = number % 500 == 499;
        if ran {
            let other = dig_at(
                rig,
                Node::Windows,
                "172.22.0.1",
                &format!("-b 172.22.0.3 +short n{number}.test"),
            );
            assert_eq!(other.ok().trim(), "203.0.113.18");
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    assert!(
        world.count("over_limit") > 1000,
        "{}",
        world.count("over_limit")
    );
}

//! Whom the edge asks.

use lab::topology::{Node, Uplink};

use super::servers::{DOMAIN, World, by_access};
use super::{address, dig, dig_at};
use crate::support::eventually;

const HUB: &str = "203.0.113.2";
const ORIGIN: &str = "203.0.113.18";

#[test]
fn the_hub_by_every_way_a_client_may_ask() {
    let world = World::up("");
    let rig = &world.rig;
    assert_eq!(address(rig, "udp.test"), ORIGIN);
    assert_eq!(dig(rig, "+short +tcp tcp.test").trim(), ORIGIN);
    assert_eq!(dig(rig, "+short +noedns plain.test").trim(), ORIGIN);
    assert_eq!(dig(rig, "+short udp.test AAAA").trim(), "2001:db8:b::2");
    let by_v6 = dig_at(rig, Node::Windows, "fd22::1", "+short six.test");
    assert_eq!(by_v6.ok().trim(), ORIGIN);
    let by_both = dig_at(rig, Node::Windows, "fd22::1", "+short +tcp six-tcp.test");
    assert_eq!(by_both.ok().trim(), ORIGIN);
    for name in [
        "udp.test",
        "tcp.test",
        "plain.test",
        "six.test",
        "six-tcp.test",
    ] {
        assert!(
            world.asked(name).iter().all(|it| it == HUB),
            "{name}: {:?}",
            world.asked(name)
        );
    }
    // A second time it is known.
    let asked = world.asked("tcp.test").len();
    assert_eq!((asked, address(rig, "TCP.test").as_str()), (1, ORIGIN));
    assert_eq!(world.asked("tcp.test").len(), asked);
    assert_eq!(world.count("from_cache"), 1);
    assert_eq!((world.count("fallbacks"), world.count("failed")), (0, 0));
    // Longer than any datagram: told so, and whole by TCP.
    let cut = dig(rig, "+ignore long.test TXT");
    assert!(cut.contains(" tc ") && cut.contains("ANSWER: 0"), "{cut}");
    let whole = dig(rig, "+short long.test TXT");
    assert!(whole.len() > 4000, "{}", whole.len());
    // What is no question is said so, and hurts nobody.
    assert!(dig(rig, "+opcode=notify udp.test").contains("NOTIMP"));
    assert!(dig(rig, "+edns=1 +noednsnegotiation udp.test").contains("BADVERS"));
}

#[test]
fn an_uplinks_own_router_for_its_own_names_and_nobody_for_mdns() {
    let world = World::up("");
    let rig = &world.rig;
    assert_eq!(address(rig, &format!("nas.{DOMAIN}")), "192.168.1.1");
    assert!(dig(rig, &format!("none.{DOMAIN}")).contains("NXDOMAIN"));
    assert!(dig(rig, "printer.local").contains("NXDOMAIN"));
    assert!(dig(rig, "-x 10.9.8.7").contains("NXDOMAIN"));
    for name in [
        &format!("nas.{DOMAIN}"),
        "printer.local",
        "7.8.9.10.in-addr.arpa",
    ] {
        assert_eq!(world.asked(name), [""; 0], "{name}");
    }
}

#[test]
fn the_uplinks_own_servers_while_there_is_no_hub() {
    let mut world = World::up("");
    world.rig.stop_hub().unwrap();
    assert_eq!(address(&world.rig, "without.test"), ORIGIN);
    let by = world.asked("without.test");
    assert!(!by.is_empty() && by.iter().all(|it| it != HUB), "{by:?}");
    assert!(world.count("fallbacks") > 0);
    world.rig.start_hub().unwrap();
    let mut number = 0;
    eventually("the hub is asked again", || {
        number += 1;
        let name = format!("again{number}.test");
        assert_eq!(address(&world.rig, &name), ORIGIN);
        (world.asked(&name) == [HUB]).then_some(())
    });
}

#[test]
fn each_server_over_its_own_uplink() {
    let world = World::up("[dns]\nmode = \"direct\"\n");
    let rig = &world.rig;
    assert_eq!(address(rig, "one.test"), ORIGIN);
    assert_eq!(world.asked("one.test"), [by_access(Uplink::FIRST)]);
    rig.lab().link(Uplink::FIRST).silence(true);
    assert_eq!(address(rig, "two.test"), ORIGIN);
    assert_eq!(world.asked("two.test"), [by_access(Uplink::SECOND)]);
    rig.lab().link(Uplink::FIRST).silence(false);
}

#[test]
fn servers_that_the_settings_name() {
    // Through the hub: the origin's server sees the hub's address, and the hub's own server is not asked.
    let world = World::up("[dns]\nservers = [\"203.0.113.18\"]\n");
    assert_eq!(address(&world.rig, "named.test"), ORIGIN);
    assert_eq!(world.asked("named.test"), [HUB]);
    let world = World::up("[dns]\nservers = [\"203.0.113.18\"]\nmode = \"direct\"\n");
    assert_eq!(address(&world.rig, "named.test"), ORIGIN);
    assert_eq!(world.asked("named.test"), [by_access(Uplink::FIRST)]);
}

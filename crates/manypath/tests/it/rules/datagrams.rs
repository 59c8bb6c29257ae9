//! UDP that programs have the proxy send (SOCKS5 UDP ASSOCIATE).

use lab::rig::{Rig, uplinks_in_use};
use lab::topology::{Node, Uplink, addresses};

use super::{rule, with_rules};
use crate::support::{Names, eventually, run, seen_as};
use crate::udp::echo::{Echo, PORT};

const OTHER_PORT: u16 = PORT + 1;

/// Sends to all of these from one port, by a client that others have written (PySocks); whom each takes it for.
fn seen(rig: &Rig, to: &[(&str, u16)]) -> Vec<String> {
    let script = format!(
        "import socks\n\
         s = socks.socksocket(socks.socket.AF_INET, socks.socket.SOCK_DGRAM)\n\
         s.set_proxy(socks.SOCKS5, '172.22.0.1', 1080)\n\
         s.settimeout(1)\n\
         for to in {to:?}:\n\
         \x20   s.sendto(b'hello', to)\n\
         \x20   try: print(s.recvfrom(2000)[0].decode().split()[0])\n\
         \x20   except OSError: print('nobody')\n"
    )
    .replace("\"", "'");
    let python = run(
        rig.lab(),
        Node::Windows,
        "/usr/bin/python3",
        &["-c", &script],
    );
    python.ok().lines().map(str::to_owned).collect()
}

#[test]
fn each_datagram_of_one_port_goes_by_its_own_rule() {
    let names = Names::new(
        "edge",
        "203.0.113.18 second.test\n203.0.113.18 direct.test\n203.0.113.18 blocked.test\n",
    );
    let rules = [
        "[out]\nudp = \"hub\"\n".to_owned(),
        rule("second.test", "uplink eth2"),
        rule("direct.test", "direct"),
        rule("blocked.test", "block"),
        format!(
            "[[rule]]\nto = [\"203.0.113.0/24\"]\nports = [{OTHER_PORT}]\naction = \"uplink eth2\"\n"
        ),
        "[[rule]]\nprotocol = \"tcp\"\naction = \"block\"\n".to_owned(),
    ];
    let mut spec = with_rules(&rules.concat());
    spec.program = names.program();
    let rig = Rig::up(spec).unwrap();
    rig.wait_for_edge("use both uplinks", |status| uplinks_in_use(status) == 2)
        .unwrap();
    let _echoes = [PORT, OTHER_PORT].map(|port| Echo::start_at(rig.lab(), port));
    let hub = addresses::HUB.ipv4().to_string();
    eventually("UDP goes through the hub", || {
        (seen(&rig, &[("203.0.113.18", PORT)]) == [hub.clone()]).then_some(())
    });
    let to = [
        ("second.test", PORT),
        ("203.0.113.18", PORT),
        ("blocked.test", PORT),
        ("direct.test", PORT),
        ("203.0.113.18", OTHER_PORT),
    ];
    let (first, second) = (seen_as(Uplink::FIRST), seen_as(Uplink::SECOND));
    let expected = [&*second, &*hub, "nobody", &*first, &*second];
    assert_eq!(seen(&rig, &to), expected);
}

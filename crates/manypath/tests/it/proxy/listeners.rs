//! Who can reach the edge's listeners.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use lab::rig::Rig;
use lab::topology::{Node, Uplink};

use crate::support::{eventually, output, shell, spec, uplink_address};

/// Nobody who would answer needs so long.
const SILENCE: Duration = Duration::from_millis(500);

fn knock(rig: &Rig, node: Node, host: IpAddr, port: u16) -> Result<(), ErrorKind> {
    let address = SocketAddr::new(host, port);
    let open = || TcpStream::connect_timeout(&address, SILENCE);
    let opened = rig.lab().namespace(node).run(open);
    opened.map(drop).map_err(|error| error.kind())
}

/// The port that intercepted connections are redirected to.
fn intercept_port(rig: &Rig) -> u16 {
    let rules = output(rig, Node::Guest, "nft", &["list", "ruleset"]);
    let (_, after) = rules.split_once("redirect to :").unwrap();
    let digits = after.split(|it: char| !it.is_ascii_digit()).next().unwrap();
    digits.parse().unwrap()
}

#[test]
fn uplinks_see_no_listener_and_the_host_does() {
    let rig = Rig::up(spec()).unwrap();
    let access = Node::Access(Uplink::FIRST);
    let own = uplink_address(&rig, Uplink::FIRST).unwrap();
    let own6 = eventually("a global IPv6 address", || {
        let status = rig.edge_status().ok()?;
        let all = status["uplinks"][0]["addresses"].as_array()?.clone();
        let texts = all.iter().filter_map(|it| it["address"].as_str());
        let v6 = texts
            .filter_map(|it| it.split('/').next())
            .find(|it| it.contains(':'))?;
        Some(v6.to_owned())
    });
    // The guest's address on the host's side, by a route that an attacker in the network would set.
    let script =
        format!("ip route add 172.22.0.0/24 via {own}; ip -6 route add fd22::/64 via {own6}");
    shell(rig.lab(), access, &script).ok();
    let ports = [1080, intercept_port(&rig)];
    for host in [own.as_str(), own6.as_str(), "172.22.0.1", "fd22::1"] {
        let host = host.parse().unwrap();
        // It can be reached: a port that nobody listens on is refused.
        assert_eq!(
            knock(&rig, access, host, 1),
            Err(ErrorKind::ConnectionRefused),
            "{host}"
        );
        for port in ports {
            assert_eq!(
                knock(&rig, access, host, port),
                Err(ErrorKind::TimedOut),
                "{host}:{port}"
            );
        }
    }
    for host in ["172.22.0.1", "fd22::1"] {
        assert_eq!(
            knock(&rig, Node::Windows, host.parse().unwrap(), 1080),
            Ok(()),
            "{host}"
        );
    }
    for host in ["127.0.0.1", "::1"] {
        assert_eq!(
            knock(&rig, Node::Guest, host.parse().unwrap(), 1080),
            Ok(()),
            "{host}"
        );
    }
}

#[test]
fn without_a_host_only_this_machine_reaches_the_proxy() {
    let mut spec = spec();
    spec.edge_settings = "[host]\ninterface = \"nothere\"".into();
    let rig = Rig::up(spec).unwrap();
    let own = uplink_address(&rig, Uplink::FIRST)
        .unwrap()
        .parse()
        .unwrap();
    let access = Node::Access(Uplink::FIRST);
    assert_eq!(knock(&rig, access, own, 1080), Err(ErrorKind::TimedOut));
    let guest = "172.22.0.1".parse().unwrap();
    assert_eq!(
        knock(&rig, Node::Windows, guest, 1080),
        Err(ErrorKind::TimedOut)
    );
    assert_eq!(
        knock(&rig, Node::Guest, "127.0.0.1".parse().unwrap(), 1080),
        Ok(())
    );
}

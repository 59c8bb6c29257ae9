use winnet::RouteProtocol;

use super::*;

const WSL: Luid = Luid(10);
const VPN: Luid = Luid(20);

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn route(interface: Luid, destination: &str, gateway: &str) -> Route {
    Route {
        interface,
        destination: net(destination),
        gateway: Some(gateway.parse().unwrap()),
        metric: 0,
        protocol: RouteProtocol::NetMgmt,
    }
}

/// WSL's network is there, a VPN has half-defaults of its own, and the edge is not ready.
fn idle() -> Observed {
    Observed {
        links: vec![Link {
            luid: WSL,
            networks: vec![net("172.20.0.1/20")],
        }],
        routes: vec![
            route(VPN, "0.0.0.0/0", "192.168.1.1"),
            route(VPN, "0.0.0.0/1", "10.8.0.1"),
            route(VPN, "128.0.0.0/1", "10.8.0.1"),
            route(WSL, "172.20.0.0/20", "0.0.0.0"),
        ],
        gateways: Vec::new(),
    }
}

fn ready() -> Observed {
    Observed {
        gateways: vec!["172.20.5.6".parse().unwrap()],
        ..idle()
    }
}

/// The world after the steps.
fn after(observed: &Observed) -> Observed {
    let mut after = observed.clone();
    for step in plan(observed) {
        match step {
            Step::Delete(route) => after.routes.retain(|it| *it != route),
            Step::Add(new) => after.routes.push(Route {
                interface: new.interface,
                destination: new.destination,
                gateway: Some(new.gateway),
                metric: new.metric,
                protocol: RouteProtocol::NetMgmt,
            }),
        }
    }
    after
}

#[test]
fn nothing_is_routed_to_an_edge_that_is_not_ready() {
    assert_eq!(plan(&idle()), []);
}

#[test]
fn both_halves_go_to_a_ready_edge_and_the_next_plan_is_empty() {
    let words: Vec<String> = plan(&ready()).iter().map(Step::to_string).collect();
    let expected = [
        "route 0.0.0.0/1 to the edge at 172.20.5.6",
        "route 128.0.0.0/1 to the edge at 172.20.5.6",
    ];
    assert_eq!(words, expected);
    assert_eq!(plan(&after(&ready())), []);
}

#[test]
fn what_a_dead_service_left_behind_goes_and_what_others_made_stays() {
    let left = Observed {
        gateways: Vec::new(),
        ..after(&ready())
    };
    assert_eq!(plan(&left).len(), 2);
    assert_eq!(after(&left), idle());
}

#[test]
fn an_edge_with_another_address_gets_other_routes() {
    let moved = Observed {
        gateways: vec!["172.20.9.9".parse().unwrap()],
        ..after(&ready())
    };
    let steps = plan(&moved);
    assert!(matches!(
        steps[..],
        [Step::Delete(_), Step::Delete(_), Step::Add(_), Step::Add(_)]
    ));
    assert_eq!(plan(&after(&moved)), []);
}

#[test]
fn a_gateway_that_is_on_no_network_of_wsl_is_not_used() {
    let stray = Observed {
        gateways: vec!["192.168.1.77".parse().unwrap()],
        ..idle()
    };
    assert_eq!(plan(&stray), []);
}

#[test]
fn ipv6_is_routed_where_both_ends_have_an_address() {
    let mut both = ready();
    both.gateways.push("fd00::2".parse().unwrap());
    assert_eq!(plan(&both).len(), 2, "the host has none yet");
    both.links[0].networks.push(net("fd00::1/64"));
    let routed = after(&both);
    let is_v6 = |route: &&Route| route.destination.addr().is_ipv6();
    let halves: Vec<IpNet> = routed
        .routes
        .iter()
        .filter(is_v6)
        .map(|it| it.destination)
        .collect();
    assert_eq!(halves, [net("::/1"), net("8000::/1")]);
}

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
        edge_runs: false,
    }
}

fn ready() -> Observed {
    Observed {
        gateways: vec!["172.20.5.6".parse().unwrap()],
        edge_runs: true,
        ..idle()
    }
}

impl Observed {
    fn link(&mut self, luid: Luid) -> &mut Vec<IpNet> {
        let mut links = self.links.iter_mut();
        &mut links.find(|it| it.luid == luid).unwrap().networks
    }
}

/// The world after the steps.
fn after(observed: &Observed) -> Observed {
    let mut after = observed.clone();
    for step in plan(observed) {
        match step {
            Step::Delete(route) => after.routes.retain(|it| *it != route),
            Step::AddAddress(new) => after.link(new.interface).push(new.net),
            Step::DeleteAddress(luid, net) => after.link(luid).retain(|it| *it != net),
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
        edge_runs: false,
        ..settled(&ready_with_v6())
    };
    assert_eq!(plan(&left).len(), 5, "four routes and an address");
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

/// Its uplinks have IPv6.
fn ready_with_v6() -> Observed {
    let mut both = ready();
    let edge = LinkNetwork::WINDOWS.edge([2, 0, 0, 0, 0, 2]);
    both.gateways.push(edge.addr().into());
    both
}

/// After as many rounds as it takes.
fn settled(observed: &Observed) -> Observed {
    let after = after(&after(observed));
    assert_eq!(plan(&after), []);
    after
}

fn v6_halves(observed: &Observed) -> Vec<IpNet> {
    let routes = observed.routes.iter().map(|it| it.destination);
    routes.filter(|it| it.addr().is_ipv6()).collect()
}

#[test]
fn ipv6_is_routed_when_windows_shows_its_address() {
    let first = after(&ready_with_v6());
    assert_eq!(first.links[0].networks.len(), 2);
    assert_eq!(v6_halves(&first), []);
    let second = after(&first);
    assert_eq!(v6_halves(&second), [net("::/1"), net("8000::/1")]);
    assert_eq!(plan(&second), []);
}

#[test]
fn open_connections_keep_their_address_while_the_edge_runs() {
    let not_ready = Observed {
        gateways: Vec::new(),
        ..settled(&ready_with_v6())
    };
    let waiting = settled(&not_ready);
    assert_eq!(v6_halves(&waiting), []);
    assert_eq!(waiting.links[0].networks.len(), 2);
    let ended = Observed {
        edge_runs: false,
        ..waiting
    };
    assert_eq!(settled(&ended), idle());
}

#[test]
fn only_the_link_of_the_edges_vm_gets_an_address() {
    let mut two = ready_with_v6();
    two.links.push(Link {
        luid: Luid(11),
        networks: vec![net("172.30.0.1/20")],
    });
    let two = settled(&two);
    assert_eq!(
        (two.links[0].networks.len(), two.links[1].networks.len()),
        (2, 1)
    );
}

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use ipnet::IpNet;
use mptcp::{Endpoint, EndpointFlags, EndpointId};
use netcfg::dhcp::Lease;
use netcfg::{Family, InterfaceName, Link, MacAddress, RouteKind, TableId};

use super::*;

mod firewall;
mod host;
mod uplinks;

const HOST: u32 = 2;
const WIFI: u32 = 3;
const LTE: u32 = 12;

fn link(index: u32, name: &str) -> Link {
    Link {
        index: InterfaceIndex(index),
        name: InterfaceName::new(name).unwrap(),
        mac: Some(MacAddress([2, 0, 0, 0, 0, index as u8])),
        up: true,
        carrier: true,
        kind: None,
        mtu: 1500,
        loopback: false,
        vmbus: None,
        bytes: None,
    }
}

fn lease(address: &str, gateway: &str) -> Lease {
    Lease {
        address: address.parse().unwrap(),
        gateways: vec![gateway.parse().unwrap()],
        dns_servers: vec![],
        domain: None,
        mtu: None,
        server: Ipv4Addr::new(192, 168, 11, 1),
        duration: None,
        renew_after: None,
        rebind_after: None,
        obtained: Instant::now(),
    }
}

/// A host side, Wi-Fi and LTE, both by DHCP and with leases.
fn settings(more: &str) -> Settings {
    let text = format!(
        "[host]\ninterface = 'eth0'\n{more}\n\
         [[uplink]]\nname = 'wifi'\ninterface = 'eth1'\n\
         [[uplink]]\nname = 'lte'\ninterface = 'eth2'\n"
    );
    Settings::parse(&text, "edge.toml").unwrap_or_else(|errors| panic!("{errors}"))
}

fn observed() -> Observed {
    let mut observed = Observed {
        links: vec![link(HOST, "eth0"), link(WIFI, "eth1"), link(LTE, "eth2")],
        intercept_port: Some(40_000),
        limits: Some(Limits {
            subflows: 2,
            add_addr_accepted: 0,
        }),
        ..Observed::default()
    };
    observed.leases.insert(
        InterfaceIndex(WIFI),
        lease("192.168.11.5/24", "192.168.11.1"),
    );
    observed
        .leases
        .insert(InterfaceIndex(LTE), lease("10.64.0.9/32", "10.64.0.1"));
    observed
}

/// Does what the steps say to plain data, as the kernel would.
fn apply(steps: &[Step], observed: &mut Observed) {
    for step in steps {
        match step.clone() {
            Step::DeleteEndpoint { id, .. } => observed.endpoints.retain(|it| it.id != id),
            Step::AddEndpoint(spec) => {
                let id = (1..=8).find(|id| observed.endpoints.iter().all(|it| it.id.0 != *id));
                observed.endpoints.push(Endpoint {
                    id: EndpointId(id.expect("the kernel holds 8")),
                    address: spec.address,
                    port: spec.port,
                    interface: spec.interface,
                    flags: spec.flags,
                });
            }
            Step::SetEndpointFlags { id, flags, .. } => {
                let endpoint = observed.endpoints.iter_mut().find(|it| it.id == id);
                endpoint.expect("it was planned for").flags = flags;
            }
            Step::ReopenSubflows { .. } => {
                panic!("a plan is for what is to be, not for what was lost")
            }
            Step::SetSysctl { key, value } => drop(observed.sysctls.insert(key, value)),
            Step::SetUp { index, .. } => {
                let link = observed.links.iter_mut().find(|link| link.index == index);
                link.expect("it was planned for").up = true;
            }
            Step::DeleteAddress(it) => observed.addresses.retain(|address| *address != it),
            Step::AddAddress(it) => observed.addresses.push(it),
            Step::DeleteRoute(it) => observed.routes.retain(|route| *route != it),
            Step::AddRoute(it) => observed.routes.push(it),
            Step::DeleteRule(it) => observed.rules.retain(|rule| *rule != it),
            Step::AddRule(it) => observed.rules.push(it),
            Step::InstallFirewall(table) => observed.firewall = Some(table.digest()),
            Step::DeleteFirewall => observed.firewall = None,
            Step::SetLimits(limits) => observed.limits = Some(limits),
            Step::TellNetworkManager(text) => observed.network_manager = Some(text),
        }
    }
}

fn settled(settings: &Settings) -> Observed {
    let mut observed = observed();
    apply(&plan(settings, &observed), &mut observed);
    observed
}

fn endpoint_addresses(observed: &Observed) -> Vec<String> {
    observed
        .endpoints
        .iter()
        .map(|it| it.address.to_string())
        .collect()
}

fn defaults(observed: &Observed, table: TableId, family: Family) -> Vec<(Option<IpAddr>, u32)> {
    let is_default = |route: &&Route| {
        route.table == table
            && route.is_default()
            && route.family() == family
            && route.kind == RouteKind::Unicast
    };
    observed
        .routes
        .iter()
        .filter(is_default)
        .map(|it| (it.gateway, it.metric))
        .collect()
}

#[test]
fn one_round_settles_and_a_second_finds_nothing_to_do() {
    for more in ["", "intercept = 'tproxy'", "capture = 'proxy'"] {
        let settings = settings(more);
        let observed = settled(&settings);
        assert_eq!(plan(&settings, &observed), [], "{more}");
    }
}

#[test]
fn each_uplink_has_a_table_a_rule_and_an_endpoint() {
    let observed = settled(&settings(""));
    assert_eq!(endpoint_addresses(&observed), ["192.168.11.5", "10.64.0.9"]);
    for (index, address, gateway) in [
        (WIFI, "192.168.11.5", "192.168.11.1"),
        (LTE, "10.64.0.9", "10.64.0.1"),
    ] {
        let table = numbers::table_of(InterfaceIndex(index));
        let gateway: IpAddr = gateway.parse().unwrap();
        assert_eq!(defaults(&observed, table, Family::V4)[0].0, Some(gateway));
        let from = IpNet::from(address.parse::<IpAddr>().unwrap());
        assert!(
            observed
                .rules
                .iter()
                .any(|it| it.from == Some(from) && it.table == table)
        );
    }
    let all = defaults(&observed, numbers::UPLINKS, Family::V4);
    assert_eq!(
        all.iter().map(|(_, metric)| *metric).collect::<Vec<_>>(),
        [100, 101]
    );
}

#[test]
fn a_gateway_outside_of_its_network_is_on_link() {
    let observed = settled(&settings(""));
    let by = |gateway: &str| {
        let gateway = Some(gateway.parse().unwrap());
        observed
            .routes
            .iter()
            .find(|route| route.gateway == gateway)
            .unwrap()
            .onlink
    };
    assert!(by("10.64.0.1"));
    assert!(!by("192.168.11.1"));
}

#[test]
fn a_lost_carrier_takes_the_endpoint_away_first_and_its_return_brings_all_back() {
    let settings = settings("");
    let mut observed = settled(&settings);
    let before = observed.clone();
    observed.links[1].carrier = false;
    let steps = plan(&settings, &observed);
    assert!(matches!(steps[0], Step::DeleteEndpoint { .. }), "{steps:?}");
    apply(&steps, &mut observed);
    assert_eq!(endpoint_addresses(&observed), ["10.64.0.9"]);
    assert_eq!(defaults(&observed, numbers::UPLINKS, Family::V4).len(), 1);
    // A socket with the lost uplink's address must fail, not leave by the other.
    let wifi = numbers::table_of(InterfaceIndex(WIFI));
    assert_eq!(defaults(&observed, wifi, Family::V4), []);
    assert!(
        observed
            .routes
            .iter()
            .any(|it| it.table == wifi && it.kind == RouteKind::Unreachable)
    );
    assert!(observed.rules.iter().any(|it| it.table == wifi));

    observed.links[1].carrier = true;
    apply(&plan(&settings, &observed), &mut observed);
    assert_eq!(observed.endpoints.len(), before.endpoints.len());
    assert_eq!(plan(&settings, &observed), []);
}

#[test]
fn a_new_lease_replaces_address_rule_route_and_endpoint() {
    let settings = settings("");
    let mut observed = settled(&settings);
    observed.leases.insert(
        InterfaceIndex(WIFI),
        lease("192.168.50.7/24", "192.168.50.1"),
    );
    apply(&plan(&settings, &observed), &mut observed);
    let wifi: Vec<_> = observed
        .addresses
        .iter()
        .filter(|it| it.index.0 == WIFI)
        .map(|it| it.net.to_string())
        .collect();
    assert_eq!(wifi, ["192.168.50.7/24"]);
    assert!(
        !observed
            .rules
            .iter()
            .any(|rule| rule.from == Some("192.168.11.5/32".parse().unwrap()))
    );
    assert!(endpoint_addresses(&observed).contains(&"192.168.50.7".to_owned()));
    assert!(!endpoint_addresses(&observed).contains(&"192.168.11.5".to_owned()));
}

#[test]
fn endpoints_of_others_on_uplinks_go_and_elsewhere_they_stay() {
    let settings = settings("");
    let mut observed = settled(&settings);
    let endpoint = |id, address: &str, interface| Endpoint {
        id: EndpointId(id),
        address: address.parse().unwrap(),
        port: None,
        interface,
        flags: EndpointFlags::SUBFLOW,
    };
    observed
        .endpoints
        .push(endpoint(7, "192.168.11.99", Some(WIFI)));
    observed
        .endpoints
        .push(endpoint(8, "172.22.0.1", Some(HOST)));
    observed
        .endpoints
        .push(endpoint(9, "192.0.2.77", Some(4_711)));
    let mut implicit = endpoint(10, "192.168.11.98", Some(WIFI));
    implicit.flags = EndpointFlags::IMPLICIT;
    observed.endpoints.push(implicit);
    let deleted: Vec<u8> = plan(&settings, &observed)
        .iter()
        .filter_map(|step| match step {
            Step::DeleteEndpoint { id, .. } => Some(id.0),
            _ => None,
        })
        .collect();
    // The one on an interface that is gone is stale; implicit ones are the kernel's own.
    assert_eq!(deleted, [7, 9]);
}

#[test]
fn an_endpoint_that_another_made_for_our_address_is_adopted() {
    let settings = settings("");
    let mut observed = settled(&settings);
    observed.endpoints[0].flags |= EndpointFlags::BACKUP;
    let steps = plan(&settings, &observed);
    let flags = EndpointFlags::SUBFLOW;
    assert_eq!(
        steps,
        [Step::SetEndpointFlags {
            id: observed.endpoints[0].id,
            address: observed.endpoints[0].address,
            flags
        }]
    );
}

#[test]
fn ipv6_comes_from_the_kernels_advertised_route_and_not_from_unusable_addresses() {
    let settings = settings("");
    let mut observed = observed();
    let address = |net: &str| Address::new(InterfaceIndex(WIFI), net.parse().unwrap());
    observed.addresses.push(Address {
        tentative: true,
        ..address("2001:db8:11::2/64")
    });
    observed.addresses.push(Address {
        temporary: true,
        ..address("2001:db8:11::3/64")
    });
    observed.addresses.push(address("2001:db8:11::4/64"));
    observed.addresses.push(address("fd00::4/64"));
    apply(&plan(&settings, &observed), &mut observed);
    assert!(
        !endpoint_addresses(&observed)
            .iter()
            .any(|it| it.contains("db8")),
        "no gateway yet"
    );

    let gateway: IpAddr = "fe80::1".parse().unwrap();
    observed.routes.push(Route {
        gateway: Some(gateway),
        interface: Some(InterfaceIndex(WIFI)),
        protocol: 9,
        ..Route::default_of(Family::V6, TableId::MAIN)
    });
    apply(&plan(&settings, &observed), &mut observed);
    let v6: Vec<_> = endpoint_addresses(&observed)
        .into_iter()
        .filter(|it| it.contains(':'))
        .collect();
    assert_eq!(v6, ["2001:db8:11::4"]);
    assert_eq!(
        defaults(&observed, numbers::UPLINKS, Family::V6),
        [(Some(gateway), 100)]
    );
}

#[test]
fn teardown_leaves_what_is_not_ours() {
    let settings = settings("");
    let foreign = Route {
        gateway: Some("172.22.0.99".parse().unwrap()),
        interface: Some(InterfaceIndex(HOST)),
        ..Route::default_of(Family::V4, TableId::MAIN)
    };
    let mut observed = settled(&settings);
    observed.routes.push(foreign.clone());
    apply(&teardown(&settings, &observed), &mut observed);
    assert_eq!(observed.routes, [foreign]);
    assert_eq!(
        (observed.rules, observed.endpoints, observed.addresses),
        (vec![], vec![], vec![])
    );
    assert_eq!(observed.firewall, None);
}

#[test]
fn nothing_is_intercepted_when_only_the_proxy_is_wanted() {
    let table = |more| {
        let (settings, observed) = (settings(more), observed());
        plan(&settings, &observed)
            .into_iter()
            .find_map(|step| match step {
                Step::InstallFirewall(table) => Some(table.to_string()),
                _ => None,
            })
            .unwrap()
    };
    assert!(table("").contains("redirect to :40000"));
    assert!(table("intercept = 'tproxy'").contains("tproxy"));
    let proxy = table("capture = 'proxy'");
    assert!(
        !proxy.contains("redirect") && proxy.contains("guard"),
        "{proxy}"
    );
}

#[test]
fn notes_name_what_is_missing() {
    let settings = settings("");
    assert_eq!(notes(&settings, &settled(&settings)), [] as [String; 0]);
    let mut poor = observed();
    poor.links.retain(|link| link.index.0 == LTE);
    let key = "net.ipv4.tcp_available_congestion_control".parse().unwrap();
    poor.sysctls.insert(key, "reno cubic".to_owned());
    let notes = notes(&settings, &poor).join("\n");
    for missing in ["eth0", "eth1", "bbr"] {
        assert!(notes.contains(missing), "{notes}");
    }
    assert!(!notes.contains("eth2"), "{notes}");
}

fn key(text: &str) -> Sysctl {
    text.parse().unwrap()
}

#[test]
fn an_uplink_of_others_stays_down_and_keeps_their_router_advertisements() {
    let external = "interface = 'eth1'\naddresses = 'external'\n";
    let text = format!("[[uplink]]\n{external}[[uplink]]\ninterface = 'eth2'\n");
    let settings = Settings::parse(&text, "edge.toml").unwrap_or_else(|errors| panic!("{errors}"));
    let wanted = |accept_ra: &str| {
        let mut observed = observed();
        for link in &mut observed.links {
            link.up = false;
        }
        for (knob, value) in [("accept_ra", accept_ra), ("autoconf", "0")] {
            for name in ["eth1", "eth2"] {
                let key = key(&format!("net.ipv6.conf.{name}.{knob}"));
                observed.sysctls.insert(key, value.to_owned());
            }
        }
        let steps = plan(&settings, &observed).into_iter();
        steps
            .filter(|step| matches!(step, Step::SetSysctl { .. } | Step::SetUp { .. }))
            .map(|step| step.to_string())
            .collect::<Vec<_>>()
    };
    let ours = "set net.ipv6.conf.eth2.accept_ra = 2";
    let rest = ["set net.ipv6.conf.eth2.autoconf = 1", "bring eth2 up"];
    assert_eq!(wanted("0"), [&[ours][..], &rest].concat());
    let kernels = "set net.ipv6.conf.eth1.accept_ra = 2";
    assert_eq!(wanted("1"), [&[kernels, ours][..], &rest].concat());
}

#[test]
fn forwarding_goes_on_when_advertised_routers_are_safe() {
    let mut observed = observed();
    for name in ["all.forwarding", "eth1.accept_ra"] {
        let key = key(&format!("net.ipv6.conf.{name}"));
        observed.sysctls.insert(key, "0".to_owned());
    }
    let steps = plan(&settings(""), &observed);
    let place = |text: &str| {
        steps
            .iter()
            .position(|step| step.to_string().contains(text))
    };
    assert!(place("accept_ra").unwrap() < place("all.forwarding").unwrap());
}

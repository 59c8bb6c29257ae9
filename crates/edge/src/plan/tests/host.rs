//! The edge's own address on the host's link.

use netcfg::Scope;

use super::*;
use crate::ready::ready;
use crate::uplink::Way;

const NETWORK: &str = "network = 'fd12:3456:789a::/64'";
const OWN: &str = "fd12:3456:789a::ff:fe00:2/64";

fn address(index: u32, net: &str) -> Address {
    Address::new(InterfaceIndex(index), net.parse().unwrap())
}

/// As WSL leaves it.
fn with_v6() -> Observed {
    let mut observed = observed();
    observed.addresses = vec![
        address(HOST, "172.20.0.2/20"),
        Address {
            scope: Scope::Link,
            ..address(HOST, "fe80::2/64")
        },
    ];
    observed
}

/// After the rounds that it takes: what guards the address comes when it is there.
fn settle(settings: &Settings, observed: &mut Observed) {
    for _ in 0..2 {
        apply(&plan(settings, observed), observed);
    }
    assert_eq!(plan(settings, observed), []);
}

fn on_host(observed: &Observed) -> Vec<String> {
    let its = observed.addresses.iter();
    let its = its.filter(|it| it.index == InterfaceIndex(HOST));
    its.map(|it| it.net.to_string()).collect()
}

#[test]
fn it_comes_with_the_settings_and_goes_at_the_end() {
    let settings = settings(NETWORK);
    let before = with_v6();
    let mut observed = before.clone();
    settle(&settings, &mut observed);
    assert_eq!(on_host(&observed), ["172.20.0.2/20", "fe80::2/64", OWN]);
    apply(&teardown(&settings, &observed), &mut observed);
    assert_eq!(on_host(&observed), on_host(&before));
}

#[test]
fn one_of_another_vm_that_was_here_before_goes() {
    let settings = settings(NETWORK);
    let mut observed = with_v6();
    observed
        .addresses
        .push(address(HOST, "fd12:3456:789a::7/64"));
    settle(&settings, &mut observed);
    assert_eq!(on_host(&observed), ["172.20.0.2/20", "fe80::2/64", OWN]);
}

#[test]
fn without_ipv6_on_the_link_there_is_none() {
    let settings = settings(NETWORK);
    let mut observed = with_v6();
    observed.addresses.truncate(1);
    settle(&settings, &mut observed);
    assert_eq!(on_host(&observed), ["172.20.0.2/20"]);
}

#[test]
fn the_host_is_offered_ipv6_only_where_an_uplink_has_it() {
    let settings = settings(NETWORK);
    let mut observed = with_v6();
    settle(&settings, &mut observed);
    let way = |net: &str| {
        let way = Way {
            address: net.parse().unwrap(),
            gateway: None,
            held: false,
            mtu: None,
        };
        (InterfaceIndex(WIFI), way)
    };
    let offered = |ways: &[(InterfaceIndex, Way)]| {
        let ready = ready(&settings, &observed, ways);
        let gateways = ready.gateways.iter().map(IpAddr::to_string);
        (gateways.collect::<Vec<_>>(), ready.online)
    };
    let v4 = "172.20.0.2".to_owned();
    let v6 = "fd12:3456:789a::ff:fe00:2".to_owned();
    assert_eq!(offered(&[]), (vec![v4.clone()], false));
    let ways = [way("192.168.11.5/24")];
    assert_eq!(offered(&ways), (vec![v4.clone()], true));
    let ways = [way("192.168.11.5/24"), way("2001:db8::5/64")];
    assert_eq!(offered(&ways), (vec![v4, v6], true));
}

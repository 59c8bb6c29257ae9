use std::net::Ipv4Addr;
use std::time::Instant;

use netcfg::{Address, InterfaceIndex, InterfaceName, Link, MacAddress, Route, TableId};

use super::*;
use crate::uplink::uplinks;

const SETTINGS: &str = "[host]\ninterface = 'eth0'\n[[uplink]]\ninterface = 'eth1'\n\
                        [[uplink]]\ninterface = 'eth2'\n[[uplink]]\ninterface = 'eth3'\n\
                        addresses = 'external'\n";

fn link(index: u32, carrier: bool) -> Link {
    Link {
        index: InterfaceIndex(index),
        name: InterfaceName::new(&format!("eth{index}")).unwrap(),
        mac: Some(MacAddress([2, 0, 0, 0, 0, index as u8])),
        up: true,
        carrier,
        kind: None,
        mtu: 1500,
        loopback: false,
        vmbus: None,
        bytes: None,
    }
}

fn lease(network: u8, servers: &[[u8; 4]], domain: Option<&str>) -> Lease {
    Lease {
        address: format!("192.168.{network}.5/24").parse().unwrap(),
        gateways: vec![Ipv4Addr::new(192, 168, network, 1)],
        dns_servers: servers.iter().copied().map(Ipv4Addr::from).collect(),
        domain: domain.map(str::to_owned),
        mtu: None,
        server: Ipv4Addr::new(192, 168, network, 1),
        duration: None,
        renew_after: None,
        rebind_after: None,
        obtained: Instant::now(),
    }
}

/// Two uplinks with leases, and one that somebody else has set up, where `external`.
fn observed(external: bool) -> Observed {
    let mut observed = Observed {
        links: vec![link(1, true), link(2, true), link(3, external)],
        name_servers: vec![[127, 0, 0, 53].into(), [172, 22, 0, 1].into()],
        ..Observed::default()
    };
    let leases = &mut observed.leases;
    let own = [192, 168, 1, 1];
    leases.insert(
        InterfaceIndex(1),
        lease(1, &[own, [198, 51, 100, 53]], Some("fritz.box")),
    );
    leases.insert(
        InterfaceIndex(2),
        lease(2, &[[192, 168, 2, 1]], Some("com")),
    );
    let address = |index, net: &str| Address::new(InterfaceIndex(index), net.parse().unwrap());
    observed.addresses = vec![address(9, "172.22.0.1/24"), address(3, "10.9.0.7/24")];
    observed.routes.push(Route {
        interface: Some(InterfaceIndex(3)),
        gateway: Some([10, 9, 0, 1].into()),
        ..Route::default_of(netcfg::Family::V4, TableId::MAIN)
    });
    observed
}

fn asked(more: &str, has_tunnel: bool, observed: &Observed) -> Vec<String> {
    let settings = Settings::parse(&format!("{SETTINGS}{more}"), "edge.toml").unwrap();
    let uplinks = uplinks(&settings, observed);
    let servers = servers(&settings, has_tunnel, &uplinks, observed);
    let show = |it: &Upstream| {
        let local = it.local.map_or("any".to_owned(), |ip| ip.to_string());
        format!("{} from {local}", it.server.ip())
    };
    servers.iter().map(show).collect()
}

#[test]
fn the_uplinks_take_turns_and_the_systems_own_come_last() {
    let by_lease = [
        "192.168.1.1 from 192.168.1.5",
        "192.168.2.1 from 192.168.2.5",
        "198.51.100.53 from 192.168.1.5",
    ];
    assert_eq!(asked("", true, &observed(false)), by_lease);
    // The other one of the system's is the edge itself.
    let all = [&by_lease[..], &["127.0.0.53 from any"]].concat();
    assert_eq!(asked("", false, &observed(true)), all);
}

#[test]
fn servers_by_name_are_asked_over_each_uplink_unless_the_hub_asks_them() {
    let named = "[dns]\nservers = ['9.9.9.9', '2620:fe::fe']";
    let direct = [
        "9.9.9.9 from 192.168.1.5",
        "9.9.9.9 from 192.168.2.5",
        "9.9.9.9 from 10.9.0.7",
    ];
    assert_eq!(asked(named, false, &observed(true)), direct);
    assert_eq!(
        asked(named, true, &observed(false)),
        asked("", true, &observed(false))
    );
}

#[test]
fn no_uplink_is_asked_that_is_not_used() {
    let mut observed = observed(false);
    observed.uses.insert(InterfaceIndex(1), Use::Standby);
    assert_eq!(
        asked("", true, &observed)[0],
        "192.168.2.1 from 192.168.2.5"
    );
    observed.uses.insert(InterfaceIndex(1), Use::Unused);
    assert_eq!(asked("", true, &observed), ["192.168.2.1 from 192.168.2.5"]);
}

#[test]
fn no_network_owns_a_domain_of_everybodys() {
    let settings = Settings::parse(SETTINGS, "edge.toml").unwrap();
    let observed = observed(false);
    let zones = zones(&uplinks(&settings, &observed), &observed);
    let zone = |domain: Option<&str>, network: &str, server: [u8; 4], local: [u8; 4]| {
        let server = upstream(server.into(), Some(local.into()));
        Zone::new(domain, Some(network.parse().unwrap()), vec![server])
    };
    // Of the first one's two servers both are asked.
    assert_eq!(zones.len(), 2);
    let second = zone(None, "192.168.2.0/24", [192, 168, 2, 1], [192, 168, 2, 5]);
    assert_eq!(Some(&zones[1]), second.as_ref());
    for (domain, own) in [
        ("lan", true),
        ("LAN.", true),
        ("fritz.box", true),
        ("com", false),
        ("de.", false),
    ] {
        assert_eq!(is_own(domain), own, "{domain}");
    }
}

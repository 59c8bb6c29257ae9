//! Uplinks that are many, alike, or lead nowhere.

use super::*;
use crate::uplink::UplinkState;

#[test]
fn twelve_uplinks_have_twelve_tables_and_the_kernels_eight_endpoints() {
    let settings = Settings::parse("[[uplink]]\ninterface = 'wan*'\n", "edge.toml").unwrap();
    let mut observed = Observed::default();
    for n in 0..12 {
        observed.links.push(link(5 + n, &format!("wan{n}")));
        let (address, gateway) = (format!("192.168.{n}.5/24"), format!("192.168.{n}.1"));
        observed
            .leases
            .insert(InterfaceIndex(5 + n), lease(&address, &gateway));
    }
    apply(&plan(&settings, &observed), &mut observed);
    assert_eq!(observed.endpoints.len(), 8);
    let mut tables: Vec<_> = observed
        .rules
        .iter()
        .filter(|it| it.from.is_some())
        .map(|it| it.table)
        .collect();
    tables.sort();
    tables.dedup();
    assert_eq!(tables.len(), 12);
    assert_eq!(plan(&settings, &observed), []);
}

#[test]
fn a_leases_mtu_is_that_of_our_routes_by_its_uplink() {
    let settings = settings("");
    let mut observed = settled(&settings);
    let mtus = |observed: &Observed, index: u32| {
        let routes = observed.routes.iter();
        let by = routes.filter(|it| it.interface == Some(InterfaceIndex(index)));
        let mtus: Vec<_> = by.map(|it| (it.table, it.mtu)).collect();
        assert!(mtus.iter().any(|(table, _)| *table == numbers::UPLINKS));
        mtus.into_iter().map(|(_, mtu)| mtu).collect::<Vec<_>>()
    };
    for (leased, is) in [
        (1400, Some(1400)),
        (576, Some(576)),
        (1500, None),
        (9000, None),
    ] {
        let lease = observed.leases.get_mut(&InterfaceIndex(WIFI)).unwrap();
        lease.mtu = Some(leased);
        apply(&plan(&settings, &observed), &mut observed);
        assert_eq!(plan(&settings, &observed), [], "{leased}");
        assert!(mtus(&observed, WIFI).iter().all(|it| *it == is), "{leased}");
        assert!(mtus(&observed, LTE).iter().all(Option::is_none));
    }
}

#[test]
fn ipv6_keeps_its_1280_bytes_whatever_the_lease_says() {
    let settings = settings("");
    let mut observed = observed();
    let link = InterfaceIndex(WIFI);
    let address = "2001:db8:1::5/64".parse().unwrap();
    observed.addresses.push(Address::new(link, address));
    observed.routes.push(Route {
        gateway: Some("fe80::1".parse().unwrap()),
        interface: Some(link),
        ..Route::default_of(Family::V6, TableId::MAIN)
    });
    observed.leases.get_mut(&link).unwrap().mtu = Some(600);
    let ways = uplinks(&settings, &observed).swap_remove(0).ways;
    let mtus: Vec<_> = ways.iter().map(|way| way.mtu).collect();
    assert_eq!(mtus, [Some(600), Some(1280)]);
}

#[test]
fn a_lease_without_a_router_makes_no_uplink() {
    let mut observed = observed();
    let lease = observed.leases.get_mut(&InterfaceIndex(WIFI)).unwrap();
    lease.gateways.clear();
    let settings = settings("");
    let uplinks = uplinks(&settings, &observed);
    assert_eq!(uplinks[0].state(), UplinkState::NoGateway);
    assert_eq!(uplinks[1].state(), UplinkState::Up);
    let steps = plan(&settings, &observed);
    let leads_there = |step: &Step| match step {
        Step::AddRoute(route) => route.interface == Some(InterfaceIndex(WIFI)),
        Step::AddEndpoint(spec) => spec.interface == Some(WIFI),
        _ => false,
    };
    assert!(!steps.iter().any(leads_there), "{steps:?}");
    observed.leases.remove(&InterfaceIndex(WIFI));
    let uplinks = super::uplinks(&settings, &observed);
    assert_eq!(uplinks[0].state(), UplinkState::NoAddress);
}

#[test]
fn an_address_that_two_modems_give_belongs_to_the_one_that_is_up() {
    let settings = settings("");
    let mut observed = observed();
    let same = observed.leases[&InterfaceIndex(WIFI)].clone();
    observed.leases.insert(InterfaceIndex(LTE), same);
    let owner = |observed: &mut Observed| {
        apply(&plan(&settings, observed), observed);
        assert_eq!(plan(&settings, observed), []);
        let sources = observed.rules.iter().filter(|rule| rule.from.is_some());
        let tables: Vec<TableId> = sources.map(|rule| rule.table).collect();
        let ends: Vec<_> = observed.endpoints.iter().map(|it| it.interface).collect();
        (tables, ends)
    };
    let of = |index| {
        let table = numbers::table_of(InterfaceIndex(index));
        (vec![table], vec![Some(index)])
    };
    assert_eq!(owner(&mut observed), of(WIFI));
    let notes = notes(&settings, &observed);
    assert!(
        notes
            .iter()
            .any(|it| it.contains("wifi and lte have the same address 192.168.11.5")),
        "{notes:?}"
    );
    let carrier = |observed: &mut Observed, index, on| {
        let mut links = observed.links.iter_mut();
        let link = links.find(|it| it.index == InterfaceIndex(index));
        link.expect("the scene has it").carrier = on;
    };
    carrier(&mut observed, WIFI, false);
    assert_eq!(owner(&mut observed), of(LTE));
    // What works is not taken away from connections.
    carrier(&mut observed, WIFI, true);
    assert_eq!(owner(&mut observed), of(LTE));
    carrier(&mut observed, LTE, false);
    assert_eq!(owner(&mut observed), of(WIFI));
}

#[test]
fn a_backups_endpoint_is_one_for_mptcp_too() {
    let text = "[[uplink]]\ninterface = 'eth1'\n[[uplink]]\ninterface = 'eth2'\nrole = 'backup'\n";
    let settings = Settings::parse(text, "edge.toml").unwrap();
    let observed = settled(&settings);
    let flags: Vec<_> = observed.endpoints.iter().map(|it| it.flags).collect();
    let backup = EndpointFlags::SUBFLOW | EndpointFlags::BACKUP;
    assert_eq!(flags, [EndpointFlags::SUBFLOW, backup]);
}

#[test]
fn an_uplink_that_no_rule_is_for_any_more_keeps_nothing_of_ours() {
    let both = settings("");
    let mut observed = settled(&both);
    // Not ours: somebody else's address there, and the endpoint of an interface that was never an uplink.
    let theirs = netcfg::Address::new(InterfaceIndex(LTE), "172.16.0.1/24".parse().unwrap());
    let foreign = Endpoint {
        id: EndpointId(9),
        interface: Some(HOST),
        address: "10.9.9.9".parse().unwrap(),
        ..observed.endpoints[0].clone()
    };
    observed.addresses.push(theirs.clone());
    observed.endpoints.push(foreign.clone());
    let first_only = "[host]\ninterface = 'eth0'\n[[uplink]]\nname = 'wifi'\ninterface = 'eth1'\n";
    let first_only = Settings::parse(first_only, "edge.toml").unwrap();
    observed.former = [InterfaceIndex(LTE)].into();
    apply(&plan(&first_only, &observed), &mut observed);
    assert_eq!(endpoint_addresses(&observed), ["192.168.11.5", "10.9.9.9"]);
    let addresses = observed.addresses.iter();
    let there: Vec<_> = addresses
        .filter(|it| it.index == InterfaceIndex(LTE))
        .collect();
    assert_eq!(there, [&theirs]);
    let table = numbers::table_of(InterfaceIndex(LTE));
    assert!(observed.routes.iter().all(|route| route.table != table));
    assert!(observed.rules.iter().all(|rule| rule.table != table));
    assert_eq!(plan(&first_only, &observed), []);
    assert_eq!(notes(&first_only, &observed), [""; 0]);
}

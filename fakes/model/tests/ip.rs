//! The model refuses what Windows refuses.

use std::net::Ipv6Addr;
use std::sync::{Arc, Mutex, mpsc};

use fakes::ip::{
    Address, AddressRow, Change, Interface, Ip, NamesRow, Route, RouteRow, Topic, code,
};
use fakes::{Machine, Request};
use serde_json::{Value, json};

const ROUTE: &str = "CreateIpForwardEntry2";
const ADDRESS: &str = "CreateUnicastIpAddressEntry";

fn status(ip: &mut Ip, call: &str, row: impl serde::Serialize) -> u32 {
    let reply = ip.call(&Request {
        call: call.to_owned(),
        arguments: serde_json::to_value(row).expect("plain data"),
    });
    reply.status.cast_unsigned()
}

fn card() -> Interface {
    Interface::ethernet(3, "eth0")
}

fn ip() -> Ip {
    let mut ip = Ip::default();
    ip.add_interface(card());
    ip
}

fn route() -> RouteRow {
    RouteRow {
        luid: card().luid,
        destination: Some([128, 0, 0, 0].into()),
        prefix_length: 1,
        next_hop: Some([172, 20, 5, 6].into()),
        site_prefix_length: 0,
        metric: 0,
        protocol: 3,
        ..RouteRow::initialized()
    }
}

fn address() -> AddressRow {
    AddressRow {
        luid: card().luid,
        address: Some(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1).into()),
        prefix_length: 64,
        ..AddressRow::initialized()
    }
}

#[test]
fn wrong_routes_are_refused() {
    let v6 = Some("fd00::1".parse().unwrap());
    let zeroed = RouteRow {
        valid_lifetime: 0,
        preferred_lifetime: 0,
        loopback: false,
        autoconfigure_address: false,
        publish: false,
        immortal: false,
        ..route()
    };
    #[rustfmt::skip]
    let wrong = [
        RouteRow { luid: 0, index: 0, ..route() },
        RouteRow { destination: None, ..route() },
        RouteRow { next_hop: None, ..route() },
        RouteRow { next_hop: v6, ..route() },
        RouteRow { destination: v6, ..route() },
        RouteRow { prefix_length: 33, ..route() },
        RouteRow { destination: Some([128, 0, 0, 1].into()), ..route() },
        RouteRow { site_prefix_length: 2, ..route() },
        RouteRow { site_prefix_length: 255, ..route() },
        RouteRow { preferred_lifetime: 9, valid_lifetime: 8, ..route() },
        RouteRow { metric: u32::MAX, ..route() },
        RouteRow { protocol: -1, ..route() },
        zeroed,
    ];
    for row in wrong {
        assert_eq!(
            status(&mut ip(), ROUTE, &row),
            code::INVALID_PARAMETER,
            "{row:?}"
        );
    }
    let strange = RouteRow { luid: 1, ..route() };
    assert_eq!(status(&mut ip(), ROUTE, strange), code::NOT_FOUND);
    assert_eq!(status(&mut ip(), ROUTE, json!({})), code::INVALID_PARAMETER);
    assert_eq!(
        status(&mut ip(), "GetIfTable2", Value::Null),
        code::CALL_NOT_IMPLEMENTED
    );
}

#[test]
fn wrong_addresses_are_refused() {
    let of = |text: &str| AddressRow {
        address: Some(text.parse().unwrap()),
        prefix_length: 24,
        ..address()
    };
    #[rustfmt::skip]
    let wrong = [
        AddressRow { luid: 0, ..address() },
        AddressRow { address: None, ..address() },
        AddressRow { prefix_length: 129, ..address() },
        AddressRow { prefix_length: 33, ..of("10.0.0.1") },
        AddressRow { prefix_origin: 1, ..address() },
        AddressRow { suffix_origin: 1, ..address() },
        AddressRow { preferred_lifetime: 9, valid_lifetime: 8, ..address() },
        AddressRow { preferred_lifetime: 0, valid_lifetime: 0, ..address() },
        AddressRow { dad_state: 5, ..address() },
        of("0.0.0.0"), of("127.0.0.1"), of("224.0.0.1"), of("255.255.255.255"),
        of("::"), of("::1"), of("ff02::1"),
    ];
    for row in wrong {
        assert_eq!(
            status(&mut ip(), ADDRESS, &row),
            code::INVALID_PARAMETER,
            "{row:?}"
        );
    }
    let strange = AddressRow {
        luid: 1,
        ..address()
    };
    assert_eq!(status(&mut ip(), ADDRESS, strange), code::NOT_FOUND);
}

#[test]
fn the_machine_makes_true_what_is_asked_for() {
    let mut ip = ip();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let changes = seen.clone();
    ip.on_change(move |interface, change| {
        changes
            .lock()
            .unwrap()
            .push((interface.name.clone(), change.clone()));
    });
    // The index will do where there is no LUID.
    let by_index = RouteRow {
        luid: 0,
        index: 3,
        ..route()
    };
    for (call, expected) in [
        (ROUTE, 0),
        (ROUTE, code::OBJECT_ALREADY_EXISTS),
        ("DeleteIpForwardEntry2", 0),
        ("DeleteIpForwardEntry2", code::NOT_FOUND),
    ] {
        assert_eq!(status(&mut ip, call, &by_index), expected);
    }
    for (call, expected) in [
        (ADDRESS, 0),
        (ADDRESS, code::OBJECT_ALREADY_EXISTS),
        ("DeleteUnicastIpAddressEntry", 0),
        ("DeleteUnicastIpAddressEntry", code::NOT_FOUND),
    ] {
        assert_eq!(status(&mut ip, call, address()), expected);
    }
    let route = Route {
        interface: card().luid,
        destination: [128, 0, 0, 0].into(),
        prefix_length: 1,
        next_hop: [172, 20, 5, 6].into(),
        metric: 0,
        protocol: 3,
    };
    let address = Address {
        interface: card().luid,
        address: "fd00::1".parse().unwrap(),
        prefix_length: 64,
        skip_as_source: false,
    };
    let expected = [
        Change::RouteAdded(route.clone()),
        Change::RouteDeleted(route),
        Change::AddressAdded(address.clone()),
        Change::AddressDeleted(address),
    ];
    assert_eq!(
        *seen.lock().unwrap(),
        expected.map(|change| ("eth0".to_owned(), change))
    );
    assert_eq!(ip.calls().len(), 8);
}

#[test]
fn other_prefixes_and_gateways_make_other_routes() {
    let mut ip = ip();
    for (prefix_length, last) in [(1, 6), (2, 6), (1, 7)] {
        let next_hop = Some([172, 20, 5, last].into());
        let row = RouteRow {
            prefix_length,
            next_hop,
            ..route()
        };
        assert_eq!(status(&mut ip, ROUTE, row), 0);
    }
    assert_eq!(ip.routes().len(), 3);
    assert_eq!(status(&mut ip, "DeleteIpForwardEntry2", route()), 0);
    ip.remove_interface(card().luid);
    assert_eq!(ip.routes(), []);
}

#[test]
fn functions_fail_as_often_as_they_are_told_to() {
    let mut ip = ip();
    ip.fail_next(ROUTE, 2, code::ACCESS_DENIED);
    assert_eq!(status(&mut ip, ADDRESS, address()), 0);
    let given = [(); 3].map(|()| status(&mut ip, ROUTE, route()));
    assert_eq!(given, [code::ACCESS_DENIED, code::ACCESS_DENIED, 0]);
}

#[test]
fn events_say_what_has_changed() {
    let mut ip = ip();
    let (sender, events) = mpsc::channel();
    Machine::tell(&mut ip, sender);
    assert_eq!(status(&mut ip, ROUTE, route()), 0);
    assert_eq!(status(&mut ip, ADDRESS, address()), 0);
    ip.announce(Topic::Interface, card().luid);
    ip.remove_interface(card().luid);
    let told: Vec<_> = events
        .try_iter()
        .map(|event| {
            (
                event.source,
                event.body["topic"].clone(),
                event.body["kind"].clone(),
            )
        })
        .collect();
    let expected = [
        ("route", 1),
        ("address", 1),
        ("interface", 0),
        ("interface", 2),
    ];
    let expected = expected.map(|(topic, kind)| ("iphlpapi".to_owned(), json!(topic), json!(kind)));
    assert_eq!(told, expected);
}

#[test]
fn notifications_are_asked_for_as_we_do_and_cancelled_once() {
    let mut ip = ip();
    let ask = json!({ "family": 0, "initial": false });
    assert_eq!(status(&mut ip, "NotifyRouteChange2", ask), 0);
    assert_eq!(ip.subscriptions(), 1);
    for wrong in [
        json!({ "family": 2, "initial": false }),
        json!({ "family": 0, "initial": true }),
    ] {
        assert_eq!(
            status(&mut ip, "NotifyRouteChange2", wrong),
            code::INVALID_PARAMETER
        );
    }
    let cancel = "CancelMibChangeNotify2";
    assert_eq!(status(&mut ip, cancel, json!({ "handle": 1 })), 0);
    assert_eq!(
        status(&mut ip, cancel, json!({ "handle": 1 })),
        code::INVALID_PARAMETER
    );
    assert_eq!(ip.subscriptions(), 0);
}

#[test]
fn name_servers_are_addresses_of_ipv4_and_set_alone() {
    let (mut ip, card) = (ip(), uuid::Uuid::from_u128(3));
    let set = |ip: &mut Ip, row: NamesRow| status(ip, "SetInterfaceDnsSettings", row);
    let right = NamesRow::set(card, "172.20.5.6,9.9.9.9");
    for wrong in [
        NamesRow::set(card, "172.20.5.6 9.9.9.9"),
        NamesRow::set(card, "fd00::1"),
        NamesRow::get(card),
        NamesRow {
            version: 0,
            ..right.clone()
        },
        NamesRow {
            flags: 3,
            ..right.clone()
        },
    ] {
        assert_eq!(
            set(&mut ip, wrong.clone()),
            code::INVALID_PARAMETER,
            "{wrong:?}"
        );
    }
    assert_eq!(set(&mut ip, right), 0);
    assert_eq!(ip.name_servers(card), "172.20.5.6,9.9.9.9");
    assert_eq!(ip.name_servers(uuid::Uuid::nil()), "");
    assert_eq!(set(&mut ip, NamesRow::set(card, "")), 0);
    assert_eq!(ip.all_name_servers(), [""; 0]);
    let get = NamesRow {
        flags: 2,
        ..NamesRow::get(card)
    };
    let got = status(&mut ip, "GetInterfaceDnsSettings", get);
    assert_eq!(got, code::INVALID_PARAMETER);
}

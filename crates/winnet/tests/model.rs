//! What can be done, against the model: on every system.

use std::error::Error;
use std::slice;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use fakes::ip::{self, Topic};
use ipnet::IpNet;
use uuid::Uuid;
use winnet::{
    Address, Change, DadState, Fake, FakePolicy, Interface, InterfaceId, InterfaceIndex, Kind,
    Luid, MacAddress, Minimize, Net, NewAddress, NewRoute, Original, Policy, PolicyStore, Route,
    RouteProtocol, Win32Error, allow_all, restore,
};

/// Longer than any machine is busy.
const LONG: Duration = Duration::from_secs(30);
const WSL: Luid = Luid(10);

fn net(text: &str) -> IpNet {
    text.parse().expect("a network")
}

fn interface(luid: u64, alias: &str) -> Interface {
    Interface {
        id: InterfaceId(Uuid::from_u128(luid.into())),
        luid: Luid(luid),
        index: InterfaceIndex(u32::try_from(luid).expect("a small number")),
        alias: alias.to_owned(),
        description: alias.to_owned(),
        mac: Some(MacAddress([2, 0, 0, 0, 0, 1])),
        kind: Kind::Ethernet,
        hardware: true,
        connector: true,
        filter: false,
        present: true,
        admin_up: true,
        oper_up: true,
        media_connected: true,
        mtu: 1500,
        link_speed: None,
    }
}

/// A PC with a network that is shared with WSL.
fn pc() -> (Fake, Net) {
    let fake = Fake::default();
    fake.set_interfaces(vec![interface(WSL.0, "vEthernet (WSL)")]);
    (fake.clone(), Net::new(Arc::new(fake)))
}

fn half() -> NewRoute {
    NewRoute {
        interface: WSL,
        destination: net("128.0.0.0/1"),
        gateway: [172, 20, 5, 6].into(),
        metric: 0,
    }
}

fn own() -> NewAddress {
    NewAddress {
        interface: WSL,
        net: net("fd00::1/64"),
        skip_as_source: true,
    }
}

#[test]
fn a_route_comes_and_goes_as_often_as_asked() {
    let (fake, net) = pc();
    net.add_route(&half()).unwrap();
    net.add_route(&half()).unwrap();
    let route = Route {
        interface: WSL,
        destination: half().destination,
        gateway: Some(half().gateway),
        metric: 0,
        protocol: RouteProtocol::NetMgmt,
    };
    assert_eq!(net.routes().unwrap(), slice::from_ref(&route));
    net.delete_route(&route).unwrap();
    net.delete_route(&route).unwrap();
    fake.set_interfaces(Vec::new());
    net.delete_route(&route).unwrap();
    assert_eq!(net.routes().unwrap(), []);
}

#[test]
fn routes_of_others_can_be_deleted_on_link_too() {
    let (fake, net) = pc();
    for (destination, next_hop) in [("10.0.0.0", "0.0.0.0"), ("fd00::", "::")] {
        fake.ip().add_route(ip::Route {
            interface: WSL.0,
            destination: destination.parse().unwrap(),
            prefix_length: 8,
            next_hop: next_hop.parse().unwrap(),
            metric: 256,
            protocol: 2,
        });
    }
    for route in net.routes().unwrap() {
        assert_eq!(
            (route.gateway, route.protocol),
            (None, RouteProtocol::Local)
        );
        net.delete_route(&route).unwrap();
    }
    assert_eq!(fake.ip().routes(), []);
}

#[test]
fn an_address_comes_and_goes_as_often_as_asked() {
    let (fake, net) = pc();
    net.add_address(&own()).unwrap();
    net.add_address(&own()).unwrap();
    assert!(fake.ip().addresses()[0].skip_as_source);
    let address = Address {
        interface: WSL,
        net: own().net,
        dad: DadState::Preferred,
    };
    assert_eq!(net.addresses().unwrap(), slice::from_ref(&address));
    net.delete_address(&address).unwrap();
    net.delete_address(&address).unwrap();
    assert_eq!(net.addresses().unwrap(), []);
}

#[test]
fn errors_say_what_failed_on_what_and_what_to_do() {
    let (fake, net) = pc();
    let denied = "CreateIpForwardEntry2";
    fake.ip().fail_next(denied, 1, ip::code::ACCESS_DENIED);
    let error = net.add_route(&half()).unwrap_err();
    assert_eq!(error.code(), Win32Error::ACCESS_DENIED);
    assert_eq!(
        error.to_string(),
        "can't add the route to 128.0.0.0/1 by 172.20.5.6 on interface 0xa"
    );
    assert_eq!(
        error.source().unwrap().to_string(),
        "CreateIpForwardEntry2 gave error 5, access is denied; run it as an administrator"
    );
    fake.set_interfaces(Vec::new());
    let error = net.add_address(&own()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "can't add the address fd00::1/64 on interface 0xa"
    );
    assert_eq!(
        error.source().unwrap().to_string(),
        "CreateUnicastIpAddressEntry gave error 1168, there is no such thing, or its interface is gone"
    );
    fake.ip().fail_next("NotifyRouteChange2", 1, 31);
    let error = net.watch(|_| ()).unwrap_err();
    assert_eq!(
        error.source().unwrap().to_string(),
        "NotifyRouteChange2 gave error 31"
    );
    assert_eq!(fake.ip().subscriptions(), 0);
}

#[test]
fn changes_are_told_until_the_watch_is_dropped() {
    let (fake, net) = pc();
    let (sender, changes) = mpsc::channel();
    let watch = net
        .watch(move |change| sender.send(change).unwrap())
        .unwrap();
    assert_eq!(fake.ip().subscriptions(), 3);
    net.add_route(&half()).unwrap();
    net.add_address(&own()).unwrap();
    fake.ip().announce(Topic::Interface, WSL.0);
    for expected in [Change::Routes, Change::Addresses, Change::Interfaces] {
        assert_eq!(changes.recv_timeout(LONG), Ok(expected));
    }
    drop(watch);
    assert_eq!(fake.ip().subscriptions(), 0);
    fake.set_interfaces(Vec::new());
    assert!(changes.recv().is_err());
}

#[test]
fn whoever_is_told_may_drop_the_watch() {
    let (fake, net) = pc();
    let (sender, watches) = mpsc::channel();
    let (done, dropped) = mpsc::channel();
    let watch = net.watch(move |_| {
        drop(watches.recv_timeout(LONG).unwrap());
        done.send(()).unwrap();
    });
    sender.send(watch.unwrap()).unwrap();
    fake.ip().announce(Topic::Interface, WSL.0);
    dropped.recv_timeout(LONG).unwrap();
    assert_eq!(fake.ip().subscriptions(), 0);
}

#[test]
fn what_is_seen_can_be_recorded_and_read_again() {
    let interfaces = vec![interface(WSL.0, "vEthernet (WSL)")];
    let text = serde_json::to_string(&interfaces).unwrap();
    let read: Vec<Interface> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, interfaces);
}

fn policy(group: Option<u32>, local: Original) -> Policy {
    Policy { group, local }
}

#[test]
fn what_windows_does_with_several_connections() {
    let in_force = |group, local| policy(group, local).in_force();
    assert_eq!(in_force(None, Original::NoKey), Minimize::LessPreferred);
    assert_eq!(in_force(None, Original::NoValue), Minimize::LessPreferred);
    assert_eq!(in_force(None, Original::Value(0)), Minimize::Never);
    assert_eq!(in_force(None, Original::Value(2)), Minimize::KeepCellular);
    assert_eq!(
        in_force(Some(3), Original::Value(0)),
        Minimize::NoWifiOnEthernet
    );
    assert_eq!(in_force(Some(9), Original::Value(0)), Minimize::Other(9));
    assert!(policy(Some(0), Original::NoKey).is_forced());
    assert!(!policy(None, Original::Value(1)).is_forced());
}

#[test]
fn what_was_there_is_put_back_unless_somebody_has_changed_it() {
    for original in [Original::NoKey, Original::NoValue, Original::Value(1)] {
        let store = FakePolicy::new(policy(None, original));
        allow_all(&store).unwrap();
        assert_eq!(store.policy().unwrap().in_force(), Minimize::Never);
        restore(&store, original).unwrap();
        assert_eq!(store.policy().unwrap().local, original);
    }
    let store = FakePolicy::new(policy(None, Original::Value(2)));
    restore(&store, Original::NoKey).unwrap();
    assert_eq!(store.policy().unwrap().local, Original::Value(2));
}

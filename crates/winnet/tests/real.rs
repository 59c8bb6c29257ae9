//! What this Windows says is understood. Nothing is changed, so this runs on a PC, too.
#![cfg(windows)]

use std::net::Ipv4Addr;
use std::sync::Arc;

use winnet::{IpHelper, Kind, Net, PolicyStore, RegistryPolicy};

fn net() -> Net {
    Net::new(Arc::new(IpHelper::load().expect("it is part of Windows")))
}

#[test]
fn loopback_is_there_with_its_address_and_routes() {
    let interfaces = net().interfaces().unwrap();
    println!("{interfaces:#?}");
    let loopback = interfaces.iter().find(|it| it.kind == Kind::Loopback);
    let loopback = loopback.expect("every Windows has one");
    assert!(!loopback.alias.is_empty() && !loopback.is_physical());

    let addresses = net().addresses().unwrap();
    println!("{addresses:#?}");
    let own = |it: &&winnet::Address| it.net.addr() == Ipv4Addr::LOCALHOST;
    let own = addresses.iter().find(own).expect("127.0.0.1");
    assert_eq!(own.interface, loopback.luid);
    assert_eq!(own.net.prefix_len(), 8);

    println!("{:#?}", net().routes().unwrap());
}

#[test]
fn what_windows_does_with_several_connections_is_read() {
    println!("{:?}", RegistryPolicy.policy().unwrap());
}

#[test]
fn programs_are_told_to_look_at_the_proxy_again() {
    winnet::proxy_has_changed().unwrap();
}

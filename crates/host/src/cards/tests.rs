use uuid::Uuid;
use winnet::{DadState, InterfaceId, InterfaceIndex, Kind, Luid, MacAddress};

use super::*;

pub(crate) fn interface(number: u8, alias: &str, kind: Kind) -> Interface {
    Interface {
        id: InterfaceId(Uuid::from_u128(number.into())),
        luid: Luid(number.into()),
        index: InterfaceIndex(number.into()),
        alias: alias.to_owned(),
        description: "Some Gigabit Adapter".to_owned(),
        mac: Some(MacAddress([0, 0x1b, 0x21, 0, 0, number])),
        kind,
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

/// What a notebook lists.
fn notebook() -> Vec<Interface> {
    let filter = Interface {
        filter: true,
        ..interface(3, "Wi-Fi-Native WiFi Filter", Kind::WiFi)
    };
    let host = Interface {
        description: "Hyper-V Virtual Ethernet Adapter #2".to_owned(),
        ..interface(4, "vEthernet (WSL (Hyper-V firewall))", Kind::Ethernet)
    };
    let off = Interface {
        mac: None,
        ..interface(5, "Ethernet 3", Kind::Ethernet)
    };
    vec![
        interface(1, "Wi-Fi", Kind::WiFi),
        interface(2, "Ethernet", Kind::Ethernet),
        filter,
        host,
        off,
        interface(6, "Bluetooth Network Connection", Kind::Bluetooth),
    ]
}

fn aliases(cards: &[Card]) -> Vec<(&str, bool)> {
    cards
        .iter()
        .map(|card| (card.alias.as_str(), card.wanted))
        .collect()
}

#[test]
fn all_physical_cards_are_uplinks_unless_the_settings_list_some() {
    let all = cards(&notebook(), &Settings::default());
    assert_eq!(aliases(&all), [("Wi-Fi", true), ("Ethernet", true)]);
    let text = "uplinks = \"listed\"\n[[uplink]]\nadapter = \"Ethernet\"\n";
    let listed = cards(
        &notebook(),
        &Settings::parse(text, "settings.toml").unwrap(),
    );
    assert_eq!(aliases(&listed), [("Wi-Fi", false), ("Ethernet", true)]);
}

#[test]
fn the_edge_knows_a_card_by_its_address_in_the_vm() {
    let cards = cards(&notebook(), &Settings::default());
    let adapters = adapters(&notebook());
    for (card, adapter) in cards.iter().zip(&adapters) {
        let mac = card.mac.locally_administered().0;
        assert_eq!(
            adapter.guest,
            InterfaceMatch::Mac(settings::MacAddress::from(mac))
        );
    }
}

#[test]
fn cards_without_a_cable_are_named_as_the_edge_knows_them() {
    let mut notebook = notebook();
    assert_eq!(unplugged(&notebook), []);
    notebook[1].media_connected = false;
    let [_, ethernet] = &adapters(&notebook)[..] else {
        panic!("two cards")
    };
    let [mac] = &unplugged(&notebook)[..] else {
        panic!("one of them")
    };
    assert_eq!(mac.to_string(), ethernet.guest.to_string());
}

#[test]
fn wireless_connections_can_be_minimized_beside_others() {
    let can_be = |interfaces: &[Interface], text: &str| {
        let settings = Settings::parse(text, "settings.toml").unwrap();
        can_be_minimized(interfaces, &cards(interfaces, &settings))
    };
    assert!(can_be(&notebook(), ""));
    let only = "uplinks = \"listed\"\n[[uplink]]\nadapter = \"Wi-Fi\"\n";
    assert!(!can_be(&notebook(), only));
    let wired = [
        interface(1, "Ethernet", Kind::Ethernet),
        interface(2, "Ethernet 2", Kind::Ethernet),
    ];
    assert!(!can_be(&wired, ""));
}

#[test]
fn the_hosts_end_of_wsls_network_is_found() {
    let address = |interface, net: &str| Address {
        interface: Luid(interface),
        net: net.parse().unwrap(),
        dad: DadState::Preferred,
    };
    let addresses = [address(4, "172.20.0.1/20"), address(1, "192.168.1.5/24")];
    let links = links(&notebook(), &addresses);
    assert_eq!(links.len(), 1);
    assert_eq!(links[0].luid, Luid(4));
    assert_eq!(links[0].networks, ["172.20.0.1/20".parse().unwrap()]);
}

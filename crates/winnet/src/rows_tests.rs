//! Rows as Windows' documentation describes them, and as its commands show them on PCs.

use super::*;

const GUID: Uuid = Uuid::from_u128(0x3f25_04e0_4f89_11d3_9a0c_0305_e82c_3301);
const MAC: [u8; 6] = [0x14, 0x11, 0x22, 0x33, 0x44, 0x55];

/// As in `MIB_IF_ROW2`: 257 units, of which those past the zero mean nothing.
fn units(text: &str) -> [u16; 257] {
    let mut units = [0x41; 257];
    let ended = text.encode_utf16().chain([0]);
    units
        .iter_mut()
        .zip(ended)
        .for_each(|(to, from)| *to = from);
    units
}

/// A network card that works.
fn card() -> InterfaceRow<'static> {
    InterfaceRow {
        guid: GUID,
        luid: 0x0006_0080_0000_0000,
        index: 12,
        alias: &[],
        description: &[],
        physical_address: &MAC,
        interface_type: 6,
        physical_medium: 14,
        flags: 0b101,
        oper_status: 1,
        admin_status: 1,
        media_connect_state: 1,
        mtu: 1500,
        speeds: [1_000_000_000, 1_000_000_000],
    }
}

fn is_physical(interface_type: u32, flags: u8, description: &str) -> bool {
    let description = units(description);
    let row = InterfaceRow {
        interface_type,
        flags,
        description: &description,
        ..card()
    };
    Interface::from(row).is_physical()
}

#[test]
fn a_card_is_read() {
    let (alias, description) = (units("Größe \u{1F310} 2"), units("Realtek PCIe GbE"));
    let row = InterfaceRow {
        alias: &alias,
        description: &description,
        ..card()
    };
    let expected = Interface {
        id: InterfaceId(GUID),
        luid: Luid(0x0006_0080_0000_0000),
        index: InterfaceIndex(12),
        alias: "Größe \u{1F310} 2".to_owned(),
        description: "Realtek PCIe GbE".to_owned(),
        mac: Some(MacAddress(MAC)),
        kind: Kind::Ethernet,
        hardware: true,
        connector: true,
        filter: false,
        present: true,
        admin_up: true,
        oper_up: true,
        media_connected: true,
        mtu: 1500,
        link_speed: Some(1_000_000_000),
    };
    assert_eq!(Interface::from(row), expected);
    assert_eq!(MacAddress(MAC).to_string(), "14-11-22-33-44-55");
}

#[test]
fn an_alias_of_full_length_needs_no_zero() {
    let alias = [0x42; 257];
    let row = InterfaceRow {
        alias: &alias,
        ..card()
    };
    assert_eq!(Interface::from(row).alias, "B".repeat(257));
}

#[test]
fn cards_are_told_from_all_else() {
    const CARD: u8 = 0b101;
    assert!(is_physical(6, CARD, "Realtek PCIe GbE Family Controller"));
    assert!(is_physical(
        6,
        CARD,
        "Remote NDIS based Internet Sharing Device"
    ));
    assert!(is_physical(71, CARD, "Intel(R) Wi-Fi 6 AX201 160MHz"));
    assert!(is_physical(243, CARD, "Sierra Wireless EM7455"));
    assert!(is_physical(244, CARD, "Sierra Wireless EM7455"));
    // In a VM of Hyper-V, this is the card.
    assert!(is_physical(6, CARD, "Microsoft Hyper-V Network Adapter"));
    // The cable is out (`NotMediaConnected`), the device sleeps (`LowPower`): still a card.
    assert!(is_physical(
        6,
        CARD | 0b101_0000,
        "Realtek PCIe GbE Family Controller"
    ));

    let host = "Hyper-V Virtual Ethernet Adapter";
    assert!(!is_physical(6, 0, host));
    assert!(!is_physical(6, CARD, host));
    assert!(!is_physical(6, CARD, "Hyper-V Virtual Ethernet Adapter #3"));
    let filter = "Realtek PCIe GbE Family Controller-WFP Native MAC Layer LightWeight Filter-0000";
    assert!(!is_physical(6, CARD | 0b10, filter));
    assert!(!is_physical(6, 0, "TAP-Windows Adapter V9"));
    assert!(!is_physical(
        6,
        0b100,
        "VMware Virtual Ethernet Adapter for VMnet8"
    ));
    assert!(!is_physical(
        71,
        0,
        "Microsoft Wi-Fi Direct Virtual Adapter"
    ));
    assert!(!is_physical(6, 0b001, "WAN Miniport (IP)"));
    assert!(!is_physical(24, 0, "Software Loopback Interface 1"));
    assert!(!is_physical(
        131,
        CARD,
        "Microsoft Teredo Tunneling Adapter"
    ));
    assert!(!is_physical(53, CARD, "Wintun Userspace Tunnel"));
}

#[test]
fn bluetooth_is_no_ethernet() {
    let row = InterfaceRow {
        physical_medium: 10,
        ..card()
    };
    let interface = Interface::from(row);
    assert_eq!(interface.kind, Kind::Bluetooth);
    assert!(!interface.is_physical());
}

#[test]
fn states_are_read() {
    let state = |admin_status, oper_status, media_connect_state| {
        let interface = Interface::from(InterfaceRow {
            admin_status,
            oper_status,
            media_connect_state,
            ..card()
        });
        let Interface {
            admin_up,
            oper_up,
            present,
            media_connected,
            ..
        } = interface;
        [admin_up, oper_up, present, media_connected]
    };
    assert_eq!(state(1, 1, 1), [true, true, true, true]);
    // The cable is out.
    assert_eq!(state(1, 2, 2), [true, false, true, false]);
    // Disabled, or unplugged.
    assert_eq!(state(2, 6, 0), [false, false, false, true]);
    // Being tested; lower layer down.
    assert_eq!(state(3, 7, 0), [false, false, true, true]);
}

#[test]
fn what_a_driver_does_not_know_is_left_out() {
    let with = |physical_address, speeds| {
        Interface::from(InterfaceRow {
            physical_address,
            speeds,
            ..card()
        })
    };
    assert_eq!(with(&[], [0, 0]).mac, None);
    // InfiniBand.
    assert_eq!(with(&[1; 20], [0, 0]).mac, None);
    assert_eq!(with(&[], [0, 0]).link_speed, None);
    assert_eq!(with(&[], [u64::MAX, u64::MAX]).link_speed, None);
    assert_eq!(
        with(&[], [u64::MAX, 54_000_000]).link_speed,
        Some(54_000_000)
    );
    assert_eq!(with(&[], [1_000, 2_000]).link_speed, Some(2_000));
}

#[test]
fn addresses_are_read() {
    let row = |address: &str, prefix_length, dad_state| AddressRow {
        luid: 7,
        address: Some(address.parse().unwrap()),
        prefix_length,
        dad_state,
    };
    let expected = Address {
        interface: Luid(7),
        net: "172.20.0.1/20".parse().unwrap(),
        dad: DadState::Preferred,
    };
    assert_eq!(row("172.20.0.1", 20, 4).read(), Some(expected));
    let states = [0, 1, 2, 3, 4, 5].map(|state| row("fe80::1", 64, state).read().unwrap().dad);
    let expected = [
        DadState::Invalid,
        DadState::Tentative,
        DadState::Duplicate,
        DadState::Deprecated,
        DadState::Preferred,
        DadState::Invalid,
    ];
    assert_eq!(states, expected);
    assert_eq!(row("172.20.0.1", 33, 4).read(), None);
    let nothing = AddressRow {
        address: None,
        ..row("172.20.0.1", 20, 4)
    };
    assert_eq!(nothing.read(), None);
}

#[test]
fn routes_are_read() {
    let row = |destination: &str, prefix_length, next_hop: &str, protocol| RouteRow {
        luid: 7,
        destination: Some(destination.parse().unwrap()),
        prefix_length,
        next_hop: Some(next_hop.parse().unwrap()),
        metric: 25,
        protocol,
    };
    let route = |destination: &str, gateway, protocol| Route {
        interface: Luid(7),
        destination: destination.parse().unwrap(),
        gateway,
        metric: 25,
        protocol,
    };
    let gateway = Some([192, 168, 1, 1].into());
    assert_eq!(
        row("0.0.0.0", 0, "192.168.1.1", 3).read(),
        Some(route("0.0.0.0/0", gateway, RouteProtocol::NetMgmt))
    );
    assert_eq!(
        row("fe80::", 64, "::", 2).read(),
        Some(route("fe80::/64", None, RouteProtocol::Local))
    );
    assert_eq!(
        row("10.0.0.0", 8, "0.0.0.0", 19).read(),
        Some(route("10.0.0.0/8", None, RouteProtocol::Other(19)))
    );
    assert_eq!(row("10.0.0.0", 33, "0.0.0.0", 2).read(), None);
}

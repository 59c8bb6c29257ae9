use proptest::prelude::*;

use super::*;

const ID: Uuid = Uuid::from_u128(7);

fn network(text: &str) -> Network {
    Network::parse(NetworkId(ID), text).unwrap()
}

#[test]
fn networks_are_read_in_both_forms() {
    let older = r#"{"ActivityId":"9D3","Flags":0,"ID":"B95D0C5E-57D4-412B-B571-18A81A16E005",
        "Name":"MPTCP - Ethernet 2","NetworkAdapterName":"Ethernet 2","Policies":[],"Type":"Transparent"}"#;
    let newer = r#"{"ID":"b95d0c5e-57d4-412b-b571-18a81a16e005","Name":"MPTCP - Ethernet 2",
        "Type":"Transparent","Policies":[{"Type":"VLAN","Settings":{}},
        {"Type":"NetAdapterName","Settings":{"NetworkAdapterName":"Ethernet 2"}}]}"#;
    let expected = Network {
        id: NetworkId(ID),
        name: "MPTCP - Ethernet 2".to_owned(),
        kind: "Transparent".to_owned(),
        nic: Some("Ethernet 2".to_owned()),
    };
    assert_eq!(network(older), expected);
    assert_eq!(network(newer), expected);
}

#[test]
fn networks_of_others_may_be_odd() {
    let odd = network(r#"{"Name":7,"Policies":{"Type":"NetAdapterName"}}"#);
    assert_eq!(
        (odd.name.as_str(), odd.kind.as_str(), odd.nic),
        ("", "", None)
    );
    for wrong in ["", "[]", "{", "null"] {
        assert!(Network::parse(NetworkId(ID), wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn endpoints_are_read_in_capitals_and_with_braces() {
    let text = r#"{"VIRTUALNETWORK":"{B95D0C5E-57D4-412B-B571-18A81A16E005}","MACADDRESS":"00-15-5D-01-02-03",
        "VIRTUALMACHINE":"WSL-4EB1F8E2-0000-0000-0000-000000000001"}"#;
    let endpoint = Endpoint::parse(EndpointId(ID), text).unwrap();
    let expected = Endpoint {
        id: EndpointId(ID),
        network: Some("b95d0c5e-57d4-412b-b571-18a81a16e005".parse().unwrap()),
        mac: Some(MacAddress([0, 0x15, 0x5D, 1, 2, 3])),
        system: Some(SystemId::new("WSL-4EB1F8E2-0000-0000-0000-000000000001")),
    };
    assert_eq!(endpoint, expected);

    let newer = r#"{"HostComputeNetwork":"b95d0c5e-57d4-412b-b571-18a81a16e005","MacAddress":"00155D010203",
        "VirtualMachine":""}"#;
    let endpoint = Endpoint::parse(EndpointId(ID), newer).unwrap();
    assert_eq!(endpoint.network, expected.network);
    assert_eq!((endpoint.mac, endpoint.system), (None, None));
}

#[test]
fn systems_are_those_of_wsl() {
    let text = r#"[
        {"Id":"7A1F","SystemType":"VirtualMachine","Owner":"WSL","RuntimeId":"4eb1f8e2-0000-0000-0000-000000000001","State":"Running"},
        {"Id":"7A20","Owner":"WSLC","State":"Running"},
        {"ID":"WSL-7A21","STATE":"Paused","RUNTIMEID":"?"}]"#;
    let systems = System::parse_all(text).unwrap();
    let expected = [
        System {
            id: SystemId::new("7A1F"),
            runtime_id: Some(Uuid::from_u128(0x4eb1_f8e2_0000_0000_0000_0000_0000_0001)),
            state: State::Running,
        },
        System {
            id: SystemId::new("WSL-7A21"),
            runtime_id: None,
            state: State::Other("Paused".to_owned()),
        },
    ];
    assert_eq!(systems, expected);
}

#[test]
fn no_document_says_that_there_is_nothing() {
    for nothing in ["", " \n", "null", "[]"] {
        assert_eq!(System::parse_all(nothing).unwrap(), []);
        assert!(parse_ids(nothing).unwrap().is_empty());
    }
    for wrong in [r#"{"Id":"1"}"#, "[1]", "[{}]", "7"] {
        assert!(System::parse_all(wrong).is_err(), "{wrong}");
    }
    for wrong in ["{}", "[7]", r#"["B95D0C5E"]"#] {
        assert!(parse_ids(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn ids_are_read_in_every_spelling(ids: Vec<u128>, braces: bool, capitals: bool) {
        let ids: Vec<_> = ids.into_iter().map(Uuid::from_u128).collect();
        let spell = |id: &Uuid| {
            let text = if braces { id.braced().to_string() } else { id.to_string() };
            if capitals { text.to_uppercase() } else { text }
        };
        let text = serde_json::to_string(&ids.iter().map(spell).collect::<Vec<_>>()).unwrap();
        prop_assert_eq!(parse_ids(&text).unwrap(), ids);
    }
}

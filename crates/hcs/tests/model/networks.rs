use fakes::hcs::{self as model, code};
use hcs::{Endpoint, EndpointId, HcsError, Network, NetworkId, NewEndpoint, NewNetwork, SystemId};
use uuid::Uuid;

use super::{NIC, Pc, VM, adapter, chain, mac, new_endpoint, new_network, vm};

#[test]
fn a_network_is_made_listed_and_deleted() {
    let pc = Pc::new();
    let wsl = Uuid::from_u128(0x790e_58b4_7939_4434_9358_89ae_7ddb_e87e);
    pc.model().add_network(
        wsl,
        model::Network {
            name: "WSL (Hyper-V firewall)".to_owned(),
            kind: "ICS".to_owned(),
            nic: None,
        },
    );
    pc.hcs.create_network(&new_network()).unwrap();
    // Again, which changes nothing.
    pc.hcs.create_network(&new_network()).unwrap();
    let ours = Network {
        id: NetworkId::for_nic(NIC),
        name: "MPTCP - Ethernet 2".to_owned(),
        kind: "Transparent".to_owned(),
        nic: Some("Ethernet 2".to_owned()),
    };
    let theirs = Network {
        id: NetworkId(wsl),
        name: "WSL (Hyper-V firewall)".to_owned(),
        kind: "ICS".to_owned(),
        nic: None,
    };
    let mut networks = pc.hcs.networks().unwrap();
    networks.sort_by_key(|network| network.kind.clone());
    assert_eq!(networks, [theirs.clone(), ours]);

    pc.hcs.delete_network(NetworkId::for_nic(NIC)).unwrap();
    pc.hcs.delete_network(NetworkId::for_nic(NIC)).unwrap();
    assert_eq!(pc.hcs.networks().unwrap(), [theirs]);
}

#[test]
fn a_name_that_another_network_has_is_an_error() {
    let pc = Pc::new();
    pc.model().add_nic("Wi-Fi");
    let other = NewNetwork {
        id: NetworkId(Uuid::from_u128(1)),
        nic: "Wi-Fi".to_owned(),
        ..new_network()
    };
    pc.hcs.create_network(&other).unwrap();
    let error = pc.hcs.create_network(&new_network()).unwrap_err();
    assert_eq!(
        chain(&error),
        format!(
            "can't make the virtual switch \"MPTCP - Ethernet 2\" ({}) on the network card \
             \"Ethernet 2\": HcnCreateNetwork gave 0x803B0010, a network with this name is there \
             already (Windows says: A network with this name already exists); remove or rename it",
            NetworkId::for_nic(NIC)
        )
    );
}

#[test]
fn a_card_that_is_missing_or_taken_is_an_error_that_says_what_to_look_at() {
    let pc = Pc::new();
    let missing = NewNetwork {
        nic: "Ethernet 3".to_owned(),
        ..new_network()
    };
    let error = pc.hcs.create_network(&missing).unwrap_err();
    assert_eq!(error.hresult(), Some(hcs::HResult::HCN_ADAPTER_NOT_FOUND));
    assert!(
        chain(&error).contains("whether the card is plugged in"),
        "{}",
        chain(&error)
    );

    pc.hcs.create_network(&new_network()).unwrap();
    let second = NewNetwork {
        id: NetworkId(Uuid::from_u128(1)),
        name: "another".to_owned(),
        ..new_network()
    };
    let error = pc.hcs.create_network(&second).unwrap_err();
    assert_eq!(error.hresult(), Some(hcs::HResult::HCN_ADAPTER_NOT_FOUND));
}

#[test]
fn a_name_that_json_must_escape_arrives() {
    let pc = Pc::new();
    let alias = r#"Bob's "fast" \ card"#;
    pc.model().add_nic(alias);
    let network = NewNetwork {
        name: format!("MPTCP - {alias}"),
        nic: alias.to_owned(),
        ..new_network()
    };
    pc.hcs.create_network(&network).unwrap();
    assert_eq!(pc.hcs.networks().unwrap()[0].nic.as_deref(), Some(alias));
}

#[test]
fn a_network_with_endpoints_is_not_deleted() {
    let pc = Pc::ready();
    let error = pc.hcs.delete_network(NetworkId::for_nic(NIC)).unwrap_err();
    assert!(
        matches!(&error, HcsError::InUse { endpoints, .. } if *endpoints == [EndpointId::for_nic(NIC)])
    );
    assert!(
        error
            .to_string()
            .contains(&EndpointId::for_nic(NIC).to_string())
    );
    // Windows is not even asked, since it may never answer.
    assert_eq!(pc.calls("HcnDeleteNetwork"), 0);
    pc.hcs.delete_endpoint(EndpointId::for_nic(NIC)).unwrap();
    pc.hcs.delete_network(NetworkId::for_nic(NIC)).unwrap();
    assert!(pc.model().networks().is_empty());
}

#[test]
fn an_endpoint_is_made_listed_and_deleted() {
    let pc = Pc::ready();
    pc.hcs.create_endpoint(&new_endpoint()).unwrap();
    let mut expected = Endpoint {
        id: EndpointId::for_nic(NIC),
        network: Some(NetworkId::for_nic(NIC)),
        mac: Some(mac()),
        system: None,
    };
    assert_eq!(pc.hcs.endpoints().unwrap(), [expected.clone()]);
    pc.hcs.add_adapter(&vm(), &adapter()).unwrap();
    expected.system = Some(SystemId::new(VM.to_string()));
    assert_eq!(pc.hcs.endpoints().unwrap(), [expected]);

    pc.hcs.delete_endpoint(EndpointId::for_nic(NIC)).unwrap();
    pc.hcs.delete_endpoint(EndpointId::for_nic(NIC)).unwrap();
    assert_eq!(pc.hcs.endpoints().unwrap(), []);
}

#[test]
fn an_endpoint_that_is_there_but_different_is_an_error() {
    let pc = Pc::ready();
    let other = NewEndpoint {
        mac: mac().locally_administered(),
        ..new_endpoint()
    };
    let error = pc.hcs.create_endpoint(&other).unwrap_err();
    assert_eq!(error.hresult(), Some(hcs::HResult::HCN_PORT_ALREADY_EXISTS));

    let nowhere = NewEndpoint {
        network: NetworkId(Uuid::from_u128(1)),
        ..new_endpoint()
    };
    let error = pc.hcs.create_endpoint(&nowhere).unwrap_err();
    assert_eq!(error.hresult(), Some(hcs::HResult::HCN_NETWORK_NOT_FOUND));
}

#[test]
fn what_vanishes_while_it_is_listed_is_left_out() {
    let pc = Pc::ready();
    let gone = code::HCN_NETWORK_NOT_FOUND;
    pc.model()
        .fail_next("HcnQueryNetworkProperties", 1, gone, "");
    assert_eq!(pc.hcs.networks().unwrap(), []);
    let gone = code::HCN_ENDPOINT_NOT_FOUND;
    pc.model()
        .fail_next("HcnQueryEndpointProperties", 1, gone, "");
    assert_eq!(pc.hcs.endpoints().unwrap(), []);
}

#[test]
fn capitals_change_nothing() {
    let pc = Pc::ready();
    let before = (
        pc.hcs.networks().unwrap(),
        pc.hcs.endpoints().unwrap(),
        pc.hcs.systems().unwrap(),
    );
    pc.model().write_upper_case();
    let after = (
        pc.hcs.networks().unwrap(),
        pc.hcs.endpoints().unwrap(),
        pc.hcs.systems().unwrap(),
    );
    assert_eq!(before, after);
    assert_eq!((after.0.len(), after.1.len(), after.2.len()), (1, 1, 1));
}

#[test]
fn without_the_rights_it_says_which() {
    let pc = Pc::new();
    let denied = code::HCS_ACCESS_DENIED;
    pc.model()
        .fail_next("HcnEnumerateNetworks", 1, denied, "Access is denied. ");
    let error = pc.hcs.networks().unwrap_err();
    assert_eq!(
        chain(&error),
        "can't list the virtual switches: HcnEnumerateNetworks gave 0x8037011B, access is denied \
         (Windows says: Access is denied); run it as an administrator or as a member of Hyper-V \
         Administrators"
    );
}

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fakes::hcs::{self as model, Change, code};
use hcs::{EndpointId, HResult, HcsError, Seen, State, System, SystemId};
use uuid::Uuid;

use super::{NIC, Pc, VM, adapter, chain, mac, new_endpoint, new_network, vm};

const MODIFY: &str = "HcsModifyComputeSystem";

#[test]
fn the_vms_of_wsl_are_listed() {
    let pc = Pc::new();
    assert_eq!(pc.hcs.systems().unwrap(), []);
    pc.model().start_system(VM);
    let other = |id: &str, owner: &str, state: &str| model::System {
        id: id.to_owned(),
        runtime_id: Uuid::from_u128(2),
        owner: owner.to_owned(),
        state: state.to_owned(),
        adapters: BTreeMap::new(),
    };
    pc.model().add_system(other("container", "WSLC", "Running"));
    pc.model().add_system(other("WSL-2", "WSL", "Paused"));
    let expected = [
        System {
            id: vm(),
            runtime_id: Some(VM),
            state: State::Running,
        },
        System {
            id: SystemId::new("WSL-2"),
            runtime_id: Some(Uuid::from_u128(2)),
            state: State::Other("Paused".to_owned()),
        },
    ];
    assert_eq!(pc.hcs.systems().unwrap(), expected);
}

#[test]
fn an_adapter_is_plugged_in_and_pulled_out() {
    let pc = Pc::ready();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let changes = seen.clone();
    pc.model()
        .on_change(move |change| changes.lock().unwrap().push(change.clone()));

    assert_eq!(pc.hcs.add_adapter(&vm(), &adapter()).unwrap(), Seen::ById);
    assert_eq!(pc.hcs.add_adapter(&vm(), &adapter()).unwrap(), Seen::ById);
    pc.hcs.remove_adapter(&vm(), &adapter()).unwrap();
    pc.hcs.remove_adapter(&vm(), &adapter()).unwrap();

    let attachment = model::Attachment {
        system: vm().to_string(),
        nic: Some("Ethernet 2".to_owned()),
        adapter: model::Adapter {
            endpoint: EndpointId::for_nic(NIC).0,
            mac: mac().to_string(),
            instance: Some(NIC),
        },
    };
    let expected = [
        Change::Added(attachment.clone()),
        Change::Removed(attachment),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
    assert_eq!(pc.clock.slept(), Duration::ZERO);
    assert_eq!(pc.model().open_handles(), 0);
}

#[test]
fn without_instance_ids_the_guest_goes_by_the_mac_address() {
    let pc = Pc::ready();
    pc.model().refuse_instances();
    assert_eq!(pc.hcs.add_adapter(&vm(), &adapter()).unwrap(), Seen::ByMac);
    assert_eq!(pc.model().systems()[0].adapters.len(), 1);
    assert_eq!(pc.calls(MODIFY), 2);
    assert_eq!(pc.hcs.add_adapter(&vm(), &adapter()).unwrap(), Seen::ByMac);
    pc.hcs.remove_adapter(&vm(), &adapter()).unwrap();
    assert_eq!(pc.model().systems()[0].adapters.len(), 0);
}

#[test]
fn a_document_that_is_refused_twice_is_an_error() {
    let pc = Pc::ready();
    pc.model().fail_next(MODIFY, 2, code::HCS_INVALID_JSON, "");
    let error = pc.hcs.add_adapter(&vm(), &adapter()).unwrap_err();
    assert_eq!(error.hresult(), Some(HResult::HCS_INVALID_JSON));
    assert_eq!(pc.clock.slept(), Duration::ZERO);
}

#[test]
fn it_is_tried_again_while_the_vm_starts() {
    let pc = Pc::ready();
    pc.model().fail_next(MODIFY, 29, 0x8037_0111, "");
    pc.hcs.add_adapter(&vm(), &adapter()).unwrap();
    assert_eq!(pc.calls(MODIFY), 30);
    assert_eq!(pc.clock.slept(), Duration::from_millis(2900));
}

#[test]
fn it_is_tried_for_three_seconds_and_no_longer() {
    let pc = Pc::ready();
    pc.model()
        .fail_next(MODIFY, 1000, 0x8037_0111, "The VM sulks. ");
    let error = pc.hcs.add_adapter(&vm(), &adapter()).unwrap_err();
    assert_eq!(pc.clock.slept(), Duration::from_secs(3));
    let expected = format!(
        "can't plug the adapter {NIC} ({}) into WSL's VM {}: HcsModifyComputeSystem gave 0x80370111 \
         (Windows says: The VM sulks)",
        mac(),
        vm()
    );
    assert_eq!(chain(&error), expected);
    assert_eq!(pc.model().open_handles(), 0);
}

#[test]
fn it_is_not_tried_again_where_that_can_not_help() {
    for status in [
        code::HCN_ENDPOINT_NOT_FOUND,
        code::HCS_INVALID_STATE,
        code::HCS_ACCESS_DENIED,
        code::INVALID_ARGUMENT,
        0x8004_1001,
        0x8037_0110,
    ] {
        let pc = Pc::ready();
        pc.model().fail_next(MODIFY, 1, status, "");
        let error = pc.hcs.add_adapter(&vm(), &adapter()).unwrap_err();
        assert_eq!(error.hresult(), Some(HResult::new(status.cast_signed())));
        assert_eq!(pc.calls(MODIFY), 1, "{error:?}");
    }
}

#[test]
fn without_its_endpoint_or_vm_it_is_an_error() {
    let pc = Pc::ready();
    pc.hcs.delete_endpoint(EndpointId::for_nic(NIC)).unwrap();
    let error = pc.hcs.add_adapter(&vm(), &adapter()).unwrap_err();
    assert_eq!(error.hresult(), Some(HResult::HCN_ENDPOINT_NOT_FOUND));
    pc.model().stop_system(vm().as_str());
    let error = pc.hcs.add_adapter(&vm(), &adapter()).unwrap_err();
    assert_eq!(error.hresult(), Some(HResult::HCS_SYSTEM_NOT_FOUND));
    // What is gone has no adapter.
    pc.hcs.remove_adapter(&vm(), &adapter()).unwrap();
}

#[test]
fn an_endpoint_of_a_vm_that_is_gone_has_to_be_made_again() {
    let pc = Pc::ready();
    pc.hcs.add_adapter(&vm(), &adapter()).unwrap();
    pc.model().stop_system(vm().as_str());
    let next = Uuid::from_u128(0xB);
    pc.model().start_system(next);
    let next = SystemId::new(next.to_string().to_uppercase());

    let error = pc.hcs.add_adapter(&next, &adapter()).unwrap_err();
    assert!(matches!(&error, HcsError::Elsewhere { system, .. } if *system == vm()));
    assert!(error.to_string().contains(vm().as_str()));

    pc.hcs.delete_endpoint(EndpointId::for_nic(NIC)).unwrap();
    pc.hcs.create_endpoint(&new_endpoint()).unwrap();
    pc.hcs.add_adapter(&next, &adapter()).unwrap();
    assert_eq!(pc.model().systems()[0].adapters.len(), 1);
}

#[test]
fn an_endpoint_may_know_its_vm_by_the_runtime_id() {
    let pc = Pc::new();
    let inbox = SystemId::new("WSL-0000");
    pc.model().add_system(model::System {
        id: inbox.to_string(),
        runtime_id: VM,
        owner: "WSL".to_owned(),
        state: "Running".to_owned(),
        adapters: BTreeMap::new(),
    });
    pc.hcs.create_network(&new_network()).unwrap();
    pc.model().add_endpoint(
        EndpointId::for_nic(NIC).0,
        model::Endpoint {
            network: new_network().id.0,
            mac: mac().to_string(),
            system: Some(VM.to_string().to_uppercase()),
        },
    );
    assert_eq!(pc.hcs.add_adapter(&inbox, &adapter()).unwrap(), Seen::ById);
}

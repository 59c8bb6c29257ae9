use std::sync::mpsc;
use std::time::Duration;

use fakes::hcs::code;
use hcs::{HResult, NetworkEvent, SystemEvent};

use super::{NIC, Pc, VM, adapter, chain, new_network, vm};

/// Longer than any machine is busy.
const LONG: Duration = Duration::from_secs(30);

#[test]
fn the_end_of_a_vm_is_told_once_its_handle_is_closed() {
    let pc = Pc::ready();
    let (sender, events) = mpsc::channel();
    let model = pc.model.clone();
    let told = move |event| {
        let handles = model.lock().unwrap().open_handles();
        sender.send((event, handles)).unwrap();
    };
    let watch = pc.hcs.watch(&vm(), told).unwrap();
    assert_eq!(pc.model().open_handles(), 1);
    pc.model().stop_system(vm().as_str());
    assert_eq!(events.recv_timeout(LONG), Ok((SystemEvent::Exited, 0)));
    drop(watch);
    assert!(events.recv().is_err());
}

#[test]
fn the_end_of_the_service_is_told_to_all() {
    let pc = Pc::ready();
    let (sender, events) = mpsc::channel();
    let _vm = pc
        .hcs
        .watch(&vm(), move |event| sender.send(event).unwrap())
        .unwrap();
    let (sender, network_events) = mpsc::channel();
    let networks = pc
        .hcs
        .watch_networks(move |event| sender.send(event).unwrap());
    let _networks = networks.unwrap();
    pc.model().disconnect();
    assert_eq!(
        events.recv_timeout(LONG),
        Ok(SystemEvent::ServiceDisconnect)
    );
    assert_eq!(
        network_events.recv_timeout(LONG),
        Ok(NetworkEvent::ServiceDisconnect)
    );
    // It was the last one.
    assert!(network_events.recv_timeout(LONG).is_err());
}

#[test]
fn nothing_is_told_once_a_watch_is_dropped() {
    let pc = Pc::ready();
    let (sender, events) = mpsc::channel();
    let watch = pc
        .hcs
        .watch(&vm(), move |event| sender.send(event).unwrap())
        .unwrap();
    drop(watch);
    assert_eq!(pc.model().open_handles(), 0);
    pc.model().stop_system(vm().as_str());
    assert!(events.recv().is_err());
}

#[test]
fn a_watch_may_be_dropped_by_who_is_told() {
    let pc = Pc::ready();
    let (give, take) = mpsc::channel::<hcs::Watch>();
    let (sender, done) = mpsc::channel();
    let told = move |_| {
        drop(take.recv().unwrap());
        sender.send(()).unwrap();
    };
    give.send(pc.hcs.watch(&vm(), told).unwrap()).unwrap();
    pc.model().stop_system(vm().as_str());
    assert_eq!(done.recv_timeout(LONG), Ok(()));
}

#[test]
fn a_vm_that_is_gone_is_not_watched() {
    let pc = Pc::ready();
    pc.model().stop_system(vm().as_str());
    let error = pc.hcs.watch(&vm(), |_| ()).unwrap_err();
    assert_eq!(error.hresult(), Some(HResult::HCS_SYSTEM_NOT_FOUND));
    assert!(chain(&error).starts_with(&format!("can't watch WSL's VM {VM:X}")));
}

#[test]
fn a_watch_that_is_refused_leaves_nothing_open() {
    let pc = Pc::ready();
    let refused = code::HCS_CALLBACK_ALREADY_SET;
    pc.model()
        .fail_next("HcsSetComputeSystemCallback", 1, refused, "");
    let error = pc.hcs.watch(&vm(), |_| ()).unwrap_err();
    assert_eq!(error.hresult().unwrap().to_string(), "0x80370119");
    assert_eq!(pc.model().open_handles(), 0);
}

#[test]
fn switches_and_ports_are_told_about() {
    let pc = Pc::new();
    let (sender, events) = mpsc::channel();
    let watch = pc
        .hcs
        .watch_networks(move |event| sender.send(event).unwrap());
    let watch = watch.unwrap();
    pc.hcs.create_network(&new_network()).unwrap();
    pc.model().start_system(VM);
    pc.hcs.create_endpoint(&super::new_endpoint()).unwrap();
    pc.hcs.add_adapter(&vm(), &adapter()).unwrap();
    pc.hcs.remove_adapter(&vm(), &adapter()).unwrap();
    pc.hcs
        .delete_endpoint(hcs::EndpointId::for_nic(NIC))
        .unwrap();
    pc.hcs.delete_network(new_network().id).unwrap();
    for expected in [
        NetworkEvent::Created,
        NetworkEvent::EndpointAttached,
        NetworkEvent::EndpointDetached,
        NetworkEvent::Deleted,
    ] {
        assert_eq!(events.recv_timeout(LONG), Ok(expected));
    }
    drop(watch);
    assert!(events.recv().is_err());
}

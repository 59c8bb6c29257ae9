//! The model refuses what Windows refuses.

use fakes::hcs::{Hcs, code};
use fakes::{Event, Machine, Reply, Request};
use serde_json::{Value, json};
use uuid::Uuid;

const NETWORK: &str = "b95d0c5e-57d4-412b-b571-18a81a16e005";
const ENDPOINT: &str = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";
const PATH: &str = "VirtualMachine/Devices/NetworkAdapters/one";
const VM: Uuid = Uuid::from_u128(0xA);

fn call(hcs: &mut Hcs, call: &str, arguments: Value) -> Reply {
    hcs.call(&Request {
        call: call.to_owned(),
        arguments,
    })
}

fn status(hcs: &mut Hcs, function: &str, arguments: Value) -> u32 {
    call(hcs, function, arguments).status.cast_unsigned()
}

fn network_settings() -> Value {
    json!({
        "SchemaVersion": { "Major": 2, "Minor": 2 }, "Name": "MPTCP - Wi-Fi", "Type": "Transparent",
        "Ipams": [], "Flags": 0,
        "Policies": [{ "Type": "NetAdapterName", "Settings": { "NetworkAdapterName": "Wi-Fi" } }],
    })
}

fn endpoint_settings() -> Value {
    json!({
        "SchemaVersion": { "Major": 2, "Minor": 16 }, "HostComputeNetwork": NETWORK, "Policies": [],
        "MacAddress": "02-11-22-33-44-55",
    })
}

fn adapter_request() -> Value {
    json!({
        "ResourcePath": PATH, "RequestType": "Add",
        "Settings": { "EndpointId": ENDPOINT, "MacAddress": "02-11-22-33-44-55" },
    })
}

fn create_network(hcs: &mut Hcs, settings: &Value) -> u32 {
    let arguments = json!({ "id": NETWORK, "settings": settings.to_string() });
    status(hcs, "HcnCreateNetwork", arguments)
}

fn create_endpoint(hcs: &mut Hcs, settings: &Value) -> u32 {
    let settings = settings.to_string();
    let arguments = json!({ "network": NETWORK, "id": ENDPOINT, "settings": settings });
    status(hcs, "HcnCreateEndpoint", arguments)
}

fn modify(hcs: &mut Hcs, handle: u64, request: &Value) -> u32 {
    let arguments = json!({ "handle": handle, "configuration": request.to_string() });
    status(hcs, "HcsModifyComputeSystem", arguments)
}

fn open(hcs: &mut Hcs) -> u64 {
    let id = VM.to_string().to_uppercase();
    let reply = call(
        hcs,
        "HcsOpenComputeSystem",
        json!({ "id": id, "access": 0x1000_0000 }),
    );
    reply.result.expect("a handle").parse().expect("a number")
}

/// With a card, its switch, an endpoint and a VM.
fn ready() -> Hcs {
    let mut hcs = Hcs::default();
    hcs.add_nic("Wi-Fi");
    hcs.start_system(VM);
    assert_eq!(create_network(&mut hcs, &network_settings()), 0);
    assert_eq!(create_endpoint(&mut hcs, &endpoint_settings()), 0);
    hcs
}

#[test]
fn documents_are_read_strictly() {
    let mut hcs = Hcs::default();
    hcs.add_nic("Wi-Fi");
    for (pointer, value, expected) in [
        ("/Flags", json!("0"), code::HCN_INVALID_JSON),
        ("/Subnets", json!([]), code::HCN_INVALID_JSON),
        ("/SchemaVersion/Major", json!(1), code::HCN_INVALID_JSON),
        ("/Type", json!("L2Bridge"), code::HCN_INVALID_NETWORK_TYPE),
        ("/Policies", json!([]), code::HCN_INVALID_POLICY),
        ("/Policies/0/Type", json!("VLAN"), code::HCN_INVALID_POLICY),
        ("/Policies/0/Settings", json!({}), code::HCN_INVALID_POLICY),
    ] {
        let settings = with(network_settings(), pointer, value);
        assert_eq!(create_network(&mut hcs, &settings), expected, "{pointer}");
    }
    assert_eq!(create_network(&mut hcs, &network_settings()), 0);
    for (pointer, value, expected) in [
        (
            "/MacAddress",
            json!("02:11:22:33:44:55"),
            code::INVALID_ARGUMENT,
        ),
        (
            "/MacAddress",
            json!("02-11-22-33-44"),
            code::INVALID_ARGUMENT,
        ),
        ("/MacAddress", json!(null), code::HCN_INVALID_JSON),
        (
            "/HostComputeNetwork",
            json!(format!("{{{NETWORK}}}")),
            code::INVALID_ARGUMENT,
        ),
        (
            "/HostComputeNetwork",
            json!(ENDPOINT),
            code::INVALID_ARGUMENT,
        ),
        ("/VirtualNetwork", json!(NETWORK), code::HCN_INVALID_JSON),
    ] {
        let settings = with(endpoint_settings(), pointer, value);
        assert_eq!(create_endpoint(&mut hcs, &settings), expected, "{pointer}");
    }
    assert_eq!(
        status(
            &mut hcs,
            "HcnEnumerateNetworks",
            json!({ "query": "{\"Flags\":0}" })
        ),
        code::HCN_INVALID_JSON
    );
}

#[test]
fn adapters_are_read_strictly() {
    let mut hcs = ready();
    let handle = open(&mut hcs);
    for (pointer, value, expected) in [
        (
            "/ResourcePath",
            json!("VirtualMachine/Devices/NetworkAdapters/"),
            code::HCS_INVALID_JSON,
        ),
        (
            "/ResourcePath",
            json!("VirtualMachine/Devices/Scsi/0"),
            code::HCS_INVALID_JSON,
        ),
        ("/RequestType", json!("add"), code::HCS_INVALID_JSON),
        (
            "/Settings/InstanceID",
            json!(ENDPOINT),
            code::HCS_INVALID_JSON,
        ),
        ("/Settings/InstanceId", json!("{}"), code::INVALID_ARGUMENT),
        (
            "/Settings/EndpointId",
            json!(NETWORK),
            code::HCN_ENDPOINT_NOT_FOUND,
        ),
        (
            "/Settings/MacAddress",
            json!("02-11-22-33-44-66"),
            code::INVALID_ARGUMENT,
        ),
        ("/RequestType", json!("Remove"), code::ELEMENT_NOT_FOUND),
    ] {
        let request = with(adapter_request(), pointer, value);
        assert_eq!(modify(&mut hcs, handle, &request), expected, "{pointer}");
    }
    assert_eq!(
        modify(&mut hcs, handle + 1, &adapter_request()),
        code::INVALID_HANDLE
    );
    assert_eq!(modify(&mut hcs, handle, &adapter_request()), 0);
    let again = modify(&mut hcs, handle, &adapter_request());
    assert_eq!(again, code::HCN_ENDPOINT_ALREADY_ATTACHED);
}

#[test]
fn handles_have_one_callback_each_and_full_access() {
    let mut hcs = ready();
    let handle = open(&mut hcs);
    let set = |hcs: &mut Hcs| {
        status(
            hcs,
            "HcsSetComputeSystemCallback",
            json!({ "handle": handle }),
        )
    };
    assert_eq!(set(&mut hcs), 0);
    assert_eq!(set(&mut hcs), code::HCS_CALLBACK_ALREADY_SET);
    let id = VM.to_string().to_uppercase();
    let little = json!({ "id": id, "access": 1 });
    assert_eq!(
        status(&mut hcs, "HcsOpenComputeSystem", little),
        code::HCS_ACCESS_DENIED
    );
    let unknown = json!({ "id": "?", "access": 0x1000_0000 });
    assert_eq!(
        status(&mut hcs, "HcsOpenComputeSystem", unknown),
        code::HCS_SYSTEM_NOT_FOUND
    );
}

#[test]
fn a_network_with_endpoints_stays() {
    let mut hcs = ready();
    let delete = |hcs: &mut Hcs| status(hcs, "HcnDeleteNetwork", json!({ "id": NETWORK }));
    assert_eq!(delete(&mut hcs), code::HCN_ENTITY_HAS_REFERENCES);
    assert_eq!(
        status(&mut hcs, "HcnDeleteEndpoint", json!({ "id": ENDPOINT })),
        0
    );
    assert_eq!(delete(&mut hcs), 0);
    assert_eq!(delete(&mut hcs), code::HCN_NETWORK_NOT_FOUND);
}

#[test]
fn failures_come_as_often_as_told_and_with_a_record() {
    let mut hcs = ready();
    hcs.fail_next("HcnEnumerateNetworks", 2, 0x803B_0020, "stopping");
    let enumerate = |hcs: &mut Hcs| call(hcs, "HcnEnumerateNetworks", json!({ "query": "{}" }));
    for _ in 0..2 {
        let reply = enumerate(&mut hcs);
        assert_eq!(reply.status.cast_unsigned(), 0x803B_0020);
        let record: Value = serde_json::from_str(&reply.error.expect("a record")).expect("JSON");
        assert_eq!(record["Error"], "stopping");
        assert_eq!(record["ErrorCode"], 0x803B_0020_u32);
    }
    assert_eq!(
        enumerate(&mut hcs).result,
        Some(format!("[\"{}\"]", NETWORK.to_uppercase()))
    );
    assert_eq!(
        status(&mut hcs, "CreateFileW", json!({})),
        code::NOT_IMPLEMENTED
    );
}

#[test]
fn the_end_of_a_vm_is_told_to_the_handles_that_asked() {
    let mut hcs = ready();
    let (sender, events) = std::sync::mpsc::channel();
    hcs.tell(sender);
    let (asked, _other) = (open(&mut hcs), open(&mut hcs));
    call(
        &mut hcs,
        "HcsSetComputeSystemCallback",
        json!({ "handle": asked }),
    );
    assert_eq!(modify(&mut hcs, asked, &adapter_request()), 0);
    hcs.stop_system(&VM.to_string().to_uppercase());
    let attached = Event {
        source: "computenetwork".to_owned(),
        body: json!({ "type": code::ENDPOINT_ATTACHED }),
    };
    let exited = Event {
        source: "computecore".to_owned(),
        body: json!({ "handle": asked, "type": code::SYSTEM_EXITED }),
    };
    assert_eq!(events.try_iter().collect::<Vec<_>>(), [attached, exited]);
    // The orphan.
    let endpoint = &hcs.endpoints()[&ENDPOINT.parse().expect("a GUID")];
    assert_eq!(endpoint.system, Some(VM.to_string().to_uppercase()));
}

/// The document with something else, or more, at this place.
fn with(mut document: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = document.pointer_mut(parent).expect("a place");
    match parent {
        Value::Array(list) => list[key.parse::<usize>().expect("an index")] = value,
        other => other[key] = value,
    }
    document
}

#![no_main]

use hcs::{Endpoint, EndpointId, MacAddress, Network, NetworkId, System};
use libfuzzer_sys::fuzz_target;

const ID: &str = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";

fuzz_target!(|text: &str| {
    if let Ok(mac) = text.parse::<MacAddress>() {
        assert_eq!(mac.to_string().parse(), Ok(mac));
    }
    if let Ok(id) = text.parse::<NetworkId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    let network = Network::parse(ID.parse::<NetworkId>().unwrap(), text);
    let endpoint = Endpoint::parse(ID.parse::<EndpointId>().unwrap(), text);
    // Both are any object at all.
    assert_eq!(network.is_ok(), endpoint.is_ok());
    if let Ok(network) = network {
        assert_ne!(network.nic.as_deref(), Some(""));
    }
    if let Ok(systems) = System::parse_all(text) {
        assert!(systems.iter().all(|system| !system.id.as_str().is_empty()));
    }
});

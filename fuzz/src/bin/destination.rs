#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::{Destination, Host};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(host) = Host::try_from(bytes) {
        assert_eq!(host.to_string().parse(), Ok(host));
    }
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    match text.parse::<Destination>() {
        Ok(destination) => assert_eq!(destination.to_string().parse(), Ok(destination)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

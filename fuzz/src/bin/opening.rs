//! The first bytes of connections that pass by: a name is no longer than what it was in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::Opening;

fuzz_target!(|bytes: &[u8]| {
    for opening in [tls::server_name(bytes), wire::http::request_host(bytes)] {
        if let Opening::Named(name) = opening {
            assert!(name.as_str().len() <= bytes.len());
        }
    }
});

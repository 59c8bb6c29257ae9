#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::socks4::Request;

fuzz_target!(|bytes: &[u8]| {
    if let Some(request) = fuzz::check(Request::parse, Request::MAX_LEN, bytes) {
        assert_eq!(request.dest.to_string().parse(), Ok(request.dest));
    }
});

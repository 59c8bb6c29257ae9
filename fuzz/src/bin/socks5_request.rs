#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::socks5::Request;

fuzz_target!(|bytes: &[u8]| {
    if let Some(request) = fuzz::check(Request::parse, Request::MAX_LEN, bytes) {
        assert_eq!(request.dest.to_string().parse().as_ref(), Ok(&request.dest));
        fuzz::check_round_trip(Request::parse, &request.encode(), request);
    }
});

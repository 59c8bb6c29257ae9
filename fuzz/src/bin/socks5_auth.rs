#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::socks5::UserPassAuth;

fuzz_target!(|bytes: &[u8]| {
    if let Some(auth) = fuzz::check(UserPassAuth::parse, UserPassAuth::MAX_LEN, bytes) {
        fuzz::check_round_trip(UserPassAuth::parse, &auth.encode(), auth);
    }
});

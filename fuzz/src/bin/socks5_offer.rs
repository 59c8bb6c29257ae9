#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::socks5::MethodOffer;

fuzz_target!(|bytes: &[u8]| {
    if let Some(offer) = fuzz::check(MethodOffer::parse, MethodOffer::MAX_LEN, bytes) {
        fuzz::check_round_trip(MethodOffer::parse, &offer.encode(), offer);
    }
});

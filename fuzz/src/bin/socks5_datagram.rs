#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::socks5::DatagramHeader;

fuzz_target!(|bytes: &[u8]| {
    if let Some(header) = fuzz::check(DatagramHeader::parse, DatagramHeader::MAX_LEN, bytes) {
        fuzz::check_round_trip(DatagramHeader::parse, &header.encode(), header);
    }
});

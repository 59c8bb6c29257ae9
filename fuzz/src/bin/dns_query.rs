//! A datagram from anyone who can reach the DNS server.
#![no_main]

use dns::{Refusal, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // What is said to it must not be answered in its turn.
    if let Err(Refusal::Answer(answer)) = Request::parse(bytes) {
        assert_eq!(Request::parse(&answer).err(), Some(Refusal::Silent));
        assert_eq!(answer.get(..2), bytes.get(..2));
    }
});

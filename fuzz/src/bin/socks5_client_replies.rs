//! All that a SOCKS5 client reads: each message by itself, and the whole conversation in a row.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::Parsed;
use wire::socks5::{AuthStatus, MethodSelection, Reply};

fuzz_target!(|bytes: &[u8]| {
    fuzz::check(MethodSelection::parse, MethodSelection::MAX_LEN, bytes);
    fuzz::check(AuthStatus::parse, AuthStatus::MAX_LEN, bytes);
    if let Some(reply) = fuzz::check(Reply::parse, Reply::MAX_LEN, bytes) {
        fuzz::check_round_trip(Reply::parse, &reply.encode(), reply);
    }
    conversation(bytes);
});

fn conversation(bytes: &[u8]) {
    let Ok(Parsed::Complete {
        used: selection, ..
    }) = MethodSelection::parse(bytes)
    else {
        return;
    };
    let bytes = &bytes[selection..];
    let Ok(Parsed::Complete { used: status, .. }) = AuthStatus::parse(bytes) else {
        return;
    };
    fuzz::check(Reply::parse, Reply::MAX_LEN, &bytes[status..]);
}

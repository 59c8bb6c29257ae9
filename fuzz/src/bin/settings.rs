#![no_main]

use libfuzzer_sys::fuzz_target;
use settings::hub::Users;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let results = [
        settings::edge::Settings::parse(text, "fuzz").map(drop),
        settings::hub::Settings::parse(text, "fuzz").map(drop),
        Users::parse(text, "fuzz").map(drop),
    ];
    for errors in results.into_iter().filter_map(Result::err) {
        assert!(errors.iter().count() > 0 && !errors.to_string().is_empty());
    }
});

#![no_main]

use libfuzzer_sys::fuzz_target;
use settings::HubLink;

fuzz_target!(|text: &str| {
    let Ok(link) = text.parse::<HubLink>() else {
        return;
    };
    assert_ne!(link.destination.port, 0);
    let again: HubLink = link.expose().parse().expect("what is written can be read");
    assert_eq!(again, link);
    assert!(link.to_string().starts_with("manypath://…@"));
});

//! The host's settings: what they make of adapters is right for the edge, and edits change what they should.
#![no_main]

use libfuzzer_sys::fuzz_target;
use settings::edge::Role;
use settings::host::{Adapter, Settings};
use settings::{Guid, HubLink, InterfaceMatch, edge, edit};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let settings = match Settings::parse(text, "fuzz") {
        Ok(settings) => settings,
        Err(errors) => {
            assert!(errors.iter().count() > 0 && !errors.to_string().is_empty());
            return;
        }
    };
    let adapters = adapters();
    let host = InterfaceMatch::Mac([2, 0, 0, 0, 0, 1].into());
    if let Some(edge) = settings.edge(&adapters, host) {
        let read = edge::Settings::parse(&edge.to_toml(), "fuzz");
        assert_eq!(read.expect("the edge can read it"), edge);
    }
    for uplink in settings.uplinks(&adapters) {
        edit_role(text, &settings, uplink.adapter);
    }
    if let Ok(edited) = edit::with_hub::<Settings>(text, &link()) {
        let read = Settings::parse(&edited, "fuzz").expect("it can be read");
        assert!(read.out.hub.has_secrets());
    }
});

fn edit_role(text: &str, settings: &Settings, adapter: &Adapter) {
    let adapters = [adapter.clone()];
    let role = |settings: &Settings| {
        let rule = settings.uplinks(&adapters)[0].rule;
        rule.map_or(Role::Active, |rule| settings.rules[rule].role)
    };
    let place = settings.place_of(&settings.uplinks(&adapters)[0]);
    for (_, wanted) in Role::WORDS {
        if let Ok(edited) = edit::with_role::<Settings>(text, &place, wanted) {
            let read = Settings::parse(&edited, "fuzz").expect("it can be read");
            assert_eq!(role(&read), wanted, "{place:?} in\n{edited}");
        }
    }
}

fn adapters() -> Vec<Adapter> {
    let aliases = [
        "Wi-Fi",
        "Ethernet 2",
        "Local Area Connection* 3",
        "イーサネット",
        "\"'\\",
    ];
    let adapter = |(number, alias): (u128, &str)| Adapter {
        id: Guid::from(number),
        alias: alias.to_owned(),
        guest: InterfaceMatch::VmBus(Guid::from(number)),
    };
    (1..).zip(aliases).map(adapter).collect()
}

fn link() -> HubLink {
    let link = format!("manypath://{0}@hub.example/?pin={0}", "A".repeat(43));
    link.parse().expect("a link")
}

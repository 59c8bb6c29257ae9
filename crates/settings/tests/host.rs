//! What the host's file means, and what becomes of it for the edge.

use proptest::prelude::*;
use settings::edge::{AfterCap, Hub, Role, UplinkName};
use settings::edit::RulePlace;
use settings::host::{Adapter, Capture, Choice, Settings, Uplink};
use settings::{Guid, InterfaceMatch, edge};

fn host(text: &str) -> Settings {
    Settings::parse(text, "settings.toml").unwrap_or_else(|errors| panic!("{errors}"))
}

fn guid(number: u128) -> Guid {
    Guid::from(number)
}

/// As the guest sees it where Windows lets the host choose its VMBus instance.
fn adapter(number: u128, alias: &str) -> Adapter {
    Adapter {
        id: guid(number),
        alias: alias.to_owned(),
        guest: InterfaceMatch::VmBus(guid(number)),
    }
}

fn eth0() -> InterfaceMatch {
    InterfaceMatch::Mac([2, 0, 0, 0, 0, 1].into())
}

/// Name, number and role of each uplink, as the edge is told.
fn told(settings: &Settings, adapters: &[Adapter]) -> Vec<(Option<String>, String, Role)> {
    let edge = settings.edge(adapters, eth0());
    let uplinks = edge.map(|edge| edge.uplinks).unwrap_or_default();
    let told = uplinks.into_iter().map(|uplink| {
        let name = uplink.name.map(|name| name.to_string());
        (name, uplink.interface.to_string(), uplink.role)
    });
    told.collect()
}

fn expected(name: &str, number: u128, role: Role) -> (Option<String>, String, Role) {
    let name = (!name.is_empty()).then(|| name.to_owned());
    (name, guid(number).to_string(), role)
}

const FULL: &str = r#"
capture = "proxy"
set_proxy = true
uplinks = "listed"
[[uplink]]
adapter = "{00000000-0000-0000-0000-000000000002}"
name = "stick"
role = "backup"
metered = true
monthly_cap = "50GB"
after_cap = "off"
cap_resets_on = 15
ipv6 = false
[[uplink]]
adapter = "Ethernet*"
[proxy]
port = 3128
users = [{ name = "ann", password = "hunter2" }]
[out]
hub = ["socks5://bob:hunter2@hub.example:1080"]
[bypass]
networks = ["192.168.0.0/16"]
[mptcp]
subflows = 3
[guest]
distribution = "Test"
manage_wslconfig = false
kernel = 'C:\Program Files\Manypath\bzImage'
kernel_modules = 'D:\modules.vhdx'
"#;

#[test]
fn a_full_file() {
    let settings = host(FULL);
    assert_eq!(settings.capture, Capture::Proxy { set_proxy: true });
    assert_eq!(settings.choice, Choice::Listed);
    let [stick, ethernet] = &settings.rules[..] else {
        panic!("{settings:?}")
    };
    assert!(stick.adapter.matches(guid(2), "anything"));
    assert_eq!((stick.ipv6, ethernet.ipv6), (false, true));
    assert!(ethernet.adapter.matches(guid(7), "Ethernet 2"));
    let cap = stick.cap.expect("a cap");
    assert_eq!(
        (cap.monthly.bytes(), cap.after),
        (50_000_000_000, AfterCap::Off)
    );
    assert_eq!(cap.resets_on.get(), 15);
    assert_eq!(settings.guest.distribution.as_str(), "Test");
    assert!(!settings.guest.manage_wslconfig && settings.has_secrets());
    let kernel: wslconfig::Kernel = settings.guest.kernel.clone().expect("a kernel").into();
    assert_eq!(kernel.kernel.as_str(), r"C:\Program Files\Manypath\bzImage");
    assert_eq!(kernel.modules.as_str(), r"D:\modules.vhdx");
}

#[test]
fn without_secrets_it_can_be_written_and_read_again() {
    for text in ["", FULL, "capture = 'proxy'", "uplink = []"] {
        let text = text.replace("bob:hunter2@", "").replace("users = [{", "#");
        let settings = host(&text);
        assert!(!settings.has_secrets());
        let written = toml::to_string(&settings).expect("it can be written");
        assert_eq!(host(&written), settings, "{written}");
    }
}

#[test]
fn no_rendering_shows_a_secret() {
    let settings = host(FULL);
    let edge = settings
        .edge(&[adapter(2, "x")], eth0())
        .expect("an uplink");
    let written = toml::to_string(&settings).expect("it can be written");
    for text in [format!("{settings:?} {edge:?}"), written] {
        assert!(text.contains('…') && !text.contains("hunter2"), "{text}");
    }
}

#[test]
fn the_edge_gets_all_that_concerns_it_with_the_secrets() {
    let settings = host(FULL);
    let edge = settings
        .edge(&[adapter(2, "x")], eth0())
        .expect("an uplink");
    let side = edge.host.as_ref().expect("a host");
    assert_eq!(
        (&side.interface, side.capture),
        (&eth0(), edge::Capture::Proxy)
    );
    assert_eq!(edge.proxy, settings.proxy);
    assert_eq!((&edge.out, &edge.bypass), (&settings.out, &settings.bypass));
    assert_eq!(edge.mptcp, settings.mptcp);
    let [stick] = &edge.uplinks[..] else {
        panic!("{edge:?}")
    };
    let rule = &settings.rules[0];
    assert_eq!((stick.ipv6, stick.metered), (false, true));
    assert_eq!((&stick.name, stick.cap), (&rule.name, rule.cap));
    let text = edge.to_toml();
    assert_eq!(text.matches("hunter2").count(), 2);
    assert_eq!(
        edge::Settings::parse(&text, "told").expect("it is right"),
        edge
    );
}

#[test]
fn adapters_without_a_rule_are_active_unless_only_listed_ones_count() {
    let adapters = [
        adapter(2, "Ethernet"),
        adapter(1, "WLAN"),
        adapter(3, "USB"),
    ];
    let rule = "[[uplink]]\nadapter = 'WLAN'\nrole = 'off'\n";
    let all = host(rule);
    let wlan = expected("WLAN", 1, Role::Off);
    let others = [
        expected("Ethernet", 2, Role::Active),
        expected("USB", 3, Role::Active),
    ];
    assert_eq!(
        told(&all, &adapters),
        [&[wlan.clone()][..], &others].concat()
    );
    let listed = host(&format!("uplinks = 'listed'\n{rule}"));
    assert_eq!(told(&listed, &adapters), [wlan]);
    assert_eq!(listed.edge(&adapters[..1], eth0()), None);
    assert_eq!(all.edge(&[], eth0()), None);
}

#[test]
fn the_first_rule_counts_and_the_order_of_rules_is_the_order_of_uplinks() {
    let settings = host(
        "[[uplink]]\nadapter = 'WLAN'\nname = 'wifi'\nrole = 'backup'\n\
         [[uplink]]\nadapter = 'Eth*'\nrole = 'backup'\n\
         [[uplink]]\nadapter = '00000000-0000-0000-0000-000000000001'\nrole = 'off'\n",
    );
    let mut adapters = [
        adapter(1, "Eth"),
        adapter(2, "USB"),
        adapter(3, "Eth-2"),
        adapter(4, "WLAN"),
    ];
    let uplinks = [
        expected("wifi", 4, Role::Backup),
        expected("Eth", 1, Role::Backup),
        expected("Eth-2", 3, Role::Backup),
        expected("USB", 2, Role::Active),
    ];
    assert_eq!(told(&settings, &adapters), uplinks);
    // Neither the order in which Windows lists them, nor what they are called.
    adapters.reverse();
    assert_eq!(told(&settings, &adapters), uplinks);
    adapters[3].alias = "Etz".to_owned();
    assert_eq!(told(&settings, &adapters)[1], uplinks[2]);
    assert_eq!(told(&settings, &adapters)[2], expected("Etz", 1, Role::Off));
}

#[test]
fn no_two_uplinks_have_one_name() {
    let settings = host("[[uplink]]\nadapter = 'USB'\nname = 'WLAN'\n");
    let long = "x".repeat(65);
    let adapters = [adapter(1, "WLAN"), adapter(2, "USB"), adapter(3, &long)];
    let uplinks = [
        expected("WLAN", 2, Role::Active),
        expected("", 1, Role::Active),
        expected("", 3, Role::Active),
    ];
    assert_eq!(told(&settings, &adapters), uplinks);
}

#[test]
fn an_uplinks_role_has_its_place() {
    let settings =
        host("[[uplink]]\nadapter = 'WLAN'\nname = 'LAN'\n[[uplink]]\nadapter = 'Eth*'\n");
    let place = |alias: &str| {
        let adapters = [adapter(1, alias)];
        settings.place_of(&settings.uplinks(&adapters)[0])
    };
    let id = guid(1).to_string();
    let new = |only: &str| RulePlace::New {
        only: only.to_owned(),
    };
    let before = |only: &str| RulePlace::Before {
        rule: 1,
        only: only.to_owned(),
    };
    assert_eq!(place("WLAN"), RulePlace::Rule(0));
    assert_eq!(place("Eth 1"), before("Eth 1"));
    assert_eq!(place("Eth* 1"), before(&id));
    assert_eq!(place("USB"), new("USB"));
    // A rule for "LAN" would be one with the name of the first.
    assert_eq!(place("LAN"), new(&id));
}

#[test]
fn an_adapter_may_be_known_to_the_guest_by_its_mac_address() {
    let by_mac = Adapter {
        guest: InterfaceMatch::Mac([2, 0, 0, 0, 0, 7].into()),
        ..adapter(7, "WLAN")
    };
    let edge = host("").edge(&[by_mac], eth0()).expect("an uplink");
    assert!(edge.to_toml().contains("mac = \"02:00:00:00:00:07\""));
}

/// Texts of all kinds, and some that are likely to clash.
fn alias() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-C]",
        "Eth[ 1-3*]{0,2}",
        "\\PC{0,70}",
        "[\"' ]{0,3}\\PC{0,9}"
    ]
}

fn rules() -> impl Strategy<Value = Vec<(String, Option<String>, &'static str)>> {
    let roles = prop::sample::select(vec!["active", "backup", "off"]);
    let adapters = prop_oneof!["[A-C]", "Eth[ 1-3*]{0,2}", "\\PC{1,9}"];
    let rule = (adapters, prop::option::of("[A-F]"), roles);
    prop::collection::vec(rule, 0..4)
}

proptest! {
    #[test]
    fn the_edge_can_read_what_it_is_told(
        rules in rules(),
        listed in any::<bool>(),
        aliases in prop::collection::hash_set(alias(), 0..6),
        password in "\\PC{1,20}",
        hub in "socks5://[a-z]{1,5}:[a-z]{1,5}%2[1-9]@[a-z]{1,9}:1",
    ) {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let mut text = format!("uplinks = '{}'\n", if listed { "listed" } else { "all" });
        text += &format!("proxy.users = [{{ name = 'a', password = {} }}]\nout.hub = '{hub}'\n", quoted(&password));
        for (adapter, name, role) in &rules {
            text += &format!("[[uplink]]\nadapter = {}\nrole = '{role}'\n", quoted(adapter));
            if let Some(name) = name {
                text += &format!("name = '{name}'\n");
            }
        }
        // Many of them clash.
        if let Ok(settings) = Settings::parse(&text, "settings.toml") {
            let adapters: Vec<Adapter> = (1..).zip(&aliases).map(|(n, alias)| adapter(n, alias)).collect();
            let uplinks = settings.uplinks(&adapters);
            if let Some(edge) = settings.edge(&adapters, eth0()) {
                let read = edge::Settings::parse(&edge.to_toml(), "told");
                prop_assert_eq!(read.map_err(|errors| errors.to_string()), Ok(edge));
            } else {
                prop_assert!(uplinks.is_empty());
            }
            // A name is missing only where it can't be one, or is another's.
            let has = |name: &UplinkName| uplinks.iter().any(|it| it.name.as_ref() == Some(name));
            for Uplink { adapter, name, .. } in &uplinks {
                let own: Option<UplinkName> = adapter.alias.parse().ok();
                prop_assert!(name.is_some() || own.is_none_or(|own| has(&own)));
            }
        }
    }
}

#[test]
fn a_link_survives_being_told() {
    let link = format!(
        "manypath://{}@hub.example:443/?pin={}",
        "A".repeat(43),
        "A".repeat(43)
    );
    let settings = host(&format!("out.hub = '{link}'"));
    let edge = settings
        .edge(&[adapter(1, "x")], eth0())
        .expect("an uplink");
    assert!(matches!(edge.out.hub, Hub::Manypath(_)));
    let text = edge.to_toml();
    assert!(text.contains(&link));
    assert_eq!(
        edge::Settings::parse(&text, "told").expect("it is right"),
        edge
    );
}

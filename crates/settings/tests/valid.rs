//! What valid files mean, what is written from settings, and that no text at all makes the parsers panic.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use settings::edge::{
    Addresses, AfterCap, Capture, DayOfMonth, DnsMode, Hub, Intercept, Quic, Role, Udp,
};
use settings::hub::{UserFile, Users};
use settings::{HubLink, InterfaceMatch, PortRange, ProxyUrl, Secret, Timeout, edge, host, hub};

fn edge(text: &str) -> edge::Settings {
    edge::Settings::parse(text, "edge.toml").unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn a_full_edge_file() {
    let settings = edge(
        r#"
usage = "/var/usage"
[host]
vmbus = "{7A08391F-F5A0-4AC0-9802-D13FD964F8DF}"
capture = "proxy"
intercept = "tproxy"
network = "FD12:3456:789a:0::/64"
[[uplink]]
name = "wifi"
mac = "02-00-00-00-00-0A"
addresses = "external"
ipv6 = false
endpoint = ["signal", "subflow"]
role = "off"
metered = true
monthly_cap = "50 GB"
after_cap = "off"
cap_resets_on = 28
[[uplink]]
interface = "wl*"
[[uplink]]
interface = "wwan0"
role = "backup"
monthly_cap = "2TiB"
[proxy]
port = 3128
users = [{ name = "ann", password = "correct horse" }]
[out]
hub = ["socks5://bob:p%40ss%3a@[2001:db8::1]:1080", "SOCKS5://hub.example:1081/"]
wait_for_uplink = "0s"
connect_timeout = "1500ms"
idle_timeout = "2h"
udp = "hub"
udp_duplicate = true
quic = "refuse"
[bypass]
networks = ["192.168.0.0/16", "fd00::/8", "198.51.100.7"]
ports = [25, "6000-6010", "22"]
[dns]
mode = "direct"
servers = ["9.9.9.9", "2620:FE::fe"]
capture = true
[mptcp]
subflows = 0
buffer_max = "512 KiB"
blackhole_timeout = "1h"
"#,
    );
    let host = settings.host.as_ref().unwrap();
    assert_eq!(
        host.interface.to_string(),
        "7a08391f-f5a0-4ac0-9802-d13fd964f8df"
    );
    assert_eq!(
        (host.capture, host.intercept),
        (Capture::Proxy, Intercept::Tproxy)
    );
    let network = host.network.expect("a network");
    assert_eq!(network.to_string(), "fd12:3456:789a::/64");
    let [wifi, pattern, lte] = &settings.uplinks[..] else {
        panic!("{settings:?}")
    };
    assert_eq!(wifi.name.as_ref().unwrap().as_str(), "wifi");
    assert!(
        wifi.interface
            .matches("anything", Some([2, 0, 0, 0, 0, 10].into()), None)
    );
    assert!(
        !wifi
            .interface
            .matches("anything", Some([2, 0, 0, 0, 0, 11].into()), None)
    );
    assert!(!wifi.interface.matches("anything", None, None));
    assert_eq!((wifi.addresses, wifi.ipv6), (Addresses::External, false));
    assert_eq!(
        wifi.endpoint.names().collect::<Vec<_>>(),
        ["subflow", "signal"]
    );
    assert_eq!((wifi.role, wifi.metered), (Role::Off, true));
    let cap = wifi.cap.unwrap();
    assert_eq!(cap.monthly.bytes(), 50_000_000_000);
    assert_eq!((cap.after, cap.resets_on.get()), (AfterCap::Off, 28));
    assert_eq!((pattern.role, pattern.metered), (Role::Active, false));
    assert_eq!(pattern.cap, None);
    assert!(pattern.interface.matches("wlan0", None, None));
    assert_eq!(pattern.endpoint.names().collect::<Vec<_>>(), ["subflow"]);
    assert_eq!(lte.role, Role::Backup);
    let cap = lte.cap.unwrap();
    assert_eq!(
        (cap.monthly.bytes(), cap.after),
        (2 << 40, AfterCap::Backup)
    );
    assert_eq!(cap.resets_on, DayOfMonth::default());
    assert_eq!(settings.usage, Path::new("/var/usage"));
    assert_eq!(settings.proxy.port, 3128);
    assert_eq!(settings.proxy.users[0].password().expose(), "correct horse");
    let Hub::Socks5(chain) = &settings.out.hub else {
        panic!("{:?}", settings.out.hub)
    };
    let credentials = chain[0].credentials.as_ref().unwrap();
    assert_eq!(
        (credentials.name(), credentials.password().expose()),
        ("bob", "p@ss:")
    );
    assert_eq!(chain[1].to_string(), "socks5://hub.example:1081");
    let servers: Vec<String> = settings
        .out
        .hub
        .destinations()
        .map(|it| it.to_string())
        .collect();
    assert_eq!(servers, ["[2001:db8::1]:1080", "hub.example:1081"]);
    assert_eq!(settings.out.wait_for_uplink, Duration::ZERO);
    assert_eq!(settings.out.connect_timeout, Duration::from_millis(1500));
    assert_eq!(
        settings.out.idle_timeout,
        Timeout::After(Duration::from_secs(7200))
    );
    let networks: Vec<String> = settings
        .bypass
        .networks
        .iter()
        .map(|n| n.to_string())
        .collect();
    assert_eq!(networks, ["192.168.0.0/16", "fd00::/8", "198.51.100.7/32"]);
    assert!(settings.bypass.ports[1].contains(6010) && !settings.bypass.ports[1].contains(6011));
    assert_eq!(settings.out.quic, Quic::Refuse);
    assert_eq!(
        (settings.out.udp, settings.out.udp_duplicate),
        (Udp::Hub, true)
    );
    let servers: Vec<String> = settings
        .dns
        .servers
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(servers, ["9.9.9.9", "2620:fe::fe"]);
    assert_eq!(
        (settings.dns.mode, settings.dns.capture),
        (DnsMode::Direct, true)
    );
    assert_eq!(settings.mptcp.subflows, 0);
    assert_eq!(settings.mptcp.buffer_max.bytes(), 512 << 10);
    assert_eq!(settings.mptcp.blackhole_timeout, Duration::from_secs(3600));
}

#[test]
fn a_pattern_may_also_fit_the_host_and_stand_behind_a_name() {
    let settings = edge(
        "host.interface = 'eth0'\n[[uplink]]\ninterface = 'eth1'\nname = 'a'\n[[uplink]]\ninterface = 'eth*'",
    );
    assert_eq!(settings.uplinks.len(), 2);
}

#[test]
fn no_uplink_needs_to_be_active() {
    for role in ["backup", "off"] {
        let table = |name| format!("[[uplink]]\ninterface = '{name}'\nrole = '{role}'\n");
        let settings = edge(&(table("eth1") + &table("eth2")));
        assert_eq!(settings.uplinks[0].role, settings.uplinks[1].role);
        assert_ne!(settings.uplinks[0].role, Role::Active);
    }
}

#[test]
fn no_rendering_shows_a_password() {
    let settings = edge(
        "out.hub = ['socks5://ann:hunter2@hub:1']\nproxy.users = [{name = 'bob', password = 'hunter2'}]\n[[uplink]]\ninterface = 'eth1'",
    );
    let written = toml::to_string(&settings).unwrap();
    assert!(settings.has_secrets());
    for text in [format!("{settings:?} {settings:#?}"), written] {
        assert!(text.contains('…') && !text.contains("hunter2"), "{text}");
    }
    assert_eq!(Secret::new("hunter2").to_string(), "…");
    let without = edge("out.hub = 'socks5://hub:1'\n[[uplink]]\ninterface = 'eth1'");
    assert!(!without.has_secrets());
}

/// 32 bytes that are easy to tell apart, as base64url.
const SECRET: &str = "SECRETSECRETSECRETSECRETSECRETSECRETSECRETE";
const PIN: &str = "PINPINPINPINPINPINPINPINPINPINPINPINPINPINI";

#[test]
fn hub_links() {
    for (place, means) in [
        ("hub.example:8443/", "hub.example:8443"),
        ("hub.example", "hub.example:443"),
        ("198.51.100.9/", "198.51.100.9:443"),
        ("[2001:db8::1]", "[2001:db8::1]:443"),
        ("[2001:db8::1]:1/", "[2001:db8::1]:1"),
    ] {
        let text = format!("manypath://{SECRET}@{place}?pin={PIN}");
        let link: HubLink = text
            .parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(link.destination.to_string(), means);
        assert_eq!(
            (&**link.secret.text(), &*link.pin.to_string()),
            (SECRET, PIN)
        );
        assert_eq!(link.expose().parse::<HubLink>().unwrap(), link);
        assert_eq!(link.to_string(), format!("manypath://…@{means}/?pin={PIN}"));
        let settings = edge(&format!(
            "out.hub = '{text}'\nuplink = [{{ interface = 'eth1' }}]"
        ));
        assert!(settings.has_secrets());
        let written = toml::to_string(&settings).unwrap();
        let shown = format!(
            "{settings:?} {written} {}",
            serde_json::to_string(&settings).unwrap()
        );
        assert!(!shown.contains("SECRET") && shown.contains('…'), "{shown}");
        assert_eq!(settings.out.hub, Hub::Manypath(link));
    }
}

#[test]
fn users_files() {
    let users = Users::parse("# the family\nann:a:b \r\n\nbob:#1", "hub.users").unwrap();
    let read: Vec<(&str, &str)> = users
        .iter()
        .map(|user| (user.name(), user.password().expose()))
        .collect();
    assert_eq!(read, [("ann", "a:b "), ("bob", "#1")]);
    assert!(!format!("{users:?}").contains("#1"));
}

#[test]
fn hub_listeners_side_by_side() {
    let text = "listen = ['198.51.100.1:1080', '198.51.100.2:1080', '[2001:db8::1]:1080', '0.0.0.0:1081']\nannounce = ['198.51.100.2']";
    let settings = hub::Settings::parse(text, "hub.toml").unwrap();
    assert_eq!(settings.listen.len(), 4);
}

#[test]
fn a_full_hub_file() {
    let text = "listen = []\npublic = '[2001:db8::1]:443'\nlog_destinations = true\n[metrics]\n[socks5]\nusers = '/u'";
    let settings = hub::Settings::parse(text, "hub.toml").unwrap();
    assert!(settings.listen.is_empty() && settings.log_destinations);
    assert_eq!(settings.metrics, Some(hub::Metrics::default()));
    let socks5 = settings.socks5.as_ref().unwrap();
    assert_eq!(socks5.listen, hub::Socks5::default().listen);
    let files: Vec<_> = settings.files_with_secrets().collect();
    assert_eq!(files, ["/u"], "without a listener the key is not read");
    let written = toml::to_string(&settings).unwrap();
    assert_eq!(
        hub::Settings::parse(&written, "hub.toml").unwrap(),
        settings,
        "{written}"
    );
    let without = hub::Settings::default();
    let files: Vec<_> = without.files_with_secrets().collect();
    assert_eq!(files, ["/etc/manypath/hub.key"]);
}

/// How patterns are defined, without the shortcuts.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match pattern {
        [] => name.is_empty(),
        [b'*', rest @ ..] => (0..=name.len()).any(|skipped| fits(rest, &name[skipped..])),
        [b'?', rest @ ..] => !name.is_empty() && fits(rest, &name[1..]),
        [c, rest @ ..] => name.first() == Some(c) && fits(rest, &name[1..]),
    }
}

fn interface() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,6}[0-9]{1,3}".prop_map(|name| format!("interface = '{name}'")),
        "[02468ace]{2}(:[0-9a-f]{2}){4}:[1-9a-f]{2}".prop_map(|mac| format!("mac = '{mac}'")),
        "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}".prop_map(|guid| format!("vmbus = '{guid}'")),
    ]
}

fn uplink() -> impl Strategy<Value = String> {
    let sources = prop::sample::select(vec!["dhcp", "external"]);
    let flags = prop::sample::select(vec![
        "'subflow'",
        "'signal'",
        "'subflow', 'fullmesh'",
        "'subflow', 'signal'",
    ]);
    let roles = prop::sample::select(vec!["active", "backup", "off"]);
    (interface(), sources, any::<bool>(), flags, roles, any::<bool>(), cap()).prop_map(
        |(interface, addresses, ipv6, flags, role, metered, cap)| {
            format!("[[uplink]]\n{interface}\naddresses = '{addresses}'\nipv6 = {ipv6}\nendpoint = [{flags}]\nrole = '{role}'\nmetered = {metered}\n{cap}")
        },
    )
}

/// Its three keys, or none.
fn cap() -> impl Strategy<Value = String> {
    let units = prop::sample::select(vec!["MB", "GB", "TB", "MiB", "GiB", "TiB"]);
    let after = prop::sample::select(vec!["backup", "off"]);
    let cap = (1..100_000u32, units, after, 1..=28u8).prop_map(|(number, unit, after, day)| {
        format!("monthly_cap = '{number}{unit}'\nafter_cap = '{after}'\ncap_resets_on = {day}\n")
    });
    prop_oneof![Just(String::new()), cap]
}

fn edge_file() -> impl Strategy<Value = String> {
    let out = (
        0..100_000u64,
        1..100_000u64,
        0..100_000u64,
        prop::collection::vec("[a-z]{1,9}\\.example:[1-9][0-9]{0,3}", 0..3),
    );
    let out = out.prop_map(|(wait, connect, idle, hubs)| {
        let hubs: Vec<String> = hubs.iter().map(|hub| format!("'socks5://{hub}'")).collect();
        let idle = if idle == 0 { "off".to_owned() } else { format!("{idle}ms") };
        format!("[out]\nhub = [{}]\nwait_for_uplink = '{wait}ms'\nconnect_timeout = '{connect}ms'\nidle_timeout = '{idle}'\n", hubs.join(","))
    });
    let rest = (
        1..=65535u16,
        any::<[u8; 2]>(),
        1..=65535u16,
        0..=8u8,
        any::<u32>(),
        128..=1 << 20u32,
    );
    let rest = rest.prop_map(|(port, net, bypass, subflows, stale, kib)| {
        let [a, b] = [net[0] % 223 + 1, net[1]];
        format!("[dns]\nservers = ['{a}.{b}.1.1']\nmode = 'direct'\n[proxy]\nport = {port}\n[bypass]\nnetworks = ['{a}.{b}.0.0/16', 'fd00::/8']\nports = ['{bypass}-65535']\n[mptcp]\nsubflows = {subflows}\nstale_loss_count = {stale}\nbuffer_max = '{kib}KiB'\n")
    });
    (
        interface(),
        prop::collection::vec(uplink(), 1..4),
        out,
        rest,
    )
        .prop_map(|(host, uplinks, out, rest)| {
            format!("[host]\n{host}\n{}{out}{rest}", uplinks.concat())
        })
}

proptest! {
    #[test]
    fn settings_without_secrets_can_be_written_and_read_again(text in edge_file()) {
        // Rarely, two of the interfaces are the same.
        let parsed = edge::Settings::parse(&text, "edge.toml");
        prop_assume!(!parsed.as_ref().is_err_and(|errors| errors.to_string().contains("give each uplink")));
        let settings = parsed.unwrap();
        let written = toml::to_string(&settings).unwrap();
        prop_assert_eq!(&settings, &edge(&written), "{}", written);
        prop_assert_eq!(edge(&settings.to_toml()), settings);
    }

    #[test]
    fn any_text_gives_settings_or_errors(text in "\\PC*", lines in prop::collection::vec("(\\[{0,2}(host|uplink|proxy|out|bypass|mptcp|control|guest)\\]{0,2}|(interface|mac|adapter|capture|kernel|hub|users|ports|networks|port|endpoint|listen|allow) ?=)? ?[\\[\"']{0,2}\\PC{0,9}[\"'\\]]{0,2}", 0..9)) {
        for text in [text, lines.join("\n")] {
            let edge = edge::Settings::parse(&text, "edge.toml").map(drop);
            let host = host::Settings::parse(&text, "settings.toml").map(drop);
            let hub = hub::Settings::parse(&text, "hub.toml").map(drop);
            let users = Users::parse(&text, "hub.users").map(drop);
            let hub_users = UserFile::parse(&text, "hub.users.toml").map(drop);
            for errors in [edge, host, hub, users, hub_users].into_iter().filter_map(Result::err) {
                prop_assert!(errors.iter().count() > 0);
                prop_assert!(errors.iter().all(|error| error.place.is_some()));
                prop_assert!(!errors.to_string().is_empty());
            }
        }
    }

    #[test]
    fn a_cut_file_gives_settings_or_errors(kind in prop::sample::select(vec![settings::Kind::Edge, settings::Kind::Host, settings::Kind::Hub]), at in 0..6000usize, put in "\\PC{0,3}") {
        let text = settings::example(kind);
        let at = text.floor_char_boundary(at);
        for text in [text[..at].to_owned(), format!("{}{put}{}", &text[..at], &text[at..])] {
            let _either = edge::Settings::parse(&text, "edge.toml").map_err(|errors| errors.to_string());
            let _either = host::Settings::parse(&text, "settings.toml").map_err(|errors| errors.to_string());
            let _either = hub::Settings::parse(&text, "hub.toml").map_err(|errors| errors.to_string());
        }
    }

    #[test]
    fn patterns_fit_what_they_say(pattern in "[ab?*]{1,7}", name in "[ab]{0,9}") {
        let parsed: settings::Pattern = pattern.parse().unwrap();
        prop_assert_eq!(parsed.matches(&name), fits(pattern.as_bytes(), name.as_bytes()));
        prop_assert_eq!(InterfaceMatch::Name(parsed).is_pattern(), pattern.contains(['*', '?']));
    }

    #[test]
    fn any_user_and_password_can_be_percent_encoded(name in "[^:\\pC]{1,20}", password in "\\PC{1,20}", port in 1..=65535u16) {
        let encode = |text: &str| text.bytes().map(|b| format!("%{b:02x}")).collect::<String>();
        let url: ProxyUrl = format!("socks5://{}:{}@h:{port}", encode(&name), encode(&password)).parse().unwrap();
        let credentials = url.credentials.as_ref().unwrap();
        prop_assert_eq!(credentials.name(), &name);
        prop_assert_eq!(credentials.password().expose(), &password);
        prop_assert_eq!(&url.expose().parse::<ProxyUrl>().unwrap(), &url);
        // What is shown has the name in a form that is read as the same name again.
        let shown: ProxyUrl = url.to_string().replace('…', "x").parse().unwrap();
        prop_assert_eq!(shown.credentials.as_ref().unwrap().name(), &name);
    }

    #[test]
    fn port_ranges_overlap_when_a_port_is_in_both(a in 1..40u16, b in 0..9u16, c in 1..40u16, d in 0..9u16) {
        let (x, y) = (PortRange::new(a, a + b).unwrap(), PortRange::new(c, c + d).unwrap());
        let common = (1..60).any(|port| x.contains(port) && y.contains(port));
        prop_assert_eq!(x.overlaps(y), common);
        prop_assert_eq!(x.to_string().parse::<PortRange>().unwrap(), x);
    }
}

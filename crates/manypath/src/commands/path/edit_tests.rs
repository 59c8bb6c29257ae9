use super::*;
use crate::commands::sample::link;

fn links() -> Vec<Link> {
    let names = ["lo", "eth0", "eth1", "eth2", "wlan0", "wlan1"];
    (1..)
        .zip(names)
        .map(|(index, name)| link(index, name))
        .collect()
}

fn parse(text: &str) -> Settings {
    Settings::parse(text, "edge.toml").unwrap_or_else(|errors| panic!("{errors}"))
}

fn target(text: &str, name: &str) -> Result<Target, String> {
    match Target::find(name, &parse(text), &links()) {
        Ok(target) => Ok(target),
        Err(Failure::Settings(words)) => Err(words),
        Err(other) => panic!("{other:?}"),
    }
}

fn edited(text: &str, name: &str, role: Role) -> String {
    let target = target(text, name).expect("an uplink");
    with_role(text, &parse(text), &target, role).expect("it can be edited")
}

const MANY: &str = "\
[host]
interface = \"eth0\"

# mine
[[uplink]]   # the first
name = \"wifi\"
interface = 'eth1'  # on the desk

# the modem
[[uplink]]
name = \"lte\"
mac = \"02:00:00:00:00:04\"
role   =  \"active\"   # for now
metered = true

# all radios
[[uplink]]
# somebody else's
addresses = \"external\"
interface = \"wlan*\"
monthly_cap = \"5GB\" # each
role = \"off\"

# the end
";

#[test]
fn names_and_interfaces_lead_to_rules() {
    for (name, uplink, rule, own) in [
        ("wifi", "wifi", 0, None),
        ("eth1", "wifi", 0, None),
        ("lte", "lte", 1, None),
        ("eth2", "lte", 1, None),
        ("wlan1", "wlan1", 2, Some("wlan1".to_owned())),
    ] {
        let uplink = uplink.to_owned();
        assert_eq!(target(MANY, name), Ok(Target { uplink, rule, own }));
    }
    // A name goes before an interface, and a rule before a later one that fits, too.
    let both =
        "[[uplink]]\nname = \"eth2\"\ninterface = \"eth1\"\n[[uplink]]\ninterface = \"eth*\"\n";
    assert_eq!(target(both, "eth2").expect("an uplink").rule, 0);
    assert_eq!(target(both, "eth0").expect("an uplink").rule, 1);
    // It may be plugged in later.
    let absent = "[[uplink]]\ninterface = \"wwan0\"\n";
    assert_eq!(target(absent, "wwan0").expect("an uplink").own, None);
}

#[test]
fn what_is_no_uplink_is_said_with_those_that_are() {
    for name in ["Wifi", "eth0", "lo", "wlan*", "wlan2", ""] {
        let words = format!("there is no uplink {name:?}; the uplinks are wifi, lte, wlan0, wlan1");
        assert_eq!(target(MANY, name), Err(words));
    }
    let none = target("[[uplink]]\ninterface = \"wwan*\"\n", "wwan0");
    assert!(
        none.expect_err("it fits nothing")
            .contains("no interface of this machine")
    );
}

#[test]
fn a_role_that_is_there_is_replaced_and_every_other_byte_stays() {
    for text in [MANY.to_owned(), MANY.replace('\n', "\r\n")] {
        let now = text.replace("\"active\"   # for", "\"backup\"   # for");
        assert_eq!(edited(&text, "lte", Role::Backup), now);
        assert_eq!(edited(&now, "eth2", Role::Active), text);
        assert_eq!(edited(&text, "lte", Role::Active), text);
    }
}

#[test]
fn a_rule_without_a_role_gets_one() {
    for (newline, text) in [
        ("\n", MANY.to_owned()),
        ("\r\n", MANY.replace('\n', "\r\n")),
    ] {
        let before = "# on the desk";
        let now = text.replace(before, &format!("{before}{newline}role = \"off\""));
        assert_eq!(edited(&text, "wifi", Role::Off), now);
        // The default need not be written.
        assert_eq!(edited(&text, "wifi", Role::Active), text);
    }
    let end = "[[uplink]]\ninterface = \"eth1\"\n";
    assert_eq!(
        edited(end, "eth1", Role::Off),
        format!("{end}role = \"off\"\n")
    );
    let example = settings::example(settings::Kind::Edge);
    let now = example.replace("role = \"active\"", "role = \"backup\"");
    assert_eq!(edited(example, "eth1", Role::Backup), now);
}

#[test]
fn an_interface_of_a_pattern_gets_a_rule_of_its_own_before_it() {
    let own = "\
[[uplink]]
interface = \"wlan1\"
addresses = \"external\"
monthly_cap = \"5GB\"
role = \"backup\"

";
    let header = "# all radios\n";
    let now = MANY.replace(header, &format!("{header}{own}"));
    assert_eq!(edited(MANY, "wlan1", Role::Backup), now);
    let windows = |text: &str| text.replace('\n', "\r\n");
    assert_eq!(edited(&windows(MANY), "wlan1", Role::Backup), windows(&now));
    // From then on it is that rule's.
    let again = edited(&now, "wlan1", Role::Active);
    assert_eq!(again, now.replace("\"backup\"\n\n", "\"active\"\n\n"));
    // The pattern's rules have this role already.
    assert_eq!(edited(MANY, "wlan0", Role::Off), MANY);
}

#[test]
fn a_pattern_may_come_first_or_last() {
    let text = "[[uplink]]\ninterface = \"wlan*\"\n[[uplink]]\ninterface = \"eth1\"\n[out]\n\n[[uplink]]\ninterface = \"eth*\"";
    let first = edited(text, "wlan0", Role::Backup);
    let interfaces = |text: &str| -> Vec<String> {
        let uplinks = parse(text).uplinks;
        uplinks.iter().map(|it| it.interface.to_string()).collect()
    };
    assert_eq!(interfaces(&first), ["wlan0", "wlan*", "eth1", "eth*"]);
    let last = edited(text, "eth2", Role::Backup);
    assert_eq!(interfaces(&last), ["wlan*", "eth1", "eth2", "eth*"]);
    assert!(
        last.starts_with(&text[..text.find("[out]").expect("a table")]),
        "{last}"
    );
}

#[test]
fn uplinks_may_be_written_as_a_list() {
    let text = "uplink = [{ interface = \"eth1\" }, {interface='wlan*', ipv6 = false}] # two\n";
    let now = edited(text, "eth1", Role::Off);
    assert_eq!(
        now,
        "uplink = [{ interface = \"eth1\", role = \"off\" }, {interface='wlan*', ipv6 = false}] # two\n"
    );
    let wide = "uplink=[{interface='eth1',role='off' , ipv6=true}]\n";
    let now = edited(wide, "eth1", Role::Backup);
    assert_eq!(now, wide.replace("'off'", "\"backup\""));
    let narrow = "uplink=[{interface='eth1'}]\n";
    let now = edited(narrow, "eth1", Role::Backup);
    assert_eq!(now, narrow.replace("}", ", role = \"backup\"}"));
    let now = edited(text, "wlan0", Role::Backup);
    let settings = parse(&now);
    let names: Vec<_> = settings
        .uplinks
        .iter()
        .map(|it| it.interface.to_string())
        .collect();
    assert_eq!(names, ["eth1", "wlan0", "wlan*"]);
    assert_eq!(
        (settings.uplinks[1].role, settings.uplinks[1].ipv6),
        (Role::Backup, false)
    );
    assert_eq!(settings.uplinks[2].role, Role::Active);
}

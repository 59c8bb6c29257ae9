use super::*;
use crate::commands::linux::sample::link;

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
    let only = "wlan1".to_owned();
    for (name, uplink, place) in [
        ("wifi", "wifi", RulePlace::Rule(0)),
        ("eth1", "wifi", RulePlace::Rule(0)),
        ("lte", "lte", RulePlace::Rule(1)),
        ("eth2", "lte", RulePlace::Rule(1)),
        ("wlan1", "wlan1", RulePlace::Before { rule: 2, only }),
    ] {
        let uplink = uplink.to_owned();
        assert_eq!(target(MANY, name), Ok(Target { uplink, place }));
    }
    // A name goes before an interface, and a rule before a later one that fits, too.
    let both =
        "[[uplink]]\nname = \"eth2\"\ninterface = \"eth1\"\n[[uplink]]\ninterface = \"eth*\"\n";
    let place = |text, name| target(text, name).expect("an uplink").place;
    assert_eq!(place(both, "eth2"), RulePlace::Rule(0));
    let only = "eth0".to_owned();
    assert_eq!(place(both, "eth0"), RulePlace::Before { rule: 1, only });
    // It may be plugged in later.
    let absent = "[[uplink]]\ninterface = \"wwan0\"\n";
    assert_eq!(place(absent, "wwan0"), RulePlace::Rule(0));
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

use super::*;
use crate::edge::Settings;

fn parse(text: &str) -> Result<Vec<Rule>, crate::Errors> {
    let text = format!("[[uplink]]\ninterface = \"eth1\"\n{text}");
    Settings::parse(&text, "edge.toml").map(|settings| settings.traffic)
}

fn rules(text: &str) -> Vec<Rule> {
    parse(text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// One rule each: `to | ports | protocol | action`, with nothing where a key is left out.
fn subject<'a>(address: &str, names: &'a [&'a str], port: u16) -> Subject<'a> {
    Subject {
        protocol: Protocol::Tcp,
        address: address.parse().ok(),
        names,
        port,
    }
}

const SOME: &str = r#"
[[rule]]
to = ["ads.example"]
action = "block"
[[rule]]
to = ["example.com", "203.0.113.0/24", "2001:db8::/32"]
ports = [443, "8000-8010"]
action = "uplink Wi-Fi 2"
[[rule]]
protocol = "udp"
ports = [53]
action = "direct"
[[rule]]
to = ["intern.example"]
action = "hub"
"#;

#[test]
fn the_first_that_matches_counts() {
    let rules = rules(SOME);
    let found = |address: &str, names: &[&str], port| {
        let subject = subject(address, names, port);
        first_match(&rules, &subject).map(|it| (it.index, it.to_string()))
    };
    let is = |index, why: &str| Some((index, why.to_owned()));
    assert_eq!(
        found("", &["x.Ads.example"], 1),
        is(0, "x.Ads.example is below ads.example")
    );
    assert_eq!(
        found("", &["ads.example."], 1),
        is(0, "ads.example. is in its list")
    );
    assert_eq!(found("", &["notads.example"], 1), None);
    assert_eq!(found("", &["example.com"], 80), None);
    assert_eq!(
        found("", &["example.com"], 443),
        is(1, "example.com is in its list")
    );
    // Any of several names.
    assert_eq!(
        found("", &["other", "www.example.com"], 8010),
        is(1, "www.example.com is below example.com")
    );
    assert_eq!(
        found("203.0.113.9", &[], 443),
        is(1, "the address is in 203.0.113.0/24")
    );
    assert_eq!(
        found("::ffff:203.0.113.9", &[], 443),
        is(1, "the address is in 203.0.113.0/24")
    );
    assert_eq!(
        found("2001:db8::7", &[], 443),
        is(1, "the address is in 2001:db8::/32")
    );
    assert_eq!(found("203.0.114.9", &[], 443), None);
    assert_eq!(found("198.51.100.1", &[], 53), None);
    let datagram = Subject {
        protocol: Protocol::Udp,
        ..subject("198.51.100.1", &[], 53)
    };
    let matched = first_match(&rules, &datagram).unwrap();
    assert_eq!(
        (matched.index, matched.to_string()),
        (2, "it is for UDP at port 53".to_owned())
    );
    assert_eq!(rules[1].action.to_string(), "uplink Wi-Fi 2");
}

#[test]
fn a_name_is_needed_only_where_it_could_change_something() {
    let some = rules(SOME);
    assert!(needs_name(&some, &subject("198.51.100.1", &[], 80)));
    assert!(!needs_name(&[], &subject("198.51.100.1", &[], 80)));
    let early = rules(
        "[[rule]]\nto = [\"203.0.113.0/24\"]\naction = \"direct\"\n[[rule]]\nto = [\"a.example\"]\nports = [443]\naction = \"block\"\n",
    );
    assert!(!needs_name(&early, &subject("203.0.113.1", &[], 443)));
    assert!(!needs_name(&early, &subject("203.0.114.1", &[], 22)));
    assert!(needs_name(&early, &subject("203.0.114.1", &[], 443)));
    // It matches already by another name, and could do no more by a further one.
    let known = subject("203.0.114.1", &["a.example"], 443);
    assert!(!needs_name(&early, &known));
    // The address alone decides here, before the name in the same rule could.
    let both = rules("[[rule]]\nto = [\"a.example\", \"203.0.113.0/24\"]\naction = \"block\"\n");
    assert!(!needs_name(&both, &subject("203.0.113.1", &[], 443)));
}

#[test]
fn rules_are_written_as_they_were_read() {
    let text = format!("[[uplink]]\ninterface = \"eth1\"\n{SOME}");
    let settings = Settings::parse(&text, "edge.toml").unwrap();
    let again = Settings::parse(&settings.to_toml(), "again").unwrap();
    assert_eq!(again, settings);
}

#[test]
fn what_is_wrong_is_said_with_line_and_key() {
    for (text, expected) in [
        (
            "to = [\"example.com\"]",
            "3:1: rule[0]: nothing says what becomes of this traffic",
        ),
        (
            "action = \"drop\"",
            "4:10: rule[0].action: \"drop\" is no action",
        ),
        (
            "action = \"uplink \"",
            "4:10: rule[0].action: \"\" is no name for an uplink",
        ),
        (
            "action = \"hub\"\nto = []",
            "5:6: rule[0].to: the list is empty",
        ),
        (
            "action = \"hub\"\nports = []",
            "5:9: rule[0].ports: the list is empty",
        ),
        (
            "action = \"hub\"\nports = [0]",
            "5:10: rule[0].ports[0]: 0 is out of range",
        ),
        (
            "action = \"hub\"\nto = [\"*.example.com\"]",
            "5:7: rule[0].to[0]: \"*.example.com\" needs no star: write \"example.com\"",
        ),
        (
            "action = \"hub\"\nto = [\"a.*.example\"]",
            "5:7: rule[0].to[0]: \"a.*.example\" is no domain",
        ),
        (
            "action = \"hub\"\nto = [\"a..example\"]",
            "5:7: rule[0].to[0]: \"a..example\" is no domain",
        ),
        (
            "action = \"hub\"\nto = [\"bücher.example\"]",
            "5:7: rule[0].to[0]: \"bücher.example\" has letters",
        ),
        (
            "action = \"hub\"\nto = [\"10.0.0\"]",
            "5:7: rule[0].to[0]: \"10.0.0\" is neither a network nor a domain",
        ),
        (
            "action = \"hub\"\nto = [\"10.0.0.1/8\"]",
            "5:7: rule[0].to[0]: 10.0.0.1/8 is an address within a network",
        ),
        (
            "action = \"hub\"\nto = [\"a.example\", \"A.example.\"]",
            "5:20: rule[0].to[1]: \"a.example\" is in the list twice",
        ),
        (
            "action = \"hub\"\nprotocol = \"icmp\"",
            "5:12: rule[0].protocol: \"icmp\" is not known here",
        ),
        (
            "action = \"hub\"\nport = 1",
            "5:1: rule[0].port: there is no such key; did you mean ports?",
        ),
        (
            "action = \"hub\"\n[[rule]]\naction = \"block\"",
            "5:1: rule[1]: rule[0] (line 3) is for everything",
        ),
    ] {
        let errors = parse(&format!("[[rule]]\n{text}\n"))
            .unwrap_err()
            .to_string();
        assert!(
            errors.starts_with(&format!("edge.toml:{expected}")),
            "{text}:\n{errors}"
        );
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}

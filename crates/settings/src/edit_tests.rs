use super::*;
use crate::{HubLink, Kind, example};

/// Interface and role of each rule.
fn rules(text: &str) -> Vec<(String, Role)> {
    let uplinks = edge::Settings::parse(text, "edge.toml").expect("it is right");
    let rules = uplinks.uplinks.iter();
    rules
        .map(|it| (it.interface.to_string(), it.role))
        .collect()
}

fn windows(text: &str) -> String {
    text.replace('\n', "\r\n")
}

mod roles {
    use super::*;

    fn edited<S: Editable>(text: &str, place: &RulePlace, role: Role) -> String {
        with_role::<S>(text, place, role).expect("it can be edited")
    }

    fn edge(text: &str, rule: usize, role: Role) -> String {
        edited::<edge::Settings>(text, &RulePlace::Rule(rule), role)
    }

    fn before(rule: usize, only: &str) -> RulePlace {
        RulePlace::Before {
            rule,
            only: only.to_owned(),
        }
    }

    fn new(only: &str) -> RulePlace {
        RulePlace::New {
            only: only.to_owned(),
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
    fn a_role_that_is_there_is_replaced_and_every_other_byte_stays() {
        let marked = format!("\u{feff}{}", windows(MANY));
        for text in [MANY.to_owned(), windows(MANY), marked] {
            let now = text.replace("\"active\"   # for", "\"backup\"   # for");
            assert_eq!(edge(&text, 1, Role::Backup), now);
            assert_eq!(edge(&now, 1, Role::Active), text);
            assert_eq!(edge(&text, 1, Role::Active), text);
        }
    }

    #[test]
    fn a_rule_without_a_role_gets_one() {
        for (newline, text) in [("\n", MANY.to_owned()), ("\r\n", windows(MANY))] {
            let before = "# on the desk";
            let now = text.replace(before, &format!("{before}{newline}role = \"off\""));
            assert_eq!(edge(&text, 0, Role::Off), now);
            // The default need not be written.
            assert_eq!(edge(&text, 0, Role::Active), text);
        }
        let end = "[[uplink]]\ninterface = \"eth1\"\n";
        assert_eq!(edge(end, 0, Role::Off), format!("{end}role = \"off\"\n"));
        let example = example(Kind::Edge);
        let now = example.replace("role = \"active\"", "role = \"backup\"");
        assert_eq!(edge(example, 0, Role::Backup), now);
    }

    #[test]
    fn one_of_a_pattern_gets_a_rule_of_its_own_before_it() {
        let own = "\
[[uplink]]
interface = \"wlan1\"
addresses = \"external\"
monthly_cap = \"5GB\"
role = \"backup\"

";
        let header = "# all radios\n";
        let now = MANY.replace(header, &format!("{header}{own}"));
        let place = before(2, "wlan1");
        assert_eq!(edited::<edge::Settings>(MANY, &place, Role::Backup), now);
        let crlf = edited::<edge::Settings>(&windows(MANY), &place, Role::Backup);
        assert_eq!(crlf, windows(&now));
        // The pattern's rules have this role already.
        assert_eq!(edited::<edge::Settings>(MANY, &place, Role::Off), MANY);
    }

    #[test]
    fn a_pattern_may_come_first_or_last() {
        let text = "[[uplink]]\ninterface = \"wlan*\"\n[[uplink]]\ninterface = \"eth1\"\n[out]\n\n[[uplink]]\ninterface = \"eth*\"";
        let interfaces = |text: &str| -> Vec<String> {
            rules(text)
                .into_iter()
                .map(|(interface, _)| interface)
                .collect()
        };
        let first = edited::<edge::Settings>(text, &before(0, "wlan0"), Role::Backup);
        assert_eq!(interfaces(&first), ["wlan0", "wlan*", "eth1", "eth*"]);
        let last = edited::<edge::Settings>(text, &before(2, "eth2"), Role::Backup);
        assert_eq!(interfaces(&last), ["wlan*", "eth1", "eth2", "eth*"]);
        let start = &text[..text.find("[out]").expect("a table")];
        assert!(last.starts_with(start), "{last}");
    }

    #[test]
    fn rules_may_be_written_as_a_list() {
        let text = "uplink = [{ interface = \"eth1\" }, {interface='wlan*', ipv6 = false}] # two\n";
        assert_eq!(
            edge(text, 0, Role::Off),
            "uplink = [{ interface = \"eth1\", role = \"off\" }, {interface='wlan*', ipv6 = false}] # two\n"
        );
        let wide = "uplink=[{interface='eth1',role='off' , ipv6=true}]\n";
        let now = edge(wide, 0, Role::Backup);
        assert_eq!(now, wide.replace("'off'", "\"backup\""));
        let narrow = "uplink=[{interface='eth1'}]\n";
        let now = edge(narrow, 0, Role::Backup);
        assert_eq!(now, narrow.replace("}", ", role = \"backup\"}"));
        let now = edited::<edge::Settings>(text, &before(1, "wlan0"), Role::Backup);
        let (active, backup) = (Role::Active, Role::Backup);
        let wanted = [("eth1", active), ("wlan0", backup), ("wlan*", active)];
        assert_eq!(rules(&now), wanted.map(|(it, role)| (it.to_owned(), role)));
        let read = edge::Settings::parse(&now, "edge.toml").expect("it is right");
        assert!(!read.uplinks[1].ipv6);
    }

    /// What a host's file has by now, without what it had.
    fn added(text: &str, place: &RulePlace, role: Role) -> String {
        let edited = edited::<host::Settings>(text, place, role);
        let added = edited.strip_prefix(text).expect("all of it stays");
        added.to_owned()
    }

    #[test]
    fn an_adapter_without_a_rule_gets_one_behind_all_others() {
        let place = new("Wi-Fi \"2\"");
        let own = "\n[[uplink]]\nadapter = 'Wi-Fi \"2\"'\nrole = \"backup\"\n";
        assert_eq!(added("", &place, Role::Backup), own);
        let text = "uplinks = \"all\" # of them\n[guest]\n# the end\n";
        assert_eq!(added(text, &place, Role::Backup), own);
        let crlf = windows(text);
        assert_eq!(added(&crlf, &place, Role::Backup), windows(own));
        assert_eq!(
            added("uplinks = \"all\"", &place, Role::Backup),
            format!("\n{own}")
        );
        // It is active anyway.
        assert_eq!(added(text, &place, Role::Active), "");
        let example = example(Kind::Host);
        assert_eq!(added(example, &place, Role::Backup), own);
        let rules = "# mine\n[[uplink]]\nadapter = \"LAN\"\n";
        assert_eq!(added(rules, &place, Role::Backup), own);
        // Other tables stay where they are.
        let guest = "\n[guest]\n# the end\n";
        let between = edited::<host::Settings>(&format!("{rules}{guest}"), &place, Role::Backup);
        assert_eq!(between, format!("{rules}{own}{guest}"));
    }

    #[test]
    fn a_rule_of_the_host_is_edited_as_one_of_the_edge() {
        let text = "[[uplink]]\nadapter = \"Eth*\" # all\nmetered = true\n";
        let now = edited::<host::Settings>(text, &RulePlace::Rule(0), Role::Off);
        assert_eq!(now, format!("{text}role = \"off\"\n"));
        let now = edited::<host::Settings>(text, &before(0, "Eth 2"), Role::Off);
        let own = "[[uplink]]\nadapter = \"Eth 2\"\nmetered = true\nrole = \"off\"\n";
        assert_eq!(now, format!("{own}\n{text}"));
        let list = "uplink = [{ adapter = \"LAN\" }]\n";
        let now = edited::<host::Settings>(list, &new("5G"), Role::Off);
        let settings = host::Settings::parse(&now, "settings.toml").expect("it is right");
        assert_eq!(settings.roles(), [Role::Active, Role::Off]);
        assert_eq!(settings.rules[1].adapter.to_string(), "5G");
    }

    #[test]
    fn what_is_wrong_or_unusual_is_said() {
        let off = |text| with_role::<edge::Settings>(text, &RulePlace::Rule(0), Role::Off);
        let error = off("[[uplink]]\ninterface = 1\n").expect_err("it is wrong");
        assert!(
            error
                .to_string()
                .starts_with("the settings:2:13: uplink[0].interface"),
            "{error}"
        );
        let text = "[[uplink]]\ninterface = \"eth1\"\n";
        let error = with_role::<edge::Settings>(text, &RulePlace::Rule(1), Role::Off);
        let error = error.expect_err("there is no such rule");
        assert!(matches!(error, EditError::Unusual("the uplink's role")));
    }
}

mod hubs {
    use super::*;

    fn link() -> HubLink {
        let (secret, pin) = ("A".repeat(43), "B".repeat(42) + "A");
        let link = format!("manypath://{secret}@hub.example:443/?pin={pin}");
        link.parse().expect("a link")
    }

    fn line() -> String {
        format!("hub = \"{}\"", *link().expose())
    }

    fn edited(text: &str) -> String {
        with_hub::<edge::Settings>(text, &link()).expect("it can be edited")
    }

    /// Checks that the text has nothing but the hub changed: `was` there is `is` now.
    fn only_the_hub_changes(text: &str, was: &str, is: &str) {
        assert!(text.contains(was), "{text}");
        assert_eq!(edited(text), text.replacen(was, is, 1));
    }

    #[test]
    fn the_hub_that_is_there_is_replaced_and_every_other_byte_stays() {
        for out in [
            "[out]\nhub = \"socks5://ann:pw@old.example:1080\" # office\nidle_timeout = \"2h\"\n",
            "[out]\r\nhub = \"socks5://old.example:1080\"\r\n\r\n# the end\r\n",
            "out = { hub = \"socks5://old.example:1080\", idle_timeout = \"2h\" }\n",
            "out.hub = \"socks5://old.example:1080\"\n",
            "[out]\n  hub   =   [\"socks5://a.example:1\", \"socks5://b.example:2\"]   # two\n",
        ] {
            let uplink = "\n[[uplink]]   # the first\ninterface='eth1'\n";
            // Bare keys go before tables.
            let text = match out.contains('\r') {
                true => format!("{out}{}", windows(uplink)),
                false => format!("{out}{uplink}"),
            };
            let edited = edited(&text);
            assert!(edited.contains(link().expose().as_str()), "{edited}");
            let former = edited.replace(&format!("\"{}\"", *link().expose()), "…");
            let values = [
                "\"socks5://ann:pw@old.example:1080\"",
                "\"socks5://old.example:1080\"",
                "[\"socks5://a.example:1\", \"socks5://b.example:2\"]",
            ];
            let before = values.iter().fold(text, |it, value| it.replace(value, "…"));
            assert_eq!(former, before);
        }
        let example = example(Kind::Edge);
        let off = example.lines().find(|line| line.starts_with("#hub = "));
        let was = &off.expect("the example has a hub")[1..];
        only_the_hub_changes(&example.replace(&format!("#{was}"), was), was, &line());
    }

    #[test]
    fn a_table_without_a_hub_gets_one() {
        let was = "quic = \"allow\"\n";
        let is = format!("{was}{}\n", line());
        only_the_hub_changes(example(Kind::Edge), was, &is);
        let host = example(Kind::Host);
        let edited = with_hub::<host::Settings>(host, &link()).expect("it can be edited");
        assert_eq!(edited, host.replacen(was, &is, 1));
    }

    #[test]
    fn without_the_table_it_comes_last() {
        for text in [
            "[[uplink]]\ninterface = \"eth1\" # no newline",
            "[[uplink]]\ninterface = \"eth1\"\n\n# the end\n",
        ] {
            let edited = edited(text);
            let rest = edited.strip_prefix(text).expect("it comes last");
            assert_eq!(rest.trim_start(), format!("[out]\n{}\n", line()));
        }
        let crlf = "\u{feff}[guest]\r\n";
        let edited = with_hub::<host::Settings>(crlf, &link()).expect("it can be edited");
        assert_eq!(edited, format!("{crlf}\r\n[out]\r\n{}\r\n", line()));
    }

    #[test]
    fn no_error_shows_the_secret() {
        for text in ["out = 1", "[out]\nhubs = 1", "[out"] {
            let error = with_hub::<host::Settings>(text, &link()).expect_err("it is wrong");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("AAAA"), "{shown}");
        }
    }
}

//! Errors of what an uplink does, as the user sees them.

use insta::assert_snapshot;
use settings::edge::Settings;

/// What is wrong with an uplink, given by further lines of its table.
fn uplink(lines: &str) -> String {
    let text = format!("[[uplink]]\ninterface = \"eth1\"\n{lines}");
    let wrong = Settings::parse(&text, "edge.toml").expect_err("the text is wrong");
    wrong.to_string()
}

#[test]
fn endpoint_flags() {
    let flags = |list: &str| uplink(&format!("endpoint = {list}"));
    assert_snapshot!(flags("[]"), @r#"
    edge.toml:3:12: uplink[0].endpoint: no flag is set, so MPTCP would never use the uplink; write ["subflow"], or leave the key out
    "#);
    assert_snapshot!(flags("[\"signal\", \"fullmesh\"]"), @r#"
    edge.toml:3:12: uplink[0].endpoint: the kernel refuses "signal" together with "fullmesh"; leave one of them out
    "#);
    assert_snapshot!(flags("[\"subflow\", \"fullmesh\", \"signal\"]"), @r#"
    edge.toml:3:12: uplink[0].endpoint: the kernel refuses "signal" together with "fullmesh"; leave one of them out
    "#);
    assert_snapshot!(flags("[\"fullmesh\"]"), @r#"
    edge.toml:3:12: uplink[0].endpoint: "fullmesh" does nothing without "subflow"; write ["subflow", "fullmesh"]
    "#);
    assert_snapshot!(flags("[\"subflow\", \"backup\"]"), @r#"
    edge.toml:3:24: uplink[0].endpoint[1]: that an uplink is a backup is said by its role; write role = "backup" instead
    "#);
    assert_snapshot!(flags("[\"backup\"]"), @r#"
    edge.toml:3:13: uplink[0].endpoint[0]: that an uplink is a backup is said by its role; write role = "backup" instead
    "#);
    assert_snapshot!(flags("[\"subflow\", \"subflow\"]"), @r#"
    edge.toml:3:24: uplink[0].endpoint[1]: "subflow" is in the list twice; leave one out
    "#);
}

#[test]
fn roles_and_caps() {
    assert_snapshot!(uplink("role = \"Backup\"\nmetered = \"yes\""), @r#"
    edge.toml:3:8: uplink[0].role: "Backup" is not known here; write "active", "backup" or "off"
    edge.toml:4:11: uplink[0].metered: text is written where true or false belongs
    "#);
    assert_snapshot!(uplink("role = false"), @"
    edge.toml:3:8: uplink[0].role: true or false is written where text in quotes belongs
    ");
    assert_snapshot!(uplink("monthly_cap = 50\nafter_cap = \"active\"\ncap_resets_on = 29"), @r#"
    edge.toml:3:15: uplink[0].monthly_cap: a whole number is written where text in quotes belongs
    edge.toml:4:13: uplink[0].after_cap: "active" is not known here; write "backup" or "off"
    edge.toml:5:17: uplink[0].cap_resets_on: 29 is out of range; write a whole number from 1 to 28
    "#);
    assert_snapshot!(uplink("monthly_cap = \"50 Gbit\"\ncap_resets_on = 0"), @r#"
    edge.toml:3:15: uplink[0].monthly_cap: "50 Gbit" is no amount of data; write a whole number with B, KB, MB, GB, TB, KiB, MiB, GiB or TiB, such as "50GB"
    edge.toml:4:17: uplink[0].cap_resets_on: 0 is out of range; write a whole number from 1 to 28
    "#);
    assert_snapshot!(uplink("monthly_cap = \"999KB\"\ncap_resets_on = \"1st\""), @r#"
    edge.toml:3:15: uplink[0].monthly_cap: "999KB" is less than 1MB, which is used up at once; write more, such as "50GB"
    edge.toml:4:17: uplink[0].cap_resets_on: text is written where a whole number belongs
    "#);
    assert_snapshot!(uplink("after_cap = \"off\"\ncap_resets_on = 1"), @r#"
    edge.toml:3:13: uplink[0].after_cap: there is no monthly_cap that this could be about; add a line such as monthly_cap = "50GB", or leave this key out
    edge.toml:4:17: uplink[0].cap_resets_on: there is no monthly_cap that this could be about; add a line such as monthly_cap = "50GB", or leave this key out
    "#);
}

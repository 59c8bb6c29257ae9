//! Every error of a hub's link, as the user sees it, and never with a piece of the link.

use insta::assert_snapshot;
use settings::{HubLink, edge};

const SECRET: &str = "SECRETSECRETSECRETSECRETSECRETSECRETSECRETE";
const PIN: &str = "PINPINPINPINPINPINPINPINPINPINPINPINPINPINI";

/// The error of a link in an edge's file, which is the link's own with the place in front of it.
fn error(link: &str) -> String {
    let text = format!("out.hub = '{link}'\nuplink = [{{ interface = 'eth1' }}]");
    let errors = edge::Settings::parse(&text, "edge.toml").expect_err("the link is wrong");
    let error = errors.to_string();
    assert!(
        !error.contains("SECRET") && !error.contains("hunter2"),
        "{error}"
    );
    let place = "edge.toml:1:11: out.hub: ";
    error.strip_prefix(place).expect("one error").to_owned()
}

#[test]
fn the_secret() {
    assert_snapshot!(error("manypath://"), @"the link has no '@' behind the secret; copy it again, from manypath:// to its end");
    assert_snapshot!(error(&format!("manypath://{SECRET}")), @"the link has no '@' behind the secret; copy it again, from manypath:// to its end");
    assert_snapshot!(error(&format!("manypath://hunter2@hub/?pin={PIN}")), @"the link is damaged: the secret has 7 bytes of text instead of 43; copy the whole of it");
    let cut = &SECRET[..42];
    assert_snapshot!(error(&format!("manypath://{cut}?@hub/?pin={PIN}")), @"the link is damaged: character 43 of the secret is none of A-Z, a-z, 0-9, - and _; copy it again");
    assert_snapshot!(error(&format!("manypath://{cut}B@hub/?pin={PIN}")), @"the link is damaged: the last character of the secret can't be right; copy it again");
}

#[test]
fn host_and_port() {
    let at = |place: &str| error(&format!("manypath://{SECRET}@{place}/?pin={PIN}"));
    assert_snapshot!(at(""), @"the link has no host behind the '@'; copy it again");
    assert_snapshot!(at(":443"), @"the link has no host behind the '@'; copy it again");
    for port in ["hub:0", "hub:x", "hub:65536", "hub:", "[2001:db8::1]:0"] {
        assert_eq!(
            at(port),
            "the link's port is not a number from 1 to 65535; write it behind the host, such as hub.example:443"
        );
    }
    assert_snapshot!(at("2001:db8::1"), @"in the link an IPv6 address goes in brackets, such as [2001:db8::1]:443");
    assert_snapshot!(at("192.0.2"), @"the link's host is neither an IP address nor a name; copy the link again");
    assert_snapshot!(at("hub/x"), @"the link's host is neither an IP address nor a name; copy the link again");
}

#[test]
fn the_pin() {
    let with = |end: &str| error(&format!("manypath://{SECRET}@hub{end}"));
    for end in ["", "/", "?", "/?"] {
        assert_eq!(
            with(end),
            "the link has no ?pin=, the hub's fingerprint, at its end; copy the whole link"
        );
    }
    assert_snapshot!(with("/?pin=hunter2"), @"the link is damaged: the pin has 7 bytes of text instead of 43; copy the whole of it");
    for end in [
        format!("/?key={PIN}"),
        format!("/?pin={PIN}&more=x"),
        format!("/?pin={PIN}&"),
        format!("/?pin={PIN}#x"),
    ] {
        assert_eq!(
            with(&end),
            "the link has a part besides the pin that this version does not know; copy the link again, or use a newer manypath"
        );
    }
}

#[test]
fn the_further_address() {
    let with = |host: &str, also: &str| {
        error(&format!(
            "manypath://{SECRET}@{host}/?pin={PIN}&also={also}"
        ))
    };
    for (host, also) in [
        ("192.0.2.1", "x"),
        ("192.0.2.1", ""),
        ("192.0.2.1", "[2001:db8::1]"),
        ("192.0.2.1", "2001:db8::1&also=2001:db8::2"),
        ("192.0.2.1", "192.0.2.2"),
        ("[2001:db8::1]", "2001:db8::2"),
        ("hub.example", "192.0.2.1"),
    ] {
        assert_eq!(
            with(host, also),
            "the link's further address (also=) is not an IPv4 address beside an IPv6 one, or the other way round; copy the link again",
            "{host} {also}"
        );
    }
}

#[test]
fn a_link_stands_alone() {
    let text = format!(
        "out.hub = ['socks5://hub:1', 'manypath://{SECRET}@hub/?pin={PIN}']\nuplink = [{{ interface = 'eth1' }}]"
    );
    let errors = edge::Settings::parse(&text, "edge.toml").expect_err("the link is in a list");
    assert_snapshot!(errors, @r#"edge.toml:1:30: out.hub[1]: a hub's link stands alone, not in a list; write hub = "manypath://…""#);
    assert_snapshot!("http://hub".parse::<HubLink>().unwrap_err(), @"the link does not start with manypath://; copy it again, as manypath hub init or manypath hub user add printed it");
}

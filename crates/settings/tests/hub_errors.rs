//! Every error of the hub's file and of its users file, as the user sees it.

use insta::assert_snapshot;
use settings::hub::{Settings, Users};

fn errors(text: &str) -> String {
    Settings::parse(text, "hub.toml")
        .expect_err("the text is wrong")
        .to_string()
}

fn users(text: &str) -> String {
    Users::parse(text, "hub.users")
        .expect_err("the text is wrong")
        .to_string()
}

#[test]
fn listeners() {
    assert_snapshot!(errors("listen = []"), @"");
    assert_snapshot!(errors("listen = \"[::]:1080\""), @"");
    assert_snapshot!(errors("listen = [\"[::]\", \"hub.example:1080\", \"0.0.0.0:0\", 1080]"), @"");
    assert_snapshot!(errors("listen = [\n  \"[::]:1080\",\n  \"[::]:1081\",\n  \"0.0.0.0:1080\",\n]"), @"");
    assert_snapshot!(errors("listen = [\"198.51.100.1:1080\", \"0.0.0.0:1080\", \"[2001:db8::1]:1080\", \"[2001:db8::1]:1080\"]"), @"");
}

#[test]
fn addresses_and_networks() {
    assert_snapshot!(errors("announce = [\"hub.example\", \"127.0.0.1\", \"0.0.0.0\", \"fe80::1\", \"224.0.0.1\"]"), @"");
    assert_snapshot!(errors("announce = [\"198.51.100.9\", \"198.51.100.9\"]"), @"");
    assert_snapshot!(errors("allow = [\"10.1.0.0/16\", \"10.1.0.1\", \"10.1\"]"), @"");
}

#[test]
fn paths_and_times() {
    assert_snapshot!(errors("users = \"hub.users\"\ndrain = \"soon\"\nconnect_timeout = \"0s\"\nidle_timeout = \"0s\"\n[control]\nsocket = \"hub.sock\""), @"");
    assert_snapshot!(errors("users = [{ name = \"ann\", password = \"hunter2\" }]"), @"");
}

#[test]
fn unknown_keys() {
    assert_snapshot!(errors("anounce = []\nport = 1080\n[mptcp]\nsubflow = 4\n[proxy]\n[control]\nsock = \"/run/x\""), @"");
}

#[test]
fn users_file() {
    assert_snapshot!(users(""), @"");
    assert_snapshot!(users("# nobody yet\n\n  \n"), @"");
    assert_snapshot!(users("ann:hunter2\nbob hunter3\n:hunter4\ncarl:\r\nann:hunter5\n"), @"");
    assert_snapshot!(users("ann:hunter2\nb\tb:hunter3"), @"");
    let long = format!("{}:hunter2\nbob:{}", "x".repeat(256), "hunter2".repeat(40));
    assert_snapshot!(users(&long), @"");
    assert_snapshot!(Users::load("/nonexistent/hub.users").unwrap_err(), @"");
}

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
    assert_snapshot!(errors("listen = []"), @r#"
    hub.toml:1:10: listen: the list is empty, so nobody could reach the hub; write ["[::]:443"]
    "#);
    assert_snapshot!(errors("listen = \"[::]:443\""), @r#"
    hub.toml:1:10: listen: text is written where a list such as ["[::]:443"] belongs
    "#);
    assert_snapshot!(errors("listen = [\"[::]\", \"hub.example:443\", \"0.0.0.0:0\", 443]"), @r#"
    hub.toml:1:11: listen[0]: "[::]" is no address with a port; write one such as "[::]:443" or "198.51.100.1:443"
    hub.toml:1:19: listen[1]: "hub.example:443" is no address with a port; write one such as "[::]:443" or "198.51.100.1:443"
    hub.toml:1:38: listen[2]: "0.0.0.0:0" is no address with a port; write one such as "[::]:443" or "198.51.100.1:443"
    hub.toml:1:51: listen[3]: a whole number is written where text in quotes belongs
    "#);
    assert_snapshot!(errors("listen = [\n  \"[::]:443\",\n  \"[::]:444\",\n  \"0.0.0.0:443\",\n]"), @"
    hub.toml:4:3: listen[2]: 0.0.0.0:443 is covered by listen[0] (line 2) already; leave one of them out
    ");
    assert_snapshot!(errors("listen = [\"198.51.100.1:443\", \"0.0.0.0:443\", \"[2001:db8::1]:443\", \"[2001:db8::1]:443\"]"), @"
    hub.toml:1:31: listen[1]: 0.0.0.0:443 is covered by listen[0] (line 1) already; leave one of them out
    hub.toml:1:67: listen[3]: [2001:db8::1]:443 is covered by listen[2] (line 1) already; leave one of them out
    ");
}

#[test]
fn addresses_and_networks() {
    assert_snapshot!(errors("announce = [\"hub.example\", \"127.0.0.1\", \"0.0.0.0\", \"fe80::1\", \"224.0.0.1\"]"), @r#"
    hub.toml:1:13: announce[0]: "hub.example" is no IP address; write one such as "198.51.100.9" or "2001:db8::9"
    hub.toml:1:28: announce[1]: 127.0.0.1 cannot be reached from elsewhere; announce only addresses that edges can reach
    hub.toml:1:41: announce[2]: 0.0.0.0 cannot be reached from elsewhere; announce only addresses that edges can reach
    hub.toml:1:52: announce[3]: fe80::1 cannot be reached from elsewhere; announce only addresses that edges can reach
    hub.toml:1:63: announce[4]: 224.0.0.1 cannot be reached from elsewhere; announce only addresses that edges can reach
    "#);
    assert_snapshot!(errors("announce = [\"198.51.100.9\", \"198.51.100.9\"]"), @"
    hub.toml:1:29: announce[1]: 198.51.100.9 is in the list twice; leave one out
    ");
    assert_snapshot!(errors("allow = [\"10.1.0.0/16\", \"10.1.0.1\", \"10.1\"]"), @r#"
    hub.toml:1:25: allow[1]: 10.1.0.1/32 overlaps 10.1.0.0/16 in allow[0] (line 1); keep the larger one, or make them disjoint
    hub.toml:1:37: allow[2]: "10.1" is no network; write it as address/prefix length, such as "192.168.0.0/16" or "fd00::/8"
    "#);
}

#[test]
fn paths_and_times() {
    assert_snapshot!(errors("users = \"hub.users\"\ndrain = \"soon\"\nconnect_timeout = \"0s\"\nidle_timeout = \"0s\"\nstate = \"hub.originals\""), @r#"
    hub.toml:1:9: users: "hub.users" is not an absolute path; write one that starts with /
    hub.toml:2:9: drain: "soon" is no duration; write a number with its unit, such as "10s", "500ms" or "2min"
    hub.toml:3:19: connect_timeout: a time of zero would give everything up at once; write a longer one, such as "10s"
    hub.toml:4:16: idle_timeout: a time-out of zero would end everything at once; write "off" for no time-out
    hub.toml:5:9: state: "hub.originals" is not an absolute path; write one that starts with /
    "#);
    assert_snapshot!(errors("users = [{ name = \"ann\", password = \"hunter2\" }]"), @"
    hub.toml:1:9: users: a list is written where text in quotes belongs
    ");
}

#[test]
fn unknown_keys() {
    assert_snapshot!(errors("anounce = []\nport = 1080\n[mptcp]\nsubflow = 4\n[proxy]"), @"
    hub.toml:1:1: anounce: there is no such key; did you mean announce?
    hub.toml:2:1: port: there is no such key; the keys here are listen, socks5, metrics, public, key, users, usage, log_destinations, announce, allow, drain, connect_timeout, idle_timeout, state, mptcp
    hub.toml:4:1: mptcp.subflow: there is no such key; did you mean subflows?
    hub.toml:5:2: proxy: there is no such key; the keys here are listen, socks5, metrics, public, key, users, usage, log_destinations, announce, allow, drain, connect_timeout, idle_timeout, state, mptcp
    ");
}

#[test]
fn socks5_and_metrics() {
    assert_snapshot!(errors("listen = []\nmetrics = {listen = 'localhost:9477'}\nsocks5 = {listen = [], users = 'users', user = 1}"), @r#"
    hub.toml:2:21: metrics.listen: "localhost:9477" is no address with a port; write one such as "[::]:443" or "198.51.100.1:443"
    hub.toml:3:20: socks5.listen: the list is empty, so nobody could reach the SOCKS5 server; write ["127.0.0.1:1080"], or leave out the table [socks5]
    hub.toml:3:32: socks5.users: "users" is not an absolute path; write one that starts with /
    hub.toml:3:41: socks5.user: there is no such key; did you mean users?
    "#);
    assert_snapshot!(errors("listen = ['[::]:443', '0.0.0.0:1080']\nsocks5.listen = ['127.0.0.1:1080']\nmetrics.listen = '127.0.0.1:443'"), @"
    hub.toml:2:18: socks5.listen[0]: 127.0.0.1:1080 is covered by listen[1] (line 1) already; leave one of them out
    hub.toml:3:18: metrics.listen: 127.0.0.1:443 is covered by listen[0] (line 1) already; leave one of them out
    ");
}

#[test]
fn key_public_and_the_like() {
    assert_snapshot!(errors("public = 'hub.example'\nkey = 'hub.key'\nusage = 1\nlog_destinations = 'yes'"), @r#"
    hub.toml:1:10: public: "hub.example" is no host with a port; write what edges reach this hub by, such as "hub.example:443" or "198.51.100.9:443"
    hub.toml:2:7: key: "hub.key" is not an absolute path; write one that starts with /
    hub.toml:3:9: usage: a whole number is written where text in quotes belongs
    hub.toml:4:20: log_destinations: text is written where true or false belongs
    "#);
}

#[test]
fn users_file() {
    assert_snapshot!(users(""), @"
    hub.users:1:1: there is no user in the file, so nobody could use the hub; add a line name:password
    ");
    assert_snapshot!(users("# nobody yet\n\n  \n"), @"
    hub.users:1:1: there is no user in the file, so nobody could use the hub; add a line name:password
    ");
    assert_snapshot!(users("ann:hunter2\nbob hunter3\n:hunter4\ncarl:\r\nann:hunter5\n"), @r#"
    hub.users:2:1: there is no ':' in this line; write name:password, or # before a comment
    hub.users:3:1: the user name is empty; write one of 1 to 255 bytes
    hub.users:4:1: the password is empty; write one of 1 to 255 bytes
    hub.users:5:1: "ann" is the name of the user (line 1) too; give each user an own name
    "#);
    assert_snapshot!(users("ann:hunter2\nb\tb:hunter3"), @"
    hub.users:2:1: the user name holds a control character; write one without it
    ");
    let long = format!("{}:hunter2\nbob:{}", "x".repeat(256), "hunter2".repeat(40));
    assert_snapshot!(users(&long), @"
    hub.users:1:1: the user name is longer than 255 bytes; write a shorter one
    hub.users:2:1: the password is longer than 255 bytes; write a shorter one
    ");
    let error = Users::load("/nonexistent/hub.users")
        .unwrap_err()
        .to_string();
    assert!(error.contains(": cannot be read: "), "{error}");
}

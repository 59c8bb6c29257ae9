//! Every error of the edge's file, as the user sees it.

use insta::assert_snapshot;
use settings::edge::Settings;

/// What is wrong with the text.
fn errors(text: &str) -> String {
    Settings::parse(text, "edge.toml")
        .expect_err("the text is wrong")
        .to_string()
}

/// What is wrong with a line in the table, in a file that is right otherwise.
fn in_table(table: &str, line: &str) -> String {
    errors(&format!(
        "[{table}]\n{line}\n[[uplink]]\ninterface = \"eth1\"\n"
    ))
}

/// What is wrong with uplinks, each given by the lines of its table.
fn uplinks(tables: &[&str]) -> String {
    errors(
        &tables
            .iter()
            .map(|lines| format!("[[uplink]]\n{lines}\n"))
            .collect::<String>(),
    )
}

#[test]
fn not_toml() {
    assert_snapshot!(errors("[host\ninterface = 1"), @"");
    assert_snapshot!(errors("a = 1\n\n  b = [1,"), @"");
    assert_snapshot!(errors("[out]\nhub = \"socks5://ann:hunter2@hub.example:1080"), @"");
    assert_snapshot!(errors("[proxy]\nport = 1\nport = 2"), @"");
    assert_snapshot!(errors("[host]\ninterface = eth0\n"), @"");
}

#[test]
fn no_uplink() {
    assert_snapshot!(errors(""), @"");
    assert_snapshot!(errors("uplink = []"), @"");
    assert_snapshot!(errors("[uplink]\ninterface = \"eth1\""), @"");
    assert_snapshot!(errors("uplink = [\"eth1\"]"), @"");
}

#[test]
fn unknown_keys() {
    assert_snapshot!(in_table("host", "interface = \"eth0\"\ncaptur = \"all\""), @"");
    assert_snapshot!(in_table("out", "wait-for-uplink = \"1s\""), @"");
    assert_snapshot!(in_table("mptcp", "scheduler = \"x\""), @"");
    assert_snapshot!(in_table("uplinks", "interface = \"eth1\""), @"");
    assert_snapshot!(in_table("bypass", "\"a b\\n\" = 1"), @"");
    assert_snapshot!(uplinks(&["interface = \"eth1\"\nendpoints = []"]), @"");
    assert_snapshot!(in_table("proxy", "users = [{ name = \"a\", password = \"b\", pasword = \"c\" }]"), @"");
    assert_snapshot!(in_table("control", "path = \"/run/x\""), @"");
}

#[test]
fn wrong_types() {
    assert_snapshot!(errors("host = \"eth0\"\nproxy = 1080\nout = [1]\nmptcp = 1.5\nbypass = 1979-05-27\ncontrol = true\n[[uplink]]\ninterface = 1\nipv6 = \"yes\"\nendpoint = \"subflow\""), @"");
    assert_snapshot!(in_table("proxy", "port = \"1080\"\nusers = \"ann:hunter2\""), @"");
    assert_snapshot!(in_table("proxy", "users = [\"ann:hunter2\"]"), @"");
    assert_snapshot!(in_table("out", "hub = 1080\nwait_for_uplink = 10\nidle_timeout = false"), @"");
    assert_snapshot!(in_table("out", "hub = [1080, { url = \"x\" }]"), @"");
    assert_snapshot!(in_table("bypass", "networks = \"10.0.0.0/8\"\nports = [2.5, true]"), @"");
    assert_snapshot!(in_table("mptcp", "subflows = \"8\"\nbuffer_max = 16777216\ncongestion_control = 1"), @"");
}

#[test]
fn which_interface() {
    assert_snapshot!(uplinks(&["ipv6 = true", "interface = \"eth1\""]), @"");
    assert_snapshot!(in_table("host", "capture = \"all\""), @"");
    assert_snapshot!(uplinks(&["interface = \"eth1\"\nmac = \"02:00:00:00:00:01\"\nvmbus = \"7a08391f-f5a0-4ac0-9802-d13fd964f8df\""]), @"");
    assert_snapshot!(in_table("host", "interface = \"eth*\""), @"");
    assert_snapshot!(uplinks(&["interface = \"\"", "interface = \"..\"", "interface = \"a/b\"", "interface = \"sixteen-letters-\""]), @"");
    assert_snapshot!(uplinks(&["mac = \"02:00:00:00:00\"", "mac = \"02:00:00:00:00:0g\"", "mac = \"01:00:5e:00:00:01\"", "mac = \"00:00:00:00:00:00\""]), @"");
    assert_snapshot!(uplinks(&["vmbus = \"7a08391ff5a04ac09802d13fd964f8df\"", "vmbus = \"{7a08391f-f5a0-4ac0-9802-d13fd964f8df\""]), @"");
}

#[test]
fn words_and_names() {
    assert_snapshot!(in_table("host", "interface = \"eth0\"\ncapture = \"socks\"\nintercept = \"Redirect\""), @"");
    assert_snapshot!(uplinks(&["interface = \"eth1\"\naddresses = \"static\"\nendpoint = [\"subflw\"]\nname = \"my wifi\""]), @"");
}

#[test]
fn endpoint_flags() {
    let flags = |list: &str| uplinks(&[&format!("interface = \"eth1\"\nendpoint = {list}")]);
    assert_snapshot!(flags("[]"), @"");
    assert_snapshot!(flags("[\"signal\", \"fullmesh\"]"), @"");
    assert_snapshot!(flags("[\"subflow\", \"fullmesh\", \"signal\"]"), @"");
    assert_snapshot!(flags("[\"fullmesh\"]"), @"");
    assert_snapshot!(flags("[\"backup\"]"), @"");
    assert_snapshot!(flags("[\"subflow\", \"subflow\"]"), @"");
}

#[test]
fn uplinks_in_each_others_way() {
    assert_snapshot!(uplinks(&["name = \"wifi\"\nmac = \"02:00:00:00:00:01\"", "name = \"lte\"\nmac = \"02-00-00-00-00-01\""]), @"");
    assert_snapshot!(uplinks(&["vmbus = \"7a08391f-f5a0-4ac0-9802-d13fd964f8df\"", "vmbus = \"{7A08391F-F5A0-4AC0-9802-D13FD964F8DF}\""]), @"");
    assert_snapshot!(uplinks(&["interface = \"eth1\"", "interface = \"eth2\"", "interface = \"eth1\""]), @"");
    assert_snapshot!(uplinks(&["interface = \"eth*\"", "interface = \"eth1\""]), @"");
    assert_snapshot!(uplinks(&["interface = \"eth1\"\nname = \"wifi\"", "interface = \"eth2\"\nname = \"wifi\""]), @"");
    assert_snapshot!(uplinks(&["interface = \"eth1\"\nname = \"eth2\"", "interface = \"eth2\""]), @"");
    assert_snapshot!(uplinks(&["interface = \"wl*\"\nname = \"wifi\""]), @"");
}

#[test]
fn host_as_uplink() {
    assert_snapshot!(in_table("host", "interface = \"eth1\""), @"");
    assert_snapshot!(errors("host.mac = \"02:00:00:00:00:01\"\n[[uplink]]\ninterface = \"eth1\"\n[[uplink]]\nmac = \"02:00:00:00:00:01\""), @"");
}

#[test]
fn proxy() {
    assert_snapshot!(in_table("proxy", "port = 0"), @"");
    assert_snapshot!(in_table("proxy", "port = 0x1_0000"), @"");
    assert_snapshot!(in_table("proxy", "port = -1"), @"");
    assert_snapshot!(in_table("proxy", "users = [{ name = \"ann\", password = \"a\" }, { name = \"bob\", password = \"b\" }, { name = \"ann\", password = \"c\" }]"), @"");
    assert_snapshot!(in_table("proxy", "users = [{ name = \"ann\" }, { password = \"hunter2\" }, { name = \"\", password = \"a\" }, { name = \"a:b\", password = \"a\" }]"), @"");
    assert_snapshot!(in_table("proxy", "users = [{ name = \"a\\nb\", password = \"a\" }, { name = \"c\", password = \"\" }]"), @"");
    let long = "x".repeat(256);
    assert_snapshot!(in_table("proxy", &format!("users = [{{ name = \"a\", password = \"{long}\" }}]")), @"");
    assert_snapshot!(in_table("proxy", &format!("users = [{{ name = \"{long}\", password = \"a\" }}]")), @"");
}

#[test]
fn hub_urls() {
    let hub = |url: &str| in_table("out", &format!("hub = \"{url}\""));
    assert_snapshot!(hub("hub.example:1080"), @"");
    assert_snapshot!(hub("http://hub.example:1080"), @"");
    assert_snapshot!(hub("socks5://"), @"");
    assert_snapshot!(hub("socks5://ann:hunter2@:1080"), @"");
    assert_snapshot!(hub("socks5://ann:hunter2@hub.example"), @"");
    assert_snapshot!(hub("socks5://ann:hunter2@hub.example:"), @"");
    assert_snapshot!(hub("socks5://ann:hunter2@hub.example:port"), @"");
    assert_snapshot!(hub("socks5://ann:hunter2@hub.example:0"), @"");
    assert_snapshot!(hub("socks5://ann:hunter2@2001:db8::1:1080"), @"");
    assert_snapshot!(hub("socks5://ann:hunter2@a b:1080"), @"");
    assert_snapshot!(hub("socks5://ann:hunter2@192.0.2:1080"), @"");
    assert_snapshot!(hub("socks5://ann@hub.example:1080"), @"");
    assert_snapshot!(hub("socks5://ann:@hub.example:1080"), @"");
    assert_snapshot!(hub("socks5://:hunter2@hub.example:1080"), @"");
    assert_snapshot!(hub("socks5://ann:hunter2@hub.example:1080/path"), @"");
    assert_snapshot!(hub("socks5://ann:hunter%2@hub.example:1080"), @"");
    assert_snapshot!(hub("socks5://ann:%ff@hub.example:1080"), @"");
    assert_snapshot!(in_table("out", "hub = [\"socks5://a.example:1080\", \"socks5://b.example\"]"), @"");
}

#[test]
fn no_error_text_shows_a_password() {
    for url in [
        "hunter2",
        "ann:hunter2@hub:1",
        "http://ann:hunter2@hub:1",
        "socks5://hunter2",
        "socks5://ann:hunter2",
        "socks5://ann:hunter2@",
        "socks5://ann:hunter2@:",
        "socks5://ann:hunter2@[::1",
        "socks5://ann:hunter2/x",
        "socks5://ann:x@hunter2@hub",
        "socks5://ann:hunter2/@hub",
        "socks5://ann:hunter2#@hub",
        "socks5://ann:hunter2%@hub:1",
        "socks5://hub:1/hunter2",
        "socks5://ann:hunter2@a b:1",
        "socks5://hunter2@hub:1",
    ] {
        for text in [
            in_table("out", &format!("hub = '{url}'")),
            in_table("out", &format!("hub = ['{url}']")),
        ] {
            assert!(!text.contains("hunter2"), "{url}: {text}");
        }
    }
}

#[test]
fn durations() {
    assert_snapshot!(in_table("out", "wait_for_uplink = \"10\"\nconnect_timeout = \"0s\"\nidle_timeout = \"never\""), @"");
    assert_snapshot!(in_table("out", "wait_for_uplink = \"2years\"\nconnect_timeout = \"off\"\nidle_timeout = \"0s\""), @"");
    assert_snapshot!(in_table("mptcp", "blackhole_timeout = \"1500ms\""), @"");
}

#[test]
fn bypass() {
    assert_snapshot!(in_table("bypass", "networks = [\n  \"192.168.0.0/16\",\n  \"fd00::/8\",\n  \"192.168.1.0/24\",\n]"), @"");
    assert_snapshot!(in_table("bypass", "networks = [\"192.168.1.1/16\", \"10.0.0.0/33\", \"lan\"]"), @"");
    assert_snapshot!(in_table("bypass", "ports = [\n  25,\n  \"6000-6010\",\n  \"6010-6020\",\n  25,\n]"), @"");
    assert_snapshot!(in_table("bypass", "ports = [0, 65536, \"ssh\", \"0-1\", \"10-1\", \"1-2-3\"]"), @"");
}

#[test]
fn mptcp() {
    assert_snapshot!(in_table("mptcp", "subflows = 9\nadd_addr_accepted = -1\nstale_loss_count = 4294967296"), @"");
    assert_snapshot!(in_table("mptcp", "congestion_control = \"a b\"\nbuffer_max = \"16 MB\""), @"");
    assert_snapshot!(in_table("mptcp", "buffer_max = \"2GiB\""), @"");
    assert_snapshot!(in_table("mptcp", "buffer_max = \"127KiB\""), @"");
    assert_snapshot!(in_table("mptcp", "buffer_max = \"99999999999GiB\""), @"");
}

#[test]
fn control() {
    assert_snapshot!(in_table("control", "socket = \"edge.sock\""), @"");
    let long = format!("socket = \"/{}\"", "x".repeat(107));
    assert_snapshot!(in_table("control", &long), @"");
}

#[test]
fn all_errors_in_the_order_of_the_file() {
    let text = "\
[out]
hub = \"socks5://hub\"
[proxy]
port = 0
tls = true
[[uplink]]
mac = \"02:00:00:00:00:01\"
ipv6 = 1
[bypass]
networks = [\"10.0.0.0/8\", \"10.1.0.0/16\"]
[[uplink]]
ä = 1
mac = \"02:00:00:00:00:01\"
[nonsense]
";
    assert_snapshot!(errors(text), @"");
}

#[test]
fn a_column_counts_characters() {
    assert_snapshot!(errors("uplink = [{ interface = \"eth1\" }, { name = 'ä', \"ö\" = 1, interface = \"eth2\" }]"), @"");
}

#[test]
fn a_file_that_cannot_be_read() {
    let load = |path: &str| {
        Settings::load(path)
            .expect_err("there is no such file")
            .to_string()
    };
    assert_snapshot!(load("/nonexistent/edge.toml"), @"");
}

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
    assert_snapshot!(errors("[host\ninterface = 1"), @"
    edge.toml:1:6: this is not TOML: unclosed table, expected `]`
    ");
    assert_snapshot!(errors("a = 1\n\n  b = [1,"), @"
    edge.toml:3:10: this is not TOML: unclosed array, expected `]`
    ");
    assert_snapshot!(errors("[out]\nhub = \"socks5://ann:hunter2@hub.example:1080"), @r#"
    edge.toml:2:45: this is not TOML: invalid basic string, expected `"`
    "#);
    assert_snapshot!(errors("[proxy]\nport = 1\nport = 2"), @"
    edge.toml:3:1: port: the key is in this table already; keep one of the two
    ");
    assert_snapshot!(errors("[host]\ninterface = eth0\n"), @"
    edge.toml:2:13: this is not TOML: string values must be quoted, expected literal string
    ");
}

#[test]
fn no_uplink() {
    assert_snapshot!(errors(""), @r#"
    edge.toml:1:1: uplink: there is no uplink, so nothing could leave; add a table [[uplink]] with a line such as interface = "eth1"
    "#);
    assert_snapshot!(errors("uplink = []"), @r#"
    edge.toml:1:10: uplink: there is no uplink, so nothing could leave; add a table [[uplink]] with a line such as interface = "eth1"
    "#);
    assert_snapshot!(errors("[uplink]\ninterface = \"eth1\""), @"
    edge.toml:1:1: uplink: a table is written where a list of tables, each under [[uplink]] in double brackets, belongs
    ");
    assert_snapshot!(errors("uplink = [\"eth1\"]"), @"
    edge.toml:1:11: uplink[0]: text is written where a table, with its name in brackets and a line for each key, belongs
    ");
}

#[test]
fn unknown_keys() {
    assert_snapshot!(in_table("host", "interface = \"eth0\"\ncaptur = \"all\""), @"
    edge.toml:3:1: host.captur: there is no such key; did you mean capture?
    ");
    assert_snapshot!(in_table("out", "wait-for-uplink = \"1s\""), @"
    edge.toml:2:1: out.wait-for-uplink: there is no such key; did you mean wait_for_uplink?
    ");
    assert_snapshot!(in_table("mptcp", "scheduler = \"x\""), @"
    edge.toml:2:1: mptcp.scheduler: there is no such key; the keys here are subflows, add_addr_accepted, stale_loss_count, blackhole_timeout, congestion_control, buffer_max
    ");
    assert_snapshot!(in_table("uplinks", "interface = \"eth1\""), @"
    edge.toml:1:2: uplinks: there is no such key; did you mean uplink?
    ");
    assert_snapshot!(in_table("bypass", "\"a b\\n\" = 1"), @r#"
    edge.toml:2:1: bypass."a b\n": there is no such key; the keys here are networks, ports
    "#);
    assert_snapshot!(uplinks(&["interface = \"eth1\"\nendpoints = []"]), @"
    edge.toml:3:1: uplink[0].endpoints: there is no such key; did you mean endpoint?
    ");
    assert_snapshot!(in_table("proxy", "users = [{ name = \"a\", password = \"b\", pasword = \"c\" }]"), @"
    edge.toml:2:40: proxy.users[0].pasword: there is no such key; did you mean password?
    ");
    assert_snapshot!(in_table("control", "path = \"/run/x\""), @"
    edge.toml:2:1: control.path: there is no such key; the only key here is socket
    ");
}

#[test]
fn wrong_types() {
    assert_snapshot!(errors("host = \"eth0\"\nproxy = 1080\nout = [1]\nmptcp = 1.5\nbypass = 1979-05-27\ncontrol = true\n[[uplink]]\ninterface = 1\nipv6 = \"yes\"\nendpoint = \"subflow\""), @r#"
    edge.toml:1:8: host: text is written where a table, with its name in brackets and a line for each key, belongs
    edge.toml:2:9: proxy: a whole number is written where a table, with its name in brackets and a line for each key, belongs
    edge.toml:3:7: out: a list is written where a table, with its name in brackets and a line for each key, belongs
    edge.toml:4:9: mptcp: a number with a fraction is written where a table, with its name in brackets and a line for each key, belongs
    edge.toml:5:10: bypass: a date or time is written where a table, with its name in brackets and a line for each key, belongs
    edge.toml:6:11: control: true or false is written where a table, with its name in brackets and a line for each key, belongs
    edge.toml:8:13: uplink[0].interface: a whole number is written where text in quotes belongs
    edge.toml:9:8: uplink[0].ipv6: text is written where true or false belongs
    edge.toml:10:12: uplink[0].endpoint: text is written where a list such as ["subflow"] belongs
    "#);
    assert_snapshot!(in_table("proxy", "port = \"1080\"\nusers = \"ann:hunter2\""), @"
    edge.toml:2:8: proxy.port: text is written where a whole number belongs
    edge.toml:3:9: proxy.users: text is written where a list in brackets belongs
    ");
    assert_snapshot!(in_table("proxy", "users = [\"ann:hunter2\"]"), @r#"
    edge.toml:2:10: proxy.users[0]: text is written where a user such as { name = "ann", password = "…" } belongs
    "#);
    assert_snapshot!(in_table("out", "hub = 1080\nwait_for_uplink = 10\nidle_timeout = false"), @"
    edge.toml:2:7: out.hub: a whole number is written where text in quotes belongs
    edge.toml:3:19: out.wait_for_uplink: a whole number is written where text in quotes belongs
    edge.toml:4:16: out.idle_timeout: true or false is written where text in quotes belongs
    ");
    assert_snapshot!(in_table("out", "hub = [1080, { url = \"x\" }]"), @"
    edge.toml:2:8: out.hub[0]: a whole number is written where text in quotes belongs
    edge.toml:2:14: out.hub[1]: a table is written where text in quotes belongs
    ");
    assert_snapshot!(in_table("bypass", "networks = \"10.0.0.0/8\"\nports = [2.5, true]"), @r#"
    edge.toml:2:12: bypass.networks: text is written where a list in brackets belongs
    edge.toml:3:10: bypass.ports[0]: a number with a fraction is written where a port such as 25, or a range such as "6000-6010", belongs
    edge.toml:3:15: bypass.ports[1]: true or false is written where a port such as 25, or a range such as "6000-6010", belongs
    "#);
    assert_snapshot!(in_table("mptcp", "subflows = \"8\"\nbuffer_max = 16777216\ncongestion_control = 1"), @"
    edge.toml:2:12: mptcp.subflows: text is written where a whole number belongs
    edge.toml:3:14: mptcp.buffer_max: a whole number is written where text in quotes belongs
    edge.toml:4:22: mptcp.congestion_control: a whole number is written where text in quotes belongs
    ");
}

#[test]
fn which_interface() {
    assert_snapshot!(uplinks(&["ipv6 = true", "interface = \"eth1\""]), @r#"
    edge.toml:1:1: uplink[0]: nothing says which interface this is; add one of interface, mac and vmbus, such as interface = "eth1"
    "#);
    assert_snapshot!(in_table("host", "capture = \"all\""), @r#"
    edge.toml:1:1: host: nothing says which interface this is; add one of interface, mac and vmbus, such as interface = "eth1"
    "#);
    assert_snapshot!(uplinks(&["interface = \"eth1\"\nmac = \"02:00:00:00:00:01\"\nvmbus = \"7a08391f-f5a0-4ac0-9802-d13fd964f8df\""]), @"
    edge.toml:3:7: uplink[0].mac: the interface is given by uplink[0].interface (line 2) already; keep one of the two
    edge.toml:4:9: uplink[0].vmbus: the interface is given by uplink[0].interface (line 2) already; keep one of the two
    ");
    assert_snapshot!(in_table("host", "interface = \"eth*\""), @r#"
    edge.toml:2:13: host.interface: "eth*" is a pattern, but there is one host; write the interface's full name
    "#);
    assert_snapshot!(uplinks(&["interface = \"\"", "interface = \"..\"", "interface = \"a/b\"", "interface = \"sixteen-letters-\""]), @r#"
    edge.toml:2:13: uplink[0].interface: "" is no interface name; write one such as "eth1", or a pattern such as "eth*"
    edge.toml:4:13: uplink[1].interface: ".." is no interface name; write one such as "eth1", or a pattern such as "eth*"
    edge.toml:6:13: uplink[2].interface: an interface name cannot hold '/'; write a name as `ip link` shows it, such as "eth1"
    edge.toml:8:13: uplink[3].interface: no interface name is longer than 15 bytes, "sixteen-letters-" is; write a name as `ip link` shows it
    "#);
    assert_snapshot!(uplinks(&["mac = \"02:00:00:00:00\"", "mac = \"02:00:00:00:00:0g\"", "mac = \"01:00:5e:00:00:01\"", "mac = \"00:00:00:00:00:00\""]), @r#"
    edge.toml:2:7: uplink[0].mac: "02:00:00:00:00" is no MAC address; write six bytes in hexadecimal, such as "02:00:00:00:00:01"
    edge.toml:4:7: uplink[1].mac: "02:00:00:00:00:0g" is no MAC address; write six bytes in hexadecimal, such as "02:00:00:00:00:01"
    edge.toml:6:7: uplink[2].mac: 01:00:5e:00:00:01 is not the address of one network card; write the one that `ip link` shows for the card
    edge.toml:8:7: uplink[3].mac: 00:00:00:00:00:00 is not the address of one network card; write the one that `ip link` shows for the card
    "#);
    assert_snapshot!(uplinks(&["vmbus = \"7a08391ff5a04ac09802d13fd964f8df\"", "vmbus = \"{7a08391f-f5a0-4ac0-9802-d13fd964f8df\""]), @r#"
    edge.toml:2:9: uplink[0].vmbus: "7a08391ff5a04ac09802d13fd964f8df" is no GUID; write the adapter's name in /sys/bus/vmbus/devices, such as "7a08391f-f5a0-4ac0-9802-d13fd964f8df"
    edge.toml:4:9: uplink[1].vmbus: "{7a08391f-f5a0-4ac0-9802-d13fd964f8df" is no GUID; write the adapter's name in /sys/bus/vmbus/devices, such as "7a08391f-f5a0-4ac0-9802-d13fd964f8df"
    "#);
}

#[test]
fn words_and_names() {
    assert_snapshot!(in_table("host", "interface = \"eth0\"\ncapture = \"socks\"\nintercept = \"Redirect\"\nnetwork = \"fd00::1/64\""), @r#"
    edge.toml:3:11: host.capture: "socks" is not known here; write "all" or "proxy"
    edge.toml:4:13: host.intercept: "Redirect" is not known here; write "redirect" or "tproxy"
    edge.toml:5:11: host.network: "fd00::1/64" is no unique local network of 64 bits; write one such as "fd12:3456:789a::/64"
    "#);
    assert_snapshot!(uplinks(&["interface = \"eth1\"\naddresses = \"static\"\nendpoint = [\"subflw\"]\nname = \" my wifi\""]), @r#"
    edge.toml:3:13: uplink[0].addresses: "static" is not known here; write "dhcp" or "external"
    edge.toml:4:13: uplink[0].endpoint[0]: "subflw" is not known here; write "subflow", "signal" or "fullmesh"
    edge.toml:5:8: uplink[0].name: " my wifi" is no name for an uplink; write 1 to 64 characters without quotation marks and without blanks around them, such as "wifi"
    "#);
}

#[test]
fn uplinks_in_each_others_way() {
    assert_snapshot!(uplinks(&["name = \"wifi\"\nmac = \"02:00:00:00:00:01\"", "name = \"lte\"\nmac = \"02-00-00-00-00-01\""]), @"
    edge.toml:6:7: uplink[1].mac: 02:00:00:00:00:01 is the MAC address of uplink[0] (line 3) too; give each uplink its own
    ");
    assert_snapshot!(uplinks(&["vmbus = \"7a08391f-f5a0-4ac0-9802-d13fd964f8df\"", "vmbus = \"{7A08391F-F5A0-4AC0-9802-D13FD964F8DF}\""]), @"
    edge.toml:4:9: uplink[1].vmbus: 7a08391f-f5a0-4ac0-9802-d13fd964f8df is the VMBus instance of uplink[0] (line 2) too; give each uplink its own
    ");
    assert_snapshot!(uplinks(&["interface = \"eth1\"", "interface = \"eth2\"", "interface = \"eth1\""]), @r#"
    edge.toml:6:13: uplink[2].interface: "eth1" is the interface of uplink[0] (line 2) too; give each uplink its own
    "#);
    assert_snapshot!(uplinks(&["interface = \"eth*\"", "interface = \"eth1\""]), @r#"
    edge.toml:4:13: uplink[1].interface: "eth1" fits the pattern "eth*" of uplink[0] (line 2) already, and the first rule counts; move this uplink before that one
    "#);
    assert_snapshot!(uplinks(&["interface = \"eth1\"\nname = \"wifi\"", "interface = \"eth2\"\nname = \"wifi\""]), @r#"
    edge.toml:6:8: uplink[1].name: "wifi" is the name of uplink[0] (line 3) too; give each uplink its own
    "#);
    assert_snapshot!(uplinks(&["interface = \"eth1\"\nname = \"eth2\"", "interface = \"eth2\""]), @r#"
    edge.toml:5:13: uplink[1].interface: "eth2" is the name of uplink[0] (line 3) too; give each uplink its own
    "#);
    assert_snapshot!(uplinks(&["interface = \"wl*\"\nname = \"wifi\""]), @r#"
    edge.toml:3:8: uplink[0].name: "wl*" can match several interfaces, which cannot all have this name; leave the name out, or write the interface's full name
    "#);
}

#[test]
fn host_as_uplink() {
    assert_snapshot!(in_table("host", "interface = \"eth1\""), @"
    edge.toml:4:13: uplink[0].interface: eth1 is the host's interface, see host.interface (line 2); an uplink must be another one
    ");
    assert_snapshot!(errors("host.mac = \"02:00:00:00:00:01\"\n[[uplink]]\ninterface = \"eth1\"\n[[uplink]]\nmac = \"02:00:00:00:00:01\""), @"
    edge.toml:5:7: uplink[1].mac: 02:00:00:00:00:01 is the host's interface, see host.mac (line 1); an uplink must be another one
    ");
}

#[test]
fn proxy() {
    assert_snapshot!(in_table("proxy", "port = 0"), @"
    edge.toml:2:8: proxy.port: 0 is out of range; write a whole number from 1 to 65535
    ");
    assert_snapshot!(in_table("proxy", "port = 0x1_0000"), @"
    edge.toml:2:8: proxy.port: 0x10000 is out of range; write a whole number from 1 to 65535
    ");
    assert_snapshot!(in_table("proxy", "port = -1"), @"
    edge.toml:2:8: proxy.port: -1 is out of range; write a whole number from 1 to 65535
    ");
    assert_snapshot!(in_table("proxy", "users = [{ name = \"ann\", password = \"a\" }, { name = \"bob\", password = \"b\" }, { name = \"ann\", password = \"c\" }]"), @r#"
    edge.toml:2:78: proxy.users[2]: "ann" is the name of proxy.users[0] (line 2) too; give each user an own name
    "#);
    assert_snapshot!(in_table("proxy", "users = [{ name = \"ann\" }, { password = \"hunter2\" }, { name = \"\", password = \"a\" }, { name = \"a:b\", password = \"a\" }]"), @r#"
    edge.toml:2:10: proxy.users[0]: the user has no password; write { name = "…", password = "…" }
    edge.toml:2:28: proxy.users[1]: the user has no name; write { name = "…", password = "…" }
    edge.toml:2:54: proxy.users[2]: the user name is empty; write one of 1 to 255 bytes
    edge.toml:2:85: proxy.users[3]: the user name holds ':', which HTTP cannot carry (RFC 7617); write one without it
    "#);
    assert_snapshot!(in_table("proxy", "users = [{ name = \"a\\nb\", password = \"a\" }, { name = \"c\", password = \"\" }]"), @"
    edge.toml:2:10: proxy.users[0]: the user name holds a control character; write one without it
    edge.toml:2:45: proxy.users[1]: the password is empty; write one of 1 to 255 bytes
    ");
    let long = "x".repeat(256);
    assert_snapshot!(in_table("proxy", &format!("users = [{{ name = \"a\", password = \"{long}\" }}]")), @"
    edge.toml:2:10: proxy.users[0]: the password is longer than 255 bytes; write a shorter one
    ");
    assert_snapshot!(in_table("proxy", &format!("users = [{{ name = \"{long}\", password = \"a\" }}]")), @"
    edge.toml:2:10: proxy.users[0]: the user name is longer than 255 bytes; write a shorter one
    ");
}

#[test]
fn hub_urls() {
    let hub = |url: &str| in_table("out", &format!("hub = \"{url}\""));
    assert_snapshot!(hub("hub.example:1080"), @r#"
    edge.toml:2:7: out.hub: the address starts neither with manypath:// nor with socks5://; write the hub's link, or "socks5://user:password@host:port"
    "#);
    assert_snapshot!(hub("http://hub.example:1080"), @r#"
    edge.toml:2:7: out.hub: the address starts neither with manypath:// nor with socks5://; write the hub's link, or "socks5://user:password@host:port"
    "#);
    assert_snapshot!(hub("socks5://"), @r#"
    edge.toml:2:7: out.hub: the host is missing; write the address as "socks5://user:password@host:port"
    "#);
    assert_snapshot!(hub("socks5://ann:hunter2@:1080"), @r#"
    edge.toml:2:7: out.hub: the host is missing; write the address as "socks5://user:password@host:port"
    "#);
    assert_snapshot!(hub("socks5://ann:hunter2@hub.example"), @r#"
    edge.toml:2:7: out.hub: the port is missing; write it behind the host, such as "socks5://hub.example:1080"
    "#);
    assert_snapshot!(hub("socks5://ann:hunter2@hub.example:"), @r#"
    edge.toml:2:7: out.hub: the port is missing; write it behind the host, such as "socks5://hub.example:1080"
    "#);
    assert_snapshot!(hub("socks5://ann:hunter2@hub.example:port"), @r#"
    edge.toml:2:7: out.hub: the port is not a number from 1 to 65535; write it behind the host, such as "socks5://hub.example:1080"
    "#);
    assert_snapshot!(hub("socks5://ann:hunter2@hub.example:0"), @r#"
    edge.toml:2:7: out.hub: the port is not a number from 1 to 65535; write it behind the host, such as "socks5://hub.example:1080"
    "#);
    assert_snapshot!(hub("socks5://ann:hunter2@2001:db8::1:1080"), @r#"
    edge.toml:2:7: out.hub: an IPv6 address goes in brackets, such as "socks5://[2001:db8::1]:1080"
    "#);
    assert_snapshot!(hub("socks5://ann:hunter2@a b:1080"), @r#"
    edge.toml:2:7: out.hub: the host is neither an IP address nor a name; write it such as "socks5://hub.example:1080"
    "#);
    assert_snapshot!(hub("socks5://ann:hunter2@192.0.2:1080"), @r#"
    edge.toml:2:7: out.hub: the host is neither an IP address nor a name; write it such as "socks5://hub.example:1080"
    "#);
    assert_snapshot!(hub("socks5://ann@hub.example:1080"), @r#"
    edge.toml:2:7: out.hub: there is a user but no password; write "socks5://user:password@host:port"
    "#);
    assert_snapshot!(hub("socks5://ann:@hub.example:1080"), @"
    edge.toml:2:7: out.hub: the password is empty; write one of 1 to 255 bytes
    ");
    assert_snapshot!(hub("socks5://:hunter2@hub.example:1080"), @"
    edge.toml:2:7: out.hub: the user name is empty; write one of 1 to 255 bytes
    ");
    assert_snapshot!(hub("socks5://ann:hunter2@hub.example:1080/path"), @r#"
    edge.toml:2:7: out.hub: nothing may follow the port; write "socks5://user:password@host:port", and / ? # within a password as %2F %3F %23
    "#);
    assert_snapshot!(hub("socks5://ann:hunter%2@hub.example:1080"), @"
    edge.toml:2:7: out.hub: a % in the user or password is not followed by two hexadecimal digits of UTF-8 text; write a % itself as %25
    ");
    assert_snapshot!(hub("socks5://ann:%ff@hub.example:1080"), @"
    edge.toml:2:7: out.hub: a % in the user or password is not followed by two hexadecimal digits of UTF-8 text; write a % itself as %25
    ");
    assert_snapshot!(in_table("out", "hub = [\"socks5://a.example:1080\", \"socks5://b.example\"]"), @r#"
    edge.toml:2:35: out.hub[1]: the port is missing; write it behind the host, such as "socks5://hub.example:1080"
    "#);
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
    assert_snapshot!(in_table("out", "wait_for_uplink = \"10\"\nconnect_timeout = \"0s\"\nidle_timeout = \"never\""), @r#"
    edge.toml:2:19: out.wait_for_uplink: "10" is no duration; write a number with its unit, such as "10s", "500ms" or "2min"
    edge.toml:3:19: out.connect_timeout: a time of zero would give everything up at once; write a longer one, such as "10s"
    edge.toml:4:16: out.idle_timeout: "never" is neither "off" nor a duration; write a number with its unit, such as "10s" or "2min"
    "#);
    assert_snapshot!(in_table("out", "wait_for_uplink = \"2years\"\nconnect_timeout = \"off\"\nidle_timeout = \"0s\""), @r#"
    edge.toml:2:19: out.wait_for_uplink: "2years" is longer than a year; write a shorter duration
    edge.toml:3:19: out.connect_timeout: "off" is no duration; write a number with its unit, such as "10s", "500ms" or "2min"
    edge.toml:4:16: out.idle_timeout: a time-out of zero would end everything at once; write "off" for no time-out
    "#);
    assert_snapshot!(in_table("mptcp", "blackhole_timeout = \"1500ms\""), @r#"
    edge.toml:2:21: mptcp.blackhole_timeout: "1500ms" is not a whole number of seconds, and the kernel takes no other
    "#);
}

#[test]
fn dns() {
    assert_snapshot!(in_table("dns", "mode = \"tcp\"\nservers = [\"9.9.9.9\", \"dns.example\", \"0.0.0.0\", \"9.9.9.9\"]\nserver = 1"), @r#"
    edge.toml:2:8: dns.mode: "tcp" is not known here; write "hub", "direct" or "off"
    edge.toml:3:23: dns.servers[1]: "dns.example" is no address of a name server; write one such as "9.9.9.9" or "2620:fe::fe"
    edge.toml:3:38: dns.servers[2]: "0.0.0.0" is no address of a name server; write one such as "9.9.9.9" or "2620:fe::fe"
    edge.toml:3:49: dns.servers[3]: "9.9.9.9" is in the list twice; leave one out
    edge.toml:4:1: dns.server: there is no such key; did you mean servers?
    "#);
    assert_snapshot!(in_table("out", "quic = \"block\""), @r#"edge.toml:2:8: out.quic: "block" is not known here; write "allow" or "refuse""#);
}

#[test]
fn bypass() {
    assert_snapshot!(in_table("bypass", "networks = [\n  \"192.168.0.0/16\",\n  \"fd00::/8\",\n  \"192.168.1.0/24\",\n]"), @"
    edge.toml:5:3: bypass.networks[2]: 192.168.1.0/24 overlaps 192.168.0.0/16 in bypass.networks[0] (line 3); keep the larger one, or make them disjoint
    ");
    assert_snapshot!(in_table("bypass", "networks = [\"192.168.1.1/16\", \"10.0.0.0/33\", \"lan\"]"), @r#"
    edge.toml:2:13: bypass.networks[0]: 192.168.1.1/16 is an address within a network; write "192.168.0.0/16" for the whole network or "192.168.1.1" for the address alone
    edge.toml:2:31: bypass.networks[1]: "10.0.0.0/33" is no network; write it as address/prefix length, such as "192.168.0.0/16" or "fd00::/8"
    edge.toml:2:46: bypass.networks[2]: "lan" is no network; write it as address/prefix length, such as "192.168.0.0/16" or "fd00::/8"
    "#);
    assert_snapshot!(in_table("bypass", "ports = [\n  25,\n  \"6000-6010\",\n  \"6010-6020\",\n  25,\n]"), @"
    edge.toml:5:3: bypass.ports[2]: 6010-6020 overlaps 6000-6010 in bypass.ports[1] (line 4); join them, or make them disjoint
    edge.toml:6:3: bypass.ports[3]: 25 overlaps 25 in bypass.ports[0] (line 3); join them, or make them disjoint
    ");
    assert_snapshot!(in_table("bypass", "ports = [0, 65536, \"ssh\", \"0-1\", \"10-1\", \"1-2-3\"]"), @r#"
    edge.toml:2:10: bypass.ports[0]: 0 is out of range; write a whole number from 1 to 65535
    edge.toml:2:13: bypass.ports[1]: 65536 is out of range; write a whole number from 1 to 65535
    edge.toml:2:20: bypass.ports[2]: "ssh" is no port; write a number from 1 to 65535, or a range such as "6000-6010"
    edge.toml:2:27: bypass.ports[3]: "0-1" is no port; write a number from 1 to 65535, or a range such as "6000-6010"
    edge.toml:2:34: bypass.ports[4]: the range 10-1 ends before it starts; write "1-10"
    edge.toml:2:42: bypass.ports[5]: "1-2-3" is no port; write a number from 1 to 65535, or a range such as "6000-6010"
    "#);
}

#[test]
fn mptcp() {
    assert_snapshot!(in_table("mptcp", "subflows = 9\nadd_addr_accepted = -1\nstale_loss_count = 4294967296"), @"
    edge.toml:2:12: mptcp.subflows: 9 is out of range; write a whole number from 0 to 8
    edge.toml:3:21: mptcp.add_addr_accepted: -1 is out of range; write a whole number from 0 to 8
    edge.toml:4:20: mptcp.stale_loss_count: 4294967296 is out of range; write a whole number from 0 to 4294967295
    ");
    assert_snapshot!(in_table("mptcp", "congestion_control = \"a b\"\nbuffer_max = \"16 MB\""), @r#"
    edge.toml:2:22: mptcp.congestion_control: "a b" is no congestion control; write a name as in net.ipv4.tcp_available_congestion_control, such as "bbr" or "cubic"
    edge.toml:3:14: mptcp.buffer_max: "16 MB" is no size; write a whole number with B, KiB, MiB or GiB, such as "16MiB"
    "#);
    assert_snapshot!(in_table("mptcp", "buffer_max = \"2GiB\""), @r#"
    edge.toml:2:14: mptcp.buffer_max: 2GiB is outside of 128KiB to 1GiB; write a size in between, such as "16MiB"
    "#);
    assert_snapshot!(in_table("mptcp", "buffer_max = \"127KiB\""), @r#"
    edge.toml:2:14: mptcp.buffer_max: 127KiB is outside of 128KiB to 1GiB; write a size in between, such as "16MiB"
    "#);
    assert_snapshot!(in_table("mptcp", "buffer_max = \"99999999999GiB\""), @r#"
    edge.toml:2:14: mptcp.buffer_max: "99999999999GiB" is no size; write a whole number with B, KiB, MiB or GiB, such as "16MiB"
    "#);
}

#[test]
fn control() {
    assert_snapshot!(in_table("control", "socket = \"edge.sock\""), @r#"
    edge.toml:2:10: control.socket: "edge.sock" is not an absolute path; write one that starts with /
    "#);
    let long = format!("socket = \"/{}\"", "x".repeat(107));
    assert_snapshot!(in_table("control", &long), @r#"
    edge.toml:2:10: control.socket: "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" is longer than 107 bytes, more than a Unix socket's path can be; write a shorter one
    "#);
}

#[test]
fn usage() {
    assert_snapshot!(errors("usage = \"edge.usage\"\n[[uplink]]\ninterface = \"eth1\""), @r#"
    edge.toml:1:9: usage: "edge.usage" is not an absolute path; write one that starts with /
    "#);
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
\"ä\" = 1
mac = \"02:00:00:00:00:01\"
[nonsense]
";
    assert_snapshot!(errors(text), @r#"
    edge.toml:2:7: out.hub: the port is missing; write it behind the host, such as "socks5://hub.example:1080"
    edge.toml:4:8: proxy.port: 0 is out of range; write a whole number from 1 to 65535
    edge.toml:5:1: proxy.tls: there is no such key; the keys here are port, users
    edge.toml:8:8: uplink[0].ipv6: a whole number is written where true or false belongs
    edge.toml:10:27: bypass.networks[1]: 10.1.0.0/16 overlaps 10.0.0.0/8 in bypass.networks[0] (line 10); keep the larger one, or make them disjoint
    edge.toml:12:1: uplink[1]."ä": there is no such key; the keys here are name, interface, mac, vmbus, addresses, ipv6, endpoint, role, metered, monthly_cap, after_cap, cap_resets_on
    edge.toml:13:7: uplink[1].mac: 02:00:00:00:00:01 is the MAC address of uplink[0] (line 7) too; give each uplink its own
    edge.toml:14:2: nonsense: there is no such key; the keys here are host, uplink, proxy, out, bypass, rule, dns, portal, mptcp, control, usage
    "#);
}

#[test]
fn a_column_counts_characters() {
    assert_snapshot!(errors("uplink = [{ interface = \"eth1\" }, { name = ' ä', \"ö\" = 1, interface = \"eth2\" }]"), @r#"
    edge.toml:1:44: uplink[1].name: " ä" is no name for an uplink; write 1 to 64 characters without quotation marks and without blanks around them, such as "wifi"
    edge.toml:1:50: uplink[1]."ö": there is no such key; the keys here are name, interface, mac, vmbus, addresses, ipv6, endpoint, role, metered, monthly_cap, after_cap, cap_resets_on
    "#);
}

#[test]
fn a_file_that_cannot_be_read() {
    let file = "/nonexistent/edge.toml";
    let error = Settings::load(file).expect_err("there is no such file");
    // Each system has its own words for it.
    let why = std::fs::read(file).expect_err("there is no such file");
    assert_eq!(
        error.to_string(),
        format!(
            "{file}: cannot be read: {why}; check the path and that this user may read the file"
        )
    );
}

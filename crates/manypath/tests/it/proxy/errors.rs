//! What SOCKS clients are told when there is no connection.

use std::io::{Read, Write};

use lab::rig::{HubProtocol, Mode, Rig};
use lab::topology::Node;

use crate::support::{Names, connect, output, proxy_spec, socks5};

/// RFC 1928 section 6.
const GENERAL: u8 = 1;
const NOT_ALLOWED: u8 = 2;
const NETWORK: u8 = 3;
const HOST: u8 = 4;
const REFUSED: u8 = 5;
const TIMEOUT: u8 = 6;

const SILENT: &str = "add table inet t; add chain inet t c { type filter hook input priority 0; }; \
                      add rule inet t c tcp dport 81 drop";

fn code(rig: &Rig, host: &str, port: u16) -> u8 {
    socks5(rig, host, port).unwrap()
}

#[test]
fn socks5_codes_by_way_of_the_hub() {
    let names = Names::new(
        "hub",
        "10.0.0.1 inside.test\n203.0.113.18 mixed.test\n10.0.0.1 mixed.test\n",
    );
    let mut spec = proxy_spec();
    spec.program = names.program();
    spec.hub_settings = "connect_timeout = \"500ms\"".into();
    let rig = Rig::up(spec).unwrap();
    output(&rig, Node::Origin, "nft", &[SILENT]);
    assert_eq!(code(&rig, "203.0.113.18", 82), REFUSED);
    assert_eq!(code(&rig, "2001:db8:b::2", 82), REFUSED);
    assert_eq!(code(&rig, "203.0.113.18", 81), TIMEOUT);
    assert_eq!(code(&rig, "203.0.113.200", 80), NETWORK);
    assert_eq!(code(&rig, "nowhere.invalid", 80), HOST);
    for near in [
        "10.0.0.1",
        "127.0.0.1",
        "0.0.0.0",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "203.0.113.2",
        "203.0.113.3",
        "2001:db8:a::2",
        "::1",
        "::",
        "fe80::1",
        "fd22::2",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:203.0.113.2",
        "64:ff9b::7f00:1",
        "inside.test",
        "localhost",
    ] {
        assert_eq!(code(&rig, near, 1080), NOT_ALLOWED, "{near}");
    }
    // Who is in an uplink's own network is asked itself.
    assert_eq!(code(&rig, "192.168.11.1", 1080), REFUSED);
    // A name with an address that is allowed leads there, and nowhere else.
    assert_eq!(code(&rig, "mixed.test", 80), 0);
}

#[test]
fn socks5_codes_without_a_hub() {
    let mut spec = proxy_spec();
    spec.mode = Mode::Single;
    spec.edge_settings = "[out]\nconnect_timeout = \"500ms\"".into();
    let rig = Rig::up(spec).unwrap();
    output(&rig, Node::Origin, "nft", &[SILENT]);
    assert_eq!(code(&rig, "203.0.113.18", 82), REFUSED);
    assert_eq!(code(&rig, "203.0.113.18", 81), TIMEOUT);
    assert_eq!(code(&rig, "203.0.113.200", 80), NETWORK);
}

#[test]
fn the_hub_goes_to_its_own_network_if_it_is_allowed_to() {
    let mut spec = proxy_spec();
    spec.hub_settings = "allow = [\"203.0.113.0/28\", \"127.0.0.0/8\"]".into();
    let rig = Rig::up(spec).unwrap();
    assert_eq!(code(&rig, "203.0.113.2", 1), REFUSED);
    assert_eq!(code(&rig, "127.0.0.1", 1), REFUSED);
    assert_eq!(code(&rig, "203.0.113.3", 443), 0);
    assert_eq!(code(&rig, "::1", 1), NOT_ALLOWED);
}

#[test]
fn a_wrong_password_for_the_hub_is_no_fault_of_the_destination() {
    let mut spec = proxy_spec();
    spec.protocol = HubProtocol::Socks5;
    spec.edge_settings = "[out]\nhub = \"socks5://lab:wrong@203.0.113.2:1080\"".into();
    let rig = Rig::up(spec).unwrap();
    assert_eq!(code(&rig, "203.0.113.18", 80), GENERAL);
    let arguments = [
        "-so",
        "/dev/null",
        "-x",
        "http://172.22.0.1:1080",
        "-w",
        "%{http_code}",
        "http://203.0.113.18/",
    ];
    assert_eq!(output(&rig, Node::Windows, "curl", &arguments), "502");
    let log = std::fs::read_to_string(rig.edge().unwrap().log()).unwrap();
    assert!(
        log.contains("203.0.113.2:1080") && log.contains("password"),
        "{log}"
    );
    assert!(!log.contains("wrong"), "the password is in the log:\n{log}");
}

#[test]
fn the_hub_is_not_there() {
    let mut rig = Rig::up(proxy_spec()).unwrap();
    assert_eq!(code(&rig, "203.0.113.18", 80), 0);
    rig.stop_hub().unwrap();
    assert_eq!(code(&rig, "203.0.113.18", 80), GENERAL);
    rig.start_hub().unwrap();
    assert_eq!(code(&rig, "203.0.113.18", 80), 0);
}

#[test]
fn socks4_says_no_with_91() {
    let names = Names::new("hub", "");
    let mut spec = proxy_spec();
    spec.program = names.program();
    let rig = Rig::up(spec).unwrap();
    let reply = |request: &[u8]| {
        let mut stream = connect(&rig, Node::Windows, rig.proxy()).unwrap();
        stream.write_all(request).unwrap();
        let mut reply = [0; 8];
        stream.read_exact(&mut reply).unwrap();
        reply[1]
    };
    assert_eq!(reply(&[4, 1, 0, 80, 203, 0, 113, 18, 0]), 90);
    assert_eq!(reply(&[4, 1, 0, 82, 203, 0, 113, 18, 0]), 91);
    assert_eq!(reply(&[4, 1, 0, 80, 10, 0, 0, 1, 0]), 91);
    // BIND is not offered.
    assert_eq!(reply(&[4, 2, 0, 80, 203, 0, 113, 18, 0]), 91);
    let mut by_name = vec![4, 1, 0, 80, 0, 0, 0, 7, b'u', 0];
    by_name.extend(b"nowhere.invalid\0");
    assert_eq!(reply(&by_name), 91);
}

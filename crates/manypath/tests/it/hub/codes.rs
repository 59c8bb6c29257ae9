//! What programs are told when the hub does not connect them: each kind of proxy request.

use std::io::{Read, Write};

use lab::rig::Rig;
use lab::topology::Node;

use super::{count, hub, ready};
use crate::support::{Names, connect, output, proxy_spec, run, socks5};

/// What a client of each protocol is told.
struct Told {
    /// RFC 1928 section 6.
    socks5: u8,
    /// The same for a tunnel and for a plain request (RFC 9110 section 15).
    http: &'static str,
}

const OPENED: Told = Told {
    socks5: 0,
    http: "200",
};
const REFUSED: Told = Told {
    socks5: 5,
    http: "502",
};
const UNREACHABLE: Told = Told {
    socks5: 4,
    http: "502",
};
const NOT_FOUND: Told = Told {
    socks5: 4,
    http: "502",
};
const NOT_ALLOWED: Told = Told {
    socks5: 2,
    http: "403",
};
const TOO_MANY: Told = Told {
    socks5: 1,
    http: "503",
};

/// The answer to a SOCKS4a request, which has a name.
fn socks4a(rig: &Rig, host: &str, port: u16) -> u8 {
    let mut stream = connect(rig, Node::Windows, rig.proxy()).unwrap();
    let mut request = vec![4, 1];
    request.extend(port.to_be_bytes());
    request.extend([0, 0, 0, 1, b'u', 0]);
    request.extend(host.bytes());
    request.push(0);
    stream.write_all(&request).unwrap();
    let mut reply = [0; 8];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(reply[0], 0);
    reply[1]
}

/// curl's view: of a tunnel or of a plain request.
fn http(rig: &Rig, url: &str, tunnel: bool) -> String {
    let common = ["-so", "/dev/null", "-x", "http://172.22.0.1:1080", url];
    let kind = match tunnel {
        true => ["-pw", "%{http_connect}"],
        false => ["-w", "%{http_code}"],
    };
    let ran = run(
        rig.lab(),
        Node::Windows,
        "curl",
        &[common.as_slice(), &kind].concat(),
    );
    ran.text()
}

fn assert_told(rig: &Rig, host: &str, port: u16, told: &Told) {
    assert_eq!(socks5(rig, host, port).unwrap(), told.socks5, "{host}");
    let granted = if told.socks5 == 0 { 90 } else { 91 };
    assert_eq!(socks4a(rig, host, port), granted, "{host}");
    let url = format!("http://{host}:{port}/bytes/1");
    assert_eq!(http(rig, &url, true), told.http, "{url}");
    assert_eq!(http(rig, &url, false), told.http, "{url}");
}

#[test]
fn every_kind_of_request_has_its_codes() {
    let hosts = "203.0.113.18 origin.test\n10.9.9.9 inside.test\n";
    let names = Names::new("hub", hosts);
    let mut spec = proxy_spec();
    spec.program = names.program();
    let rig = ready(spec);
    let no_way = ["route", "add", "unreachable", "203.0.113.200/32"];
    output(&rig, Node::Hub, "ip", &no_way);
    assert_told(&rig, "origin.test", 80, &OPENED);
    assert_told(&rig, "origin.test", 82, &REFUSED);
    assert_told(&rig, "203.0.113.200", 80, &UNREACHABLE);
    assert_told(&rig, "unknown.test", 80, &NOT_FOUND);
    assert_told(&rig, "inside.test", 80, &NOT_ALLOWED);
    // A refusal costs no connection: the next request takes the same.
    let before = hub(&rig);
    for _ in 0..20 {
        assert_eq!(socks5(&rig, "origin.test", 82).unwrap(), REFUSED.socks5);
    }
    let after = hub(&rig);
    let made = |what| count(&after, what) - count(&before, what);
    assert_eq!((made("requests"), made("reused")), (20, 20), "{after:#}");
}

#[test]
fn a_user_with_all_its_connections_in_use_is_told_so() {
    let rig = ready(proxy_spec());
    super::users::set_limit(&rig, 2);
    let held = [(); 2].map(|()| rig.connect(super::AT_ONCE).unwrap());
    assert_told(&rig, "203.0.113.18", 80, &TOO_MANY);
    drop(held);
    super::wait_for_hub(&rig, "take the connections back", |hub| hub["in_use"] == 0);
    assert_told(&rig, "203.0.113.18", 80, &OPENED);
}

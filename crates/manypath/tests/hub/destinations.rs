//! Where clients may go.

use std::net::TcpListener;

use lab::topology::Node;
use mptcp::Transport;
use netcfg::{Address, Netlink};
use wire::hub::OpenRefusal;

use crate::client::{NOT_ALLOWED, SUCCEEDED, code_for, connect_to, login, name};
use crate::edge::admitted;
use crate::server::{Server, eventually, hub_v4};

const NEAR: [&str; 20] = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.9.9.9",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.9.9.9",
    "64:ff9b::7f00:1",
    "fd00::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "localhost",
];

/// The server itself, also by its second addresses, and as IPv4-mapped.
const OWN: [&str; 5] = [
    "203.0.113.2",
    "203.0.113.3",
    "2001:db8:a::2",
    "2001:db8:a::3",
    "::ffff:203.0.113.2",
];

/// Names that only this server knows, from a file that only it sees.
fn with_hosts(settings: &str, hosts: &str) -> Server {
    let mut server = Server::prepare(settings);
    server.write("hosts", hosts);
    // Nobody listens there, so other names fail at once.
    server.write("resolv.conf", "nameserver 127.0.0.1\n");
    server.set_wrapper(&format!(
        "cd {}; mount --bind hosts /etc/hosts; mount --bind resolv.conf /etc/resolv.conf",
        server.folder.path().display()
    ));
    server.run();
    server
}

#[test]
fn near_and_own_addresses_are_refused() {
    let server = with_hosts("", "127.0.0.1 localhost\n");
    for destination in NEAR.iter().chain(&OWN) {
        assert_eq!(
            code_for(&server, destination, 80),
            NOT_ALLOWED,
            "{destination}"
        );
    }
    assert_eq!(code_for(&server, "203.0.113.18", 80), SUCCEEDED);
    assert_eq!(code_for(&server, "2001:db8:b::2", 80), SUCCEEDED);
}

#[test]
fn names_are_judged_by_the_address_that_is_connected_to() {
    let hosts = "10.9.9.9 private.test\n::ffff:127.0.0.1 mapped.test\n203.0.113.3 own.test\n\
                 203.0.113.18 origin.test\n127.0.0.1 both.test\n203.0.113.18 both.test\n";
    let server = with_hosts("", hosts);
    for name in ["private.test", "mapped.test", "own.test"] {
        assert_eq!(code_for(&server, name, 80), NOT_ALLOWED, "{name}");
    }
    // Of several addresses only those are tried that are allowed. On port 81 nobody listens at the
    // origin; were the near address tried, it would answer.
    let near = server
        .lab
        .namespace(Node::Hub)
        .run(|| TcpListener::bind("127.0.0.1:81"));
    let _near = near.expect("a listener");
    assert_eq!(code_for(&server, "origin.test", 80), SUCCEEDED);
    assert_eq!(code_for(&server, "both.test", 80), SUCCEEDED);
    assert_eq!(code_for(&server, "both.test", 81), 5, "connection refused");
    // Addresses in a name's clothes. The last two are 127.0.0.1 to resolvers, and no names at all.
    for (dressed, code) in [
        ("127.0.0.1", NOT_ALLOWED),
        ("::1", NOT_ALLOWED),
        ("2130706433", 1),
        ("0x7f.1", 1),
    ] {
        let mut stream = login(&server, Transport::Tcp, hub_v4());
        let got = connect_to(&mut stream, &name(dressed), 81).expect("an answer");
        assert_eq!(got, code, "{dressed}");
    }
    // There is no such name.
    assert_eq!(code_for(&server, "nowhere.test", 80), 4, "host unreachable");
}

/// DNS rebinding: a name that leads inwards, or also inwards.
#[test]
fn edges_are_judged_as_strictly() {
    let hosts = "127.0.0.1 localhost\n10.9.9.9 private.test\n::ffff:127.0.0.1 mapped.test\n\
                 203.0.113.3 own.test\n203.0.113.18 origin.test\n127.0.0.1 both.test\n\
                 203.0.113.18 both.test\n";
    let server = with_hosts("", hosts);
    let near = server
        .lab
        .namespace(Node::Hub)
        .run(|| TcpListener::bind("127.0.0.1:81"));
    let _near = near.expect("a listener");
    server.at_guest(async || {
        let mut edge = admitted(&server.key, &server.alice).await;
        let names = ["private.test", "mapped.test", "own.test"];
        for host in NEAR.iter().chain(&OWN).chain(&names) {
            let destination = match host.contains(':') {
                true => format!("[{host}]:80"),
                false => format!("{host}:80"),
            };
            let refusal = edge.tries(&destination).await;
            assert_eq!(refusal, Some(OpenRefusal::NotAllowed), "{destination}");
        }
        for (destination, refusal) in [
            ("origin.test:80", None),
            ("both.test:80", None),
            ("both.test:81", Some(OpenRefusal::Refused)),
            ("nowhere.test:80", Some(OpenRefusal::NameNotFound)),
        ] {
            assert_eq!(edge.tries(destination).await, refusal, "{destination}");
        }
        // Where a name leads inside is not told.
        let refused = edge.open("private.test:80").await.expect_err("a refusal");
        assert!(!refused.text.contains("10.9.9.9"), "{}", refused.text);
    });
}

#[test]
fn what_is_allowed_is_reached() {
    let server = with_hosts(
        "allow = [\"127.0.0.0/8\", \"203.0.113.3/32\"]",
        "127.0.0.9 local.test\n",
    );
    let listen = |address| {
        server
            .lab
            .namespace(Node::Hub)
            .run(|| TcpListener::bind(address))
    };
    let _local = listen("127.0.0.9:81").expect("a listener");
    let _second = listen("203.0.113.3:81").expect("a listener");
    for good in ["127.0.0.9", "::ffff:127.0.0.9", "local.test", "203.0.113.3"] {
        assert_eq!(code_for(&server, good, 81), SUCCEEDED, "{good}");
    }
    for bad in ["10.9.9.9", "203.0.113.2", "::1"] {
        assert_eq!(code_for(&server, bad, 81), NOT_ALLOWED, "{bad}");
    }
}

#[test]
fn an_address_that_the_server_gets_later_is_its_own_too() {
    let server = Server::start("");
    let later = "198.51.100.200";
    assert_ne!(code_for(&server, later, 1), NOT_ALLOWED);
    server.within(Node::Hub, async || {
        let netlink = Netlink::new().expect("netlink");
        let eth0 = "eth0".parse().expect("a name");
        let link = netlink.link(&eth0).await.expect("a list").expect("eth0");
        let net = format!("{later}/32").parse().expect("a network");
        let address = Address::new(link.index, net);
        netlink.add_address(&address).await.expect("an address");
    });
    eventually("the new address is refused", || {
        (code_for(&server, later, 1) == NOT_ALLOWED).then_some(())
    });
}

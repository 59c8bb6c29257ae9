//! Without a hub: MPTCP straight to the origin, where it speaks that.

use std::net::SocketAddr;

use lab::rig::{Mode, Rig};
use lab::topology::{Lab, Node, addresses};
use lab::traffic::Client;

use super::intercepting;
use crate::support::{LIMIT, Nginx, eventually, http_get, subflows_to, wait_for_ipv6};

fn rig(intercept: &str) -> Rig {
    let mut spec = intercepting(intercept);
    spec.mode = Mode::Single;
    Rig::up(spec).unwrap()
}

/// What the status says of a connection that is open and has carried data both ways.
fn seen(rig: &Rig, to: SocketAddr) -> (usize, bool) {
    use std::io::{Read, Write};
    let windows = rig.lab().namespace(Node::Windows);
    let mut stream = windows.run(|| std::net::TcpStream::connect(to)).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
        .write_all(b"GET /whoami HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    assert!(stream.read(&mut [0; 1]).unwrap() == 1);
    eventually("it has all its subflows", || {
        let seen = subflows_to(rig, &to.to_string())?;
        (seen.1 || seen.0 == 2).then_some(seen)
    })
}

fn origin(port: u16) -> SocketAddr {
    SocketAddr::new(addresses::ORIGIN.ipv4().into(), port)
}

#[test]
fn mptcp_to_an_origin_that_has_it_and_tcp_to_one_that_has_not() {
    for intercept in ["redirect", "tproxy"] {
        let rig = rig(intercept);
        {
            let _nginx = Nginx::start(rig.lab());
            assert_eq!(seen(&rig, origin(Nginx::PORT)), (1, true), "{intercept}");
        }
        // The same web server, made to speak MPTCP.
        let _nginx = Nginx::start_with(rig.lab(), "mptcpize run nginx", &[]);
        assert_eq!(seen(&rig, origin(Nginx::PORT)), (2, false), "{intercept}");
    }
}

fn client(lab: &Lab, to: SocketAddr) -> Client {
    let windows = lab.namespace(Node::Windows);
    windows
        .run(|| Client::connect(lab::traffic::Via::Direct, to, LIMIT))
        .unwrap()
}

#[test]
fn both_families_and_both_links() {
    let rig = rig("redirect");
    wait_for_ipv6(&rig);
    for host in addresses::ORIGIN.both() {
        let to = SocketAddr::new(host, 80);
        let mut client = client(rig.lab(), to);
        let (mut bytes, mut most) = (0, 0);
        let done = client.download(3_000_000, |more| {
            bytes += more;
            if bytes > 1_000_000 && most == 0 {
                most = subflows_to(&rig, &to.to_string()).unwrap().0;
            }
        });
        assert!(done.unwrap().intact, "{to}");
        assert!(most >= 2, "{to}: {most}");
    }
    // And the origin sees the access networks' addresses.
    let _nginx = Nginx::start(rig.lab());
    let seen = rig
        .lab()
        .namespace(Node::Windows)
        .run(|| http_get(origin(Nginx::PORT), "/whoami"));
    assert!(seen.unwrap().starts_with("198.51.100."));
}

//! Real programs.

use std::net::UdpSocket;
use std::time::Duration;

use lab::rig::Rig;
use lab::topology::{Node, addresses};

use super::echo::{Echo, PORT};
use super::rig;
use crate::support::{TimeServer, clock_error, eventually, iperf3, run, shell};

/// A client of SOCKS5's UDP ASSOCIATE that others have written (PySocks); what it gets back.
fn by_socks(rig: &Rig, host: &str) -> String {
    let script = format!(
        "import socks\n\
         s = socks.socksocket(socks.socket.AF_INET, socks.socket.SOCK_DGRAM)\n\
         s.set_proxy(socks.SOCKS5, '172.22.0.1', 1080)\n\
         s.settimeout(3)\n\
         s.sendto(b'by SOCKS', ('{host}', {PORT}))\n\
         data, peer = s.recvfrom(2000)\n\
         print(data.decode(), 'from', peer[0])\n"
    );
    let ran = run(
        rig.lab(),
        Node::Windows,
        "/usr/bin/python3",
        &["-c", &script],
    );
    ran.ok().trim_end().to_owned()
}

#[test]
fn programs_that_know_nothing_and_programs_that_ask_the_proxy() {
    let rig = rig("");
    let _echo = Echo::start(rig.lab());
    let hub = addresses::HUB.ipv4().to_string();
    let origin = addresses::ORIGIN.ipv4().to_string();

    // It ends with its input, whether the answer has come or not.
    let ncat = |host: &str| {
        let script = format!("(printf 'by ncat'; sleep 0.5) | ncat -u -i 1 {host} {PORT}");
        // It asks once, and datagrams may be lost.
        eventually("ncat has an answer", || {
            let said = shell(rig.lab(), Node::Windows, &script).text();
            (!said.is_empty()).then_some(said)
        })
    };
    assert_eq!(ncat(&origin), format!("{hub} by ncat"));
    let v6 = ncat(&addresses::ORIGIN.ipv6().to_string());
    assert!(
        v6.starts_with("2001:db8:a::") && v6.ends_with(" by ncat"),
        "{v6}"
    );
    assert_eq!(
        by_socks(&rig, &origin),
        format!("{hub} by SOCKS from {origin}")
    );

    // Larger than any packet on the way, and than the uplinks' own.
    for size in [1472, 9000, 40_000] {
        let socket = rig.lab().namespace(Node::Windows).run(|| {
            UdpSocket::bind("0.0.0.0:0").and_then(|it| it.connect((&*origin, PORT)).map(|()| it))
        });
        let socket = socket.unwrap();
        let limit = Some(Duration::from_secs(1));
        socket.set_read_timeout(limit).unwrap();
        let payload: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let came = eventually("a large datagram comes back", || {
            let mut buffer = vec![0; 1 << 16];
            socket.send(&payload).ok()?;
            let length = socket.recv(&mut buffer).ok()?;
            Some(buffer[..length].to_vec())
        });
        assert!(came.ends_with(&payload), "{size} bytes");
    }
}

#[test]
fn a_stream_of_datagrams_fills_what_it_wants_and_loses_little() {
    let rig = rig("");
    let [v4, v6] = addresses::ORIGIN.both();
    for (to, how) in [(v4, &[][..]), (v4, &["-R"][..]), (v6, &[][..])] {
        let (rate, lost) = iperf3(&rig, to, how);
        assert!(
            rate > 2e6 && lost < 30.0,
            "{to} {how:?}: {rate} bit/s, {lost} % lost"
        );
    }
}

#[test]
fn a_clock_is_compared_with_a_time_servers() {
    let rig = rig("");
    let _time = TimeServer::start(rig.lab());
    for origin in addresses::ORIGIN.both() {
        let error = clock_error(&rig, origin);
        // It is one clock; what it takes for the other is made on the way.
        assert!(error.abs() < 0.5, "{origin}: {error} s");
    }
}

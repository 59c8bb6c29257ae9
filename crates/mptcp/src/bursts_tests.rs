//! With Cubic in BBR's place: not every kernel has BBR.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use netcfg::NetNs;
use socket2::{Domain, SockRef};

use super::*;
use crate::abi::Fields;
use crate::info::SubflowInfo;
use crate::socket::{ListenOptions, listen, open};

/// A client and a server that talk in a namespace of their own.
fn connection(transport: Transport) -> (TcpStream, TcpStream) {
    NetNs::new().unwrap().run(|| {
        let up = Command::new("ip")
            .args(["link", "set", "lo", "up"])
            .status();
        assert!(up.unwrap().success());
        let local = "127.0.0.1:0".parse().unwrap();
        let listener = listen(transport, local, &ListenOptions::default())
            .unwrap()
            .listener;
        let client = open(Transport::Mptcp, Domain::IPV4).unwrap().socket;
        for blocking in [SockRef::from(&client), SockRef::from(&listener)] {
            blocking.set_nonblocking(false).unwrap();
        }
        client
            .connect(&listener.local_addr().unwrap().into())
            .unwrap();
        set(&client, b"cubic").unwrap();
        let (server, _) = listener.accept().unwrap();
        (client.into(), server)
    })
}

/// Writes pieces, and says what the connection had after each of them. All arrive.
fn send(
    bursts: &mut Bursts,
    (from, to): &mut (TcpStream, TcpStream),
    pieces: &[usize],
) -> Vec<String> {
    let mut names = Vec::new();
    for &piece in pieces {
        bursts.before_write(&*from, piece);
        from.write_all(&vec![7; piece]).unwrap();
        names.push(String::from_utf8(control(&*from).unwrap()).unwrap());
    }
    to.read_exact(&mut vec![0; pieces.iter().sum()]).unwrap();
    wait_for_rest(from);
    names
}

fn wait_for_rest(socket: &TcpStream) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_at_rest(socket) {
        assert!(Instant::now() < deadline, "it is never acknowledged");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn short_bursts_never_reach_the_control_of_long_ones() {
    let mut ends = connection(Transport::Mptcp);
    let mut bursts = Bursts::with(b"cubic".to_vec());
    for _ in 0..20 {
        assert_eq!(send(&mut bursts, &mut ends, &[LONG - 1]), ["reno"]);
    }
}

#[test]
fn a_long_burst_has_the_connections_own_control_until_all_has_arrived() {
    let mut ends = connection(Transport::Mptcp);
    let mut bursts = Bursts::with(b"cubic".to_vec());
    for _ in 0..3 {
        assert_eq!(send(&mut bursts, &mut ends, &[LONG]), ["cubic"]);
        assert_eq!(send(&mut bursts, &mut ends, &[100]), ["reno"]);
    }
}

#[test]
fn a_burst_becomes_long_in_several_writes() {
    let (mut client, _server) = connection(Transport::Mptcp);
    let mut bursts = Bursts::with(b"cubic".to_vec());
    bursts.before_write(&client, LONG / 2);
    // With full buffers something is always under way.
    client.set_nonblocking(true).unwrap();
    while client.write(&[7; 1000]).is_ok() {}
    for (bytes, control_then) in [(LONG / 2 - 1, "reno"), (1, "cubic"), (1, "cubic")] {
        bursts.before_write(&client, bytes);
        assert_eq!(control(&client).unwrap(), control_then.as_bytes());
    }
}

#[test]
fn only_bbr_over_mptcp_needs_it() {
    for transport in [Transport::Mptcp, Transport::Tcp] {
        let mut ends = connection(transport);
        let mut bursts = Bursts::of(&ends.0);
        assert_eq!(send(&mut bursts, &mut ends, &[100, LONG]), ["cubic"; 2]);

        let kernel_has_bbr = set(&ends.0, b"bbr").is_ok();
        let mut bursts = Bursts::of(&ends.0);
        let names = send(&mut bursts, &mut ends, &[100, LONG]);
        match (kernel_has_bbr, transport) {
            (true, Transport::Mptcp) => assert_eq!(names, ["reno", "bbr"]),
            (true, Transport::Tcp) => assert_eq!(names, ["bbr"; 2]),
            (false, _) => assert_eq!(names, ["cubic"; 2]),
        }
    }
}

#[test]
fn with_a_far_path_the_control_of_a_long_burst_goes_on() {
    let (mut client, mut server) = connection(Transport::Mptcp);
    let mut bursts = Bursts::with(b"cubic".to_vec());
    for (is_far, control_then) in [(true, "cubic"), (true, "cubic"), (false, "reno")] {
        bursts.before(client.as_fd(), 100, |_| is_far);
        assert_eq!(control(&client).unwrap(), control_then.as_bytes());
        client.write_all(&[7; 100]).unwrap();
        server.read_exact(&mut [0; 100]).unwrap();
        wait_for_rest(&client);
    }
}

#[test]
fn a_path_is_far_by_its_round_trip_once_it_has_carried_data() {
    let any = "192.0.2.1:1".parse().unwrap();
    let subflow = |(round_trip, delivery_rate)| SubflowInfo {
        min_rtt: Duration::from_millis(round_trip),
        delivery_rate,
        state: TcpState::Established,
        ..SubflowInfo::from_tcp_info(any, any, Fields(&[]))
    };
    let is_one_far = |subflows: &[(u64, u64)]| {
        let subflows = subflows.iter().copied().map(subflow).collect();
        is_one_far(&ConnectionInfo::from_mptcp_info(
            any,
            any,
            Fields(&[]),
            subflows,
        ))
    };
    assert!(is_one_far(&[(15, 1), (300, 1)]));
    assert!(!is_one_far(&[(15, 1), (300, 0)]), "it was never used");
    assert!(!is_one_far(&[(15, 1), (40, 1)]));
    assert!(!is_one_far(&[(1, 1), (60, 1)]), "many times, but not long");
    assert!(
        !is_one_far(&[(300, 1), (600, 1)]),
        "long, but not many times"
    );
    assert!(!is_one_far(&[(300, 1)]) && !is_one_far(&[]));
}

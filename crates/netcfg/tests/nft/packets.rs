//! What the rules do to real packets.

use std::net::UdpSocket;
use std::time::Duration;

use netcfg::nft::{
    Base, Chain, ChainKind, CtDirection, CtStates, Hook, MarkTest, Match, Nat, OneOf, Policy,
    Ports, Protocol, Reject, Rule, Statement, Table, Transport,
};
use socket2::SockRef;

use crate::lab::{
    Lab, PATIENCE, accept, connect, converse, listen, listen_transparently, original_destination,
    try_connect,
};
use crate::support::{chain, install, ip, name, rule, ruleset, table, texts};

fn tcp() -> Match {
    Match::Protocol(Protocol::Tcp.into())
}

fn from_lan() -> Match {
    Match::InputInterface(texts(&["lan"]))
}

fn dport(transport: Transport, port: u16) -> Match {
    Match::DestinationPort(transport, Ports::from(port).into())
}

fn redirecting(rules: impl IntoIterator<Item = Rule>) -> Table {
    table([chain(ChainKind::Nat, Hook::Prerouting, rules)])
}

fn redirect(port: u16) -> Rule {
    rule(Statement::Redirect(port.try_into().unwrap()))
}

fn masquerade() -> Chain {
    let out = Match::OutputInterface(texts(&["wan"]));
    chain(
        ChainKind::Nat,
        Hook::Postrouting,
        [rule(Statement::Masquerade).when(out)],
    )
}

#[test]
fn redirect_keeps_the_original_destination() {
    let lab = Lab::new();
    install(
        &lab.gate,
        &redirecting([redirect(1081).when(from_lan()).when(tcp())]),
    );
    for (listen_on, destination) in [
        ("0.0.0.0:1081", "203.0.113.9:80"),
        ("[::]:1081", "[2001:db8::9]:80"),
    ] {
        let listener = listen(&lab.gate, listen_on);
        let ours = connect(&lab.client, destination);
        let taken = accept(&listener);
        assert_eq!(original_destination(&taken), destination);
        converse(&ours, &taken);
    }
}

#[test]
fn tproxy_keeps_the_addresses() {
    let lab = Lab::new();
    let divert = Rule::new([Statement::Counter, Statement::SetMark(1), Statement::Accept])
        .when(tcp())
        .when(Match::TransparentSocket);
    let take = Rule::new([
        Statement::Tproxy(1081.try_into().unwrap()),
        Statement::SetMark(1),
    ])
    .when(from_lan())
    .when(tcp());
    install(
        &lab.gate,
        &table([chain(ChainKind::Filter, Hook::Prerouting, [divert, take])]),
    );
    ip(
        &lab.gate,
        "rule add fwmark 1 lookup 100
        route add local 0.0.0.0/0 dev lo table 100
        -6 rule add fwmark 1 lookup 100
        -6 route add local ::/0 dev lo table 100",
    );
    for (listen_on, destination) in [
        ("0.0.0.0:1081", "203.0.113.9:80"),
        ("[::]:1081", "[2001:db8::9]:80"),
    ] {
        let listener = listen_transparently(&lab.gate, listen_on);
        let ours = connect(&lab.client, destination);
        let taken = accept(&listener);
        assert_eq!(taken.local_addr().unwrap().to_string(), destination);
        assert_eq!(taken.peer_addr().unwrap(), ours.local_addr().unwrap());
        converse(&ours, &taken);
    }
    let listing = ruleset(&lab.gate);
    assert!(
        !listing.contains("counter packets 0 "),
        "nothing was diverted: {listing}"
    );
}

#[test]
fn forwarded_traffic_is_masqueraded() {
    let lab = Lab::new();
    install(&lab.gate, &table([masquerade()]));
    for (address, gate) in [("10.0.2.2:80", "10.0.2.1"), ("[fd00:2::2]:80", "fd00:2::1")] {
        let listener = listen(&lab.server, address);
        let ours = connect(&lab.client, address);
        let theirs = accept(&listener);
        assert_eq!(theirs.peer_addr().unwrap().ip().to_string(), gate);
        converse(&ours, &theirs);
    }
}

#[test]
fn destinations_and_sources_are_translated() {
    let lab = Lab::new();
    ip(
        &lab.gate,
        "addr add 10.0.2.9/24 dev wan\n addr add fd00:2::9/64 dev wan nodad",
    );
    let nat = |address: &str, port: Option<u16>| Nat {
        address: address.parse().unwrap(),
        port: port.map(|port| port.try_into().unwrap()),
    };
    let dnat =
        |to, port| rule(Statement::Dnat(nat(to, Some(port)))).when(dport(Transport::Tcp, 8080));
    install(
        &lab.gate,
        &table([
            chain(
                ChainKind::Nat,
                Hook::Prerouting,
                [dnat("10.0.2.2", 80), dnat("fd00:2::2", 80)],
            ),
            chain(
                ChainKind::Nat,
                Hook::Postrouting,
                ["10.0.2.9", "fd00:2::9"].map(|from| {
                    rule(Statement::Snat(nat(from, None)))
                        .when(Match::OutputInterface(texts(&["wan"])))
                        .when(Match::CtDnat)
                }),
            ),
        ]),
    );
    for (asked, real, source) in [
        ("10.0.1.1:8080", "10.0.2.2:80", "10.0.2.9"),
        ("[fd00:1::1]:8080", "[fd00:2::2]:80", "fd00:2::9"),
    ] {
        let listener = listen(&lab.server, real);
        let ours = connect(&lab.client, asked);
        let theirs = accept(&listener);
        assert_eq!(theirs.peer_addr().unwrap().ip().to_string(), source);
        converse(&ours, &theirs);
    }
}

#[test]
fn a_port_is_closed_to_one_interface() {
    let lab = Lab::new();
    let _listener = listen(&lab.gate, "0.0.0.0:8080");
    let closed = |statement| {
        let closed = rule(statement)
            .when(from_lan())
            .when(dport(Transport::Tcp, 8080));
        table([chain(ChainKind::Filter, Hook::Input, [closed])])
    };
    connect(&lab.client, "10.0.1.1:8080");

    install(&lab.gate, &closed(Statement::Drop));
    let dropped = try_connect(&lab.client, "10.0.1.1:8080", Duration::from_millis(300));
    assert_eq!(dropped.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    connect(&lab.server, "10.0.2.1:8080");

    install(&lab.gate, &closed(Statement::Reject(Reject::TcpReset)));
    let reset = try_connect(&lab.client, "10.0.1.1:8080", PATIENCE);
    assert_eq!(
        reset.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
    connect(&lab.server, "10.0.2.1:8080");
}

/// The box as a firewall: only what it asked for comes in.
#[test]
fn a_policy_of_drop_lets_answers_in() {
    let lab = Lab::new();
    let base = Base {
        kind: ChainKind::Filter,
        hook: Hook::Input,
        priority: Base::FILTER,
        policy: Policy::Drop,
    };
    let answers = Match::CtState(CtStates::ESTABLISHED | CtStates::RELATED);
    let input = Chain::base(name("input"), base)
        .with(rule(Statement::Accept).when(answers))
        .with(rule(Statement::Accept).when(Match::Protocol(Protocol::Icmpv6.into())));
    install(&lab.gate, &table([input]));
    let on_gate = listen(&lab.gate, "10.0.2.1:80");
    let on_server = listen(&lab.server, "10.0.2.2:80");
    let out = connect(&lab.gate, "10.0.2.2:80");
    converse(&out, &accept(&on_server));
    try_connect(&lab.server, "10.0.2.1:80", Duration::from_millis(300)).unwrap_err();
    drop(on_gate);
}

/// QUIC is refused at once, so that a browser takes TCP.
#[test]
fn refused_udp_is_told_so() {
    let lab = Lab::new();
    let refuse = rule(Statement::Reject(Reject::PortUnreachable)).when(dport(Transport::Udp, 443));
    install(
        &lab.gate,
        &table([chain(ChainKind::Filter, Hook::Forward, [refuse])]),
    );
    for (local, remote) in [("0.0.0.0:0", "10.0.2.2:443"), ("[::]:0", "[fd00:2::2]:443")] {
        let socket = lab.client.run(|| UdpSocket::bind(local)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.connect(remote).unwrap();
        socket.send(b"hello").unwrap();
        let error = socket.recv(&mut [0; 16]).unwrap_err();
        assert_eq!(
            error.kind(),
            std::io::ErrorKind::ConnectionRefused,
            "{remote}"
        );
    }
}

#[test]
fn replacing_the_table_keeps_open_connections() {
    let lab = Lab::new();
    let old = listen(&lab.gate, "0.0.0.0:1081");
    let new = listen(&lab.gate, "0.0.0.0:1082");
    install(&lab.gate, &redirecting([redirect(1081).when(tcp())]));
    let ours = connect(&lab.client, "203.0.113.9:80");
    let taken = accept(&old);

    install(&lab.gate, &redirecting([redirect(1082).when(tcp())]));
    converse(&ours, &taken);
    let _later = connect(&lab.client, "203.0.113.9:80");
    assert_eq!(original_destination(&accept(&new)), "203.0.113.9:80");

    // No new connections are taken, and what keeps the open ones going is still there.
    let any_tracked = rule(Statement::Accept).when(Match::CtState(CtStates::NEW));
    install(&lab.gate, &redirecting([any_tracked]));
    converse(&ours, &taken);
}

/// Every second of 400 networks is in the set.
#[test]
fn two_hundred_networks_in_a_set() {
    let lab = Lab::new();
    let inside = listen(&lab.gate, "0.0.0.0:1");
    let outside = listen(&lab.gate, "0.0.0.0:2");
    let networks: Vec<String> = (0..400)
        .map(|n| format!("100.{}.{}", 64 + n / 256, n % 256))
        .collect();
    let listed = networks
        .iter()
        .step_by(2)
        .map(|net| format!("{net}.0/24").parse().unwrap());
    let listed = Match::Destination4(OneOf::any(listed).unwrap());
    let rules = [
        redirect(1).when(tcp()).when(listed),
        redirect(2).when(tcp()),
    ];
    install(&lab.gate, &redirecting(rules));
    for (index, net) in networks.iter().enumerate() {
        for address in [format!("{net}.0:80"), format!("{net}.255:80")] {
            let _ours = connect(&lab.client, &address);
            let taken = accept(if index % 2 == 0 { &inside } else { &outside });
            assert_eq!(original_destination(&taken), address);
        }
    }
}

#[test]
fn the_segment_size_is_clamped_to_the_route() {
    let lab = Lab::new();
    ip(&lab.gate, "link set wan mtu 1300");
    let listener = listen(&lab.server, "10.0.2.2:80");
    let mss = |table| {
        install(&lab.gate, &table);
        let ours = connect(&lab.client, "10.0.2.2:80");
        accept(&listener);
        SockRef::from(&ours).tcp_mss().unwrap()
    };
    let clamp = rule(Statement::ClampMss).when(Match::TcpSyn);
    let clamp = chain(ChainKind::Filter, Hook::Forward, [clamp]);
    assert!(mss(table([masquerade()])) > 1300);
    assert!(mss(table([masquerade(), clamp])) <= 1300 - 40);
}

/// A mark that the first packet sets is there on the answers.
#[test]
fn marks_follow_the_connection() {
    let lab = Lab::new();
    let new = Match::CtState(CtStates::NEW);
    let rules = [
        Rule::new([Statement::SetMark(5), Statement::SaveMark])
            .when(tcp())
            .when(new),
        rule(Statement::RestoreMark).when(Match::CtDirection(CtDirection::Reply)),
        rule(Statement::Counter)
            .when(Match::Mark(MarkTest {
                value: 4,
                mask: 6,
                negated: false,
            }))
            .when(Match::CtMark(MarkTest::is(5)))
            .when(Match::CtDirection(CtDirection::Reply)),
    ];
    install(
        &lab.gate,
        &table([
            chain(ChainKind::Filter, Hook::Prerouting, rules),
            masquerade(),
        ]),
    );
    let listener = listen(&lab.server, "10.0.2.2:80");
    let ours = connect(&lab.client, "10.0.2.2:80");
    converse(&ours, &accept(&listener));
    let listing = ruleset(&lab.gate);
    assert!(
        !listing.contains("counter packets 0 "),
        "no answer was marked: {listing}"
    );
}

//! Connections that the kernel tracks, and what rules count of them.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use netcfg::NetNs;
use netcfg::conntrack::forget;
use netcfg::nft::{ChainKind, Counted, CtStates, Hook, Match, Rule, Statement, counters};

use crate::lab::{Lab, PATIENCE};
use crate::support::{chain, install, name, rule, ruleset, table, texts};

const MARK: u32 = 0x4d51;
const SERVERS: [&str; 2] = ["10.0.2.2:9", "[fd00:2::2]:9"];

fn bind(netns: &NetNs, address: &str) -> UdpSocket {
    let socket = netns.run(|| UdpSocket::bind(address)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// A flow that the gate translates, and its server.
fn flow(lab: &Lab, server: &str) -> impl Fn() + use<> {
    let to: SocketAddr = server.parse().unwrap();
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let (theirs, ours) = (bind(&lab.server, server), bind(&lab.client, any));
    ours.connect(to).unwrap();
    move || {
        let mut buffer = [0; 16];
        ours.send(b"hello").unwrap();
        let (_, from) = theirs.recv_from(&mut buffer).unwrap();
        theirs.send_to(b"hello", from).unwrap();
        ours.recv(&mut buffer).unwrap();
    }
}

fn counted(lab: &Lab) -> Vec<Counted> {
    let read = || counters(&name("manypath"), &name("Filter-Forward"));
    lab.gate.run(read).unwrap()
}

/// How many connections the gate has seen begin.
fn begun(lab: &Lab) -> u64 {
    counted(lab)[1].packets
}

fn lab() -> Lab {
    let lab = Lab::new();
    let outward = || Match::OutputInterface(texts(&["wan"]));
    let counting = |text: &str| rule(Statement::Counter).comment(text.parse().unwrap());
    let forward = [
        rule(Statement::SetCtMark(MARK)).when(outward()),
        rule(Statement::Counter).when(outward()),
        counting("came").when(Match::InputInterface(texts(&["wan"]))),
        counting("new").when(Match::CtState(CtStates::NEW)),
    ];
    let masquerade = Rule::new([Statement::Masquerade]).when(outward());
    install(
        &lab.gate,
        &table([
            chain(ChainKind::Filter, Hook::Forward, forward),
            chain(ChainKind::Nat, Hook::Postrouting, [masquerade]),
        ]),
    );
    lab
}

#[test]
fn counters_of_rules_with_a_comment_are_read() {
    let lab = lab();
    let exchange = flow(&lab, SERVERS[0]);
    exchange();
    exchange();
    let [came, new] = &counted(&lab)[..] else {
        panic!("two rules have a comment: {}", ruleset(&lab.gate));
    };
    assert_eq!((&*came.comment, came.packets), ("came", 2));
    assert_eq!((&*new.comment, new.packets), ("new", 1));
    let listed = ruleset(&lab.gate);
    assert!(
        listed.contains("counter packets 2 bytes 66 comment \"came\""),
        "{listed}"
    );
    let nowhere = || counters(&name("manypath"), &name("other"));
    assert_eq!(lab.gate.run(nowhere).unwrap(), []);
}

#[test]
fn a_forgotten_connection_begins_anew() {
    let lab = lab();
    let flows = SERVERS.map(|server| flow(&lab, server));
    let exchange = || flows.iter().for_each(|exchange| exchange());
    let forget = |mark, sources: &[&str]| {
        let sources = sources.iter().map(|it| it.parse::<IpAddr>().unwrap());
        let sources: BTreeSet<IpAddr> = sources.collect();
        lab.gate.run(|| forget(mark, &sources)).unwrap()
    };
    exchange();
    exchange();
    assert_eq!(begun(&lab), 2);
    let gate = ["10.0.2.1", "fd00:2::1"];
    assert_eq!(forget(MARK + 1, &gate), 0);
    assert_eq!(forget(MARK, &["10.0.2.9", "10.0.1.2", "fd00:1::2"]), 0);
    exchange();
    assert_eq!(begun(&lab), 2);
    assert_eq!(forget(MARK, &gate), 2);
    assert_eq!(forget(MARK, &gate), 0);
    exchange();
    assert_eq!(begun(&lab), 4);
    assert_eq!(forget(MARK, &gate[..1]), 1);
}

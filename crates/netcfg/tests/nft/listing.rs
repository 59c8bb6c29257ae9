//! The main test of the encoding: what we install by netlink, and what `nft` makes of our text,
//! must be listed alike.

use std::num::NonZeroU16;

use netcfg::Family;
use netcfg::nft::{
    Base, Chain, ChainKind, CtDirection, CtStates, Hook, MarkTest, Match, Nat, OneOf, Policy,
    Ports, Protocol, Reject, Rule, Statement, Table, Transport,
};

use crate::support::{chain, install, name, namespace, rule, ruleset, run, table, texts};

/// Installs the table in two namespaces, by netlink and as text through `nft`.
fn listed_alike(table: &Table) -> String {
    let (ours, theirs) = (namespace(), namespace());
    install(&ours, table);
    run(&theirs, "nft", &["-f", "-"], &table.to_string());
    let (ours, theirs) = (ruleset(&ours), ruleset(&theirs));
    assert_eq!(
        ours, theirs,
        "by netlink (left), from text (right):\n{table}"
    );
    ours
}

/// One rule for each match, in a hook where all of them are allowed.
fn matches_alike(matches: impl IntoIterator<Item = Match>) -> String {
    let rules: Vec<Rule> = matches
        .into_iter()
        .map(|condition| rule(Statement::Counter).when(condition))
        .collect();
    let count = rules.len();
    let listing = listed_alike(&table([chain(ChainKind::Filter, Hook::Forward, rules)]));
    assert_eq!(
        listing.matches("counter packets").count(),
        count,
        "{listing}"
    );
    listing
}

fn both<T: Clone>(one_of: OneOf<T>, values: &[T]) -> [OneOf<T>; 2] {
    [one_of, OneOf::none(values.iter().cloned()).unwrap()]
}

fn port(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

#[test]
fn interfaces() {
    let lists: [&[&str]; 8] = [
        &["eth0"],
        &["wl*"],
        &["w*"],
        &["exactly15bytes0"],
        &["eth0", "eth1", "wlan0"],
        &["eth*", "wlan0"],
        &["eth*", "eth1", "ppp*", "lo"],
        &["b", "a*", "exactly14bytes*"],
    ];
    matches_alike(lists.iter().flat_map(|list| {
        let names: Vec<_> = list.iter().map(|name| name.parse().unwrap()).collect();
        let [is, is_not] = both(texts(list), &names);
        [
            Match::InputInterface(is.clone()),
            Match::InputInterface(is_not.clone()),
            Match::OutputInterface(is),
            Match::OutputInterface(is_not),
        ]
    }));
}

#[test]
fn families_and_protocols() {
    let lists: [&[Protocol]; 4] = [
        &[Protocol::Tcp],
        &[Protocol::Icmpv6],
        &[Protocol::Tcp, Protocol::Udp],
        &[
            Protocol::Udp,
            Protocol::Icmp,
            Protocol::Icmpv6,
            Protocol::Tcp,
        ],
    ];
    let protocols = lists.iter().flat_map(|list| {
        both(OneOf::any(list.iter().copied()).unwrap(), list).map(Match::Protocol)
    });
    let families = [Family::V4, Family::V6].map(Match::Family);
    matches_alike(families.into_iter().chain(protocols));
}

#[test]
fn ipv4_addresses() {
    let lists: [&[&str]; 10] = [
        &["192.0.2.1/32"],
        &["10.0.0.0/8"],
        &["10.64.0.0/10"],
        &["192.0.2.128/25"],
        &["0.0.0.0/0"],
        &[
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "127.0.0.0/8",
        ],
        &["192.0.2.1/32", "192.0.2.3/32"],
        &["10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8", "12.0.0.0/8"],
        &["0.0.0.0/8", "224.0.0.0/3"],
        &["10.1.2.3/8", "255.255.255.255/32", "1.1.1.1/32"],
    ];
    matches_alike(lists.iter().flat_map(|list| {
        let nets: Vec<_> = list.iter().map(|net| net.parse().unwrap()).collect();
        let [is, is_not] = both(texts(list), &nets);
        [
            Match::Source4(is.clone()),
            Match::Source4(is_not.clone()),
            Match::Destination4(is),
            Match::Destination4(is_not),
        ]
    }));
}

#[test]
fn ipv6_addresses() {
    let lists: [&[&str]; 7] = [
        &["2001:db8::1/128"],
        &["fe80::/10"],
        &["2001:db8::/32"],
        &["::/0"],
        &["::1/128", "fe80::/10", "fc00::/7"],
        &["ff00::/8", "::1/128", "::/128"],
        &[
            "2001:db8::/33",
            "2001:db8:8000::/33",
            "2001:db9::/32",
            "2001:dba::/32",
        ],
    ];
    matches_alike(lists.iter().flat_map(|list| {
        let nets: Vec<_> = list.iter().map(|net| net.parse().unwrap()).collect();
        let [is, is_not] = both(texts(list), &nets);
        [
            Match::Source6(is.clone()),
            Match::Source6(is_not.clone()),
            Match::Destination6(is),
            Match::Destination6(is_not),
        ]
    }));
}

#[test]
fn ports() {
    let range = |range: std::ops::RangeInclusive<u16>| Ports::try_from(range).unwrap();
    let lists: [&[Ports]; 7] = [
        &[Ports::from(443)],
        &[range(1000..=2000)],
        &[range(1024..=2047)],
        &[range(0..=65535)],
        &[Ports::from(80), Ports::from(443)],
        &[Ports::from(80), Ports::from(81), Ports::from(443)],
        &[
            Ports::from(7),
            range(80..=90),
            range(85..=99),
            range(60000..=65535),
        ],
    ];
    matches_alike(lists.iter().flat_map(|list| {
        let [is, is_not] = both(OneOf::any(list.iter().copied()).unwrap(), list);
        [
            Match::SourcePort(Transport::Tcp, is.clone()),
            Match::SourcePort(Transport::Udp, is_not.clone()),
            Match::DestinationPort(Transport::Udp, is),
            Match::DestinationPort(Transport::Tcp, is_not),
        ]
    }));
}

#[test]
fn connections_marks_and_the_rest() {
    let masked = MarkTest {
        value: 0x10,
        mask: 0xff,
        negated: false,
    };
    let not_masked = MarkTest {
        negated: true,
        ..masked
    };
    let marks = [
        MarkTest::is(7),
        MarkTest::is_not(0),
        MarkTest::is(u32::MAX),
        masked,
        not_masked,
    ];
    let all_states = CtStates::NEW | CtStates::ESTABLISHED | CtStates::RELATED | CtStates::INVALID;
    let states = [
        CtStates::NEW,
        CtStates::INVALID,
        CtStates::ESTABLISHED | CtStates::RELATED,
        all_states,
    ];
    let others = [
        Match::CtDirection(CtDirection::Original),
        Match::CtDirection(CtDirection::Reply),
        Match::CtDnat,
        Match::DestinationIsLocal(true),
        Match::DestinationIsLocal(false),
        Match::TcpSyn,
    ];
    let matches = marks
        .into_iter()
        .flat_map(|mark| [Match::Mark(mark), Match::CtMark(mark)])
        .chain(states.map(Match::CtState))
        .chain(others);
    matches_alike(matches);
}

/// What one match makes sure of is not asked again for the next one.
#[test]
fn combined_matches() {
    let tcp = || Match::Protocol(Protocol::Tcp.into());
    let both_transports = || Match::Protocol(OneOf::any([Protocol::Tcp, Protocol::Udp]).unwrap());
    let dport = |transport| Match::DestinationPort(transport, Ports::from(80).into());
    let sport = |transport| Match::SourcePort(transport, Ports::from(81).into());
    let v4 = || Match::Destination4(texts(&["10.0.0.0/8"]));
    let v6 = || Match::Source6(texts(&["fe80::/10", "::1/128"]));
    let combinations: Vec<Vec<Match>> = vec![
        vec![tcp(), dport(Transport::Tcp)],
        // nft lists neighbouring fields in the order of the header.
        vec![sport(Transport::Tcp), dport(Transport::Tcp)],
        vec![dport(Transport::Udp), both_transports()],
        vec![tcp(), tcp()],
        vec![v4(), Match::Family(Family::V4)],
        vec![Match::Family(Family::V4), v4()],
        vec![Match::Family(Family::V6), v6(), tcp()],
        vec![v4(), Match::Source4(texts(&["192.0.2.1/32"]))],
        vec![v4(), dport(Transport::Udp)],
        vec![dport(Transport::Udp), v4()],
        vec![tcp(), v6(), dport(Transport::Tcp), Match::TcpSyn],
        vec![
            Match::InputInterface(texts(&["eth0", "br*"])),
            v4(),
            Match::DestinationIsLocal(false),
            dport(Transport::Tcp),
            Match::CtState(CtStates::NEW),
            Match::Mark(MarkTest::is_not(1)),
        ],
        vec![],
    ];
    let rules = combinations.into_iter().map(|matches| Rule {
        matches,
        statements: vec![Statement::Counter, Statement::Accept],
        comment: None,
    });
    listed_alike(&table([chain(ChainKind::Filter, Hook::Forward, rules)]));
}

#[test]
fn statements_that_filter() {
    let tcp = Match::DestinationPort(Transport::Tcp, Ports::from(22).into());
    let filter = [
        rule(Statement::Accept),
        rule(Statement::Drop),
        rule(Statement::Return),
        rule(Statement::Jump(name("other"))),
        rule(Statement::Reject(Reject::PortUnreachable)),
        rule(Statement::Reject(Reject::Prohibited)),
        rule(Statement::Reject(Reject::TcpReset)).when(tcp),
        rule(Statement::SetMark(0x1234)),
        rule(Statement::SetCtMark(u32::MAX)),
        rule(Statement::SaveMark),
        rule(Statement::RestoreMark),
        rule(Statement::ClampMss).when(Match::TcpSyn),
        Rule::new([Statement::Counter, Statement::SetMark(1), Statement::Accept])
            .comment("marked & let through".parse().unwrap()),
    ];
    let other = Chain::regular(name("other")).with(rule(Statement::Return));
    listed_alike(&table([
        chain(ChainKind::Filter, Hook::Forward, filter),
        other,
    ]));
}

#[test]
fn statements_that_redirect() {
    let tcp = || Match::Protocol(Protocol::Tcp.into());
    let transports = || Match::Protocol(OneOf::any([Protocol::Tcp, Protocol::Udp]).unwrap());
    let nat = |address: &str, port| Nat {
        address: address.parse().unwrap(),
        port,
    };
    let divert = Rule::new([Statement::SetMark(1), Statement::Accept]);
    let mangle = [
        divert.when(tcp()).when(Match::TransparentSocket),
        rule(Statement::Tproxy(port(1081))).when(tcp()),
        Rule::new([
            Statement::Tproxy(port(1)),
            Statement::SetMark(1),
            Statement::Accept,
        ])
        .when(transports()),
    ];
    let dstnat = [
        rule(Statement::Redirect(port(1081))).when(tcp()),
        rule(Statement::Redirect(port(53))).when(Match::DestinationPort(
            Transport::Udp,
            Ports::from(53).into(),
        )),
        rule(Statement::Dnat(nat("192.0.2.1", None))),
        rule(Statement::Dnat(nat("192.0.2.1", Some(port(80))))).when(tcp()),
        rule(Statement::Dnat(nat("2001:db8::1", None))),
        rule(Statement::Dnat(nat("2001:db8::1", Some(port(80))))).when(transports()),
    ];
    let srcnat = [
        rule(Statement::Masquerade).when(Match::OutputInterface(texts(&["eth1"]))),
        rule(Statement::Snat(nat("192.0.2.7", None))),
        rule(Statement::Snat(nat("2001:db8::7", Some(port(1024))))).when(tcp()),
    ];
    let raw = Base {
        kind: ChainKind::Filter,
        hook: Hook::Output,
        priority: Base::RAW,
        policy: Policy::Accept,
    };
    listed_alike(&table([
        chain(ChainKind::Filter, Hook::Prerouting, mangle),
        chain(ChainKind::Nat, Hook::Prerouting, dstnat),
        chain(ChainKind::Nat, Hook::Postrouting, srcnat),
        Chain::base(name("raw"), raw).with(rule(Statement::NoTrack)),
    ]));
}

#[test]
fn kinds_hooks_priorities_and_policies() {
    let hooks = [
        Hook::Prerouting,
        Hook::Input,
        Hook::Forward,
        Hook::Output,
        Hook::Postrouting,
    ];
    let filters = hooks.map(|hook| (ChainKind::Filter, hook, -5));
    let nats = [
        Hook::Prerouting,
        Hook::Input,
        Hook::Output,
        Hook::Postrouting,
    ]
    .map(|hook| (ChainKind::Nat, hook, 150));
    let all = filters
        .into_iter()
        .chain(nats)
        .chain([(ChainKind::Route, Hook::Output, -150)]);
    let chains = all
        .enumerate()
        .flat_map(|(number, (kind, hook, priority))| {
            [Policy::Accept, Policy::Drop].map(|policy| {
                let base = Base {
                    kind,
                    hook,
                    priority,
                    policy,
                };
                Chain::base(name(&format!("c{number}-{policy:?}")), base)
            })
        });
    listed_alike(&table(chains));
}

#[test]
fn an_empty_table() {
    let listing = listed_alike(&table([]));
    assert!(listing.contains("table inet manypath"), "{listing}");
}

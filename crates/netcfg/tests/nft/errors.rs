//! What the caller is told when a table cannot be installed.

use std::error::Error as _;

use netcfg::Family;
use netcfg::nft::{
    self, Chain, ChainKind, Error, Hook, MarkTest, Match, Nat, OneOf, Ports, Problem, Protocol,
    Reject, Rule, Statement, Table, Transport,
};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

use crate::support::{chain, install, name, namespace, rule, ruleset, table, texts};

fn refused(table: &Table) -> (String, String) {
    let netns = namespace();
    let before = crate::support::table([chain(ChainKind::Filter, Hook::Input, [])]);
    install(&netns, &before);
    let error = netns
        .run(|| table.install())
        .expect_err("the kernel refuses");
    let expected = ruleset(&netns);
    assert!(
        expected.contains("Filter-Input"),
        "the old table was lost: {expected}"
    );
    (
        error.to_string(),
        error.source().expect("has a source").to_string(),
    )
}

#[test]
fn the_refused_rule_is_named() {
    let rules = [
        rule(Statement::Accept),
        rule(Statement::Masquerade).when(Match::InputInterface(texts(&["eth0"]))),
        rule(Statement::Drop),
    ];
    let (error, source) = refused(&table([chain(ChainKind::Filter, Hook::Forward, rules)]));
    assert_eq!(
        error,
        "nftables table manypath: cannot add rule 2 of chain Filter-Forward (iifname \"eth0\" \
         masquerade): part of it does not work in a chain of this type or at this hook"
    );
    assert!(source.contains("os error 95"), "{source}");
}

#[test]
fn the_refused_chain_is_named() {
    let (error, _) = refused(&table([chain(ChainKind::Nat, Hook::Forward, [])]));
    assert_eq!(
        error,
        "nftables table manypath: cannot add chain Nat-Forward (type nat hook forward priority 0; \
         policy accept;): this type of chain does not exist at this hook"
            .replace("priority 0", "priority 100")
    );
}

/// A rule with a large set is named, but not printed in full.
#[test]
fn long_rules_are_shortened() {
    let nets = (0..=255).map(|n| format!("10.{n}.0.1/32").parse().unwrap());
    let rules = [rule(Statement::Masquerade).when(Match::Source4(OneOf::any(nets).unwrap()))];
    let (error, _) = refused(&table([chain(ChainKind::Filter, Hook::Forward, rules)]));
    assert!(
        error.contains("rule 1 of chain Filter-Forward (ip saddr { 10.0.0.1, "),
        "{error}"
    );
    assert!(error.len() < 600, "{error}");
}

#[test]
fn without_the_capability_nothing_works() {
    let netns = namespace();
    let errors = netns.run(|| {
        let none = CapabilitySet::empty();
        set_capabilities(
            None,
            CapabilitySets {
                effective: none,
                permitted: none,
                inheritable: none,
            },
        )
        .unwrap();
        let table = Table::new(name("t"));
        [
            table.install().unwrap_err(),
            nft::delete(&table.name).unwrap_err(),
            nft::installed(&table.name).unwrap_err(),
        ]
    });
    for error in errors {
        assert!(matches!(error, Error::NotPermitted(_)), "{error:?}");
        assert!(error.to_string().contains("CAP_NET_ADMIN"), "{error}");
    }
}

fn problem(chains: impl IntoIterator<Item = Chain>) -> Problem {
    match table(chains).install() {
        Err(Error::Invalid { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

fn problem_of(rule: Rule) -> Problem {
    problem([chain(ChainKind::Filter, Hook::Forward, [rule])])
}

#[test]
fn contradictions_are_found_before_the_kernel_is_asked() {
    let port = 80.try_into().unwrap();
    let udp = || Match::DestinationPort(Transport::Udp, Ports::from(53).into());
    let twice = || Chain::regular(name("twice"));
    assert_eq!(problem([twice(), twice()]), Problem::DuplicateChain);
    assert_eq!(
        problem_of(rule(Statement::Jump(name("gone")))),
        Problem::NoSuchChain(name("gone"))
    );
    assert_eq!(problem_of(Rule::default()), Problem::NoStatement);
    assert_eq!(
        problem_of(Rule::new([Statement::Drop, Statement::Counter])),
        Problem::AfterTheEnd("drop".into())
    );
    for statement in [Statement::Redirect(port), Statement::Tproxy(port)] {
        let needs = Problem::NeedsTransport(statement.to_string());
        assert_eq!(problem_of(rule(statement.clone())), needs);
        let icmp = OneOf::any([Protocol::Tcp, Protocol::Icmp]).unwrap();
        assert_eq!(
            problem_of(rule(statement.clone()).when(Match::Protocol(icmp))),
            needs
        );
        let not_tcp = Match::Protocol(OneOf::not(Protocol::Tcp));
        assert_eq!(problem_of(rule(statement).when(not_tcp)), needs);
    }
    assert_eq!(
        problem_of(rule(Statement::Reject(Reject::TcpReset)).when(udp())),
        Problem::NeedsTcp("reject with tcp reset".into())
    );
    let hidden = MarkTest {
        value: 0x100,
        mask: 0xff,
        negated: false,
    };
    assert_eq!(
        problem_of(rule(Statement::Drop).when(Match::Mark(hidden))),
        Problem::MarkOutsideMask {
            value: 0x100,
            mask: 0xff
        }
    );
}

#[test]
fn matches_that_exclude_each_other_are_found() {
    let v4 = || Match::Source4(texts(&["10.0.0.0/8"]));
    let v6 = || Match::Source6(texts(&["fe80::/10"]));
    let tcp = || Match::DestinationPort(Transport::Tcp, Ports::from(80).into());
    let udp = || Match::SourcePort(Transport::Udp, Ports::from(53).into());
    let pairs = [
        (v4(), v6()),
        (Match::Family(Family::V6), v4()),
        (udp(), tcp()),
        (udp(), Match::TcpSyn),
    ];
    for (first, second) in pairs {
        let conflict = Problem::Conflict(second.to_string());
        assert_eq!(
            problem_of(rule(Statement::Drop).when(first).when(second)),
            conflict
        );
    }
    let dnat = Statement::Dnat(Nat {
        address: "::1".parse().unwrap(),
        port: None,
    });
    assert_eq!(
        problem_of(rule(dnat).when(v4())),
        Problem::Conflict("dnat ip6 to ::1".into())
    );
}

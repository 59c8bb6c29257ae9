//! What the table says of UDP. Its chains have no name of a protocol: `nft` takes that for one.

use std::num::NonZeroU16;

use ipnet::{Ipv4Net, Ipv6Net};
use netcfg::nft::{
    Base, Chain, ChainKind, Hook, InterfacePattern, MarkTest, Match, OneOf, Ports, Protocol, Rule,
    Statement, Transport,
};
use settings::edge::{Bypass, Quic, Settings};

use super::super::traffic;
use super::{base, bypassed_networks, leave, refuse};
use crate::numbers::{ANSWER_MARK, INTERCEPT_MARK};

/// Networks that a hub has no business with: private ones and those of one link, groups, and everybody. What is
/// sent there stays what it was.
const NEAR4: [&str; 7] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
];
const NEAR6: [&str; 3] = ["fc00::/7", "fe80::/10", "ff00::/8"];

/// UDP from the host to the Internet is handed to our socket, but for what others answer: DNS, and QUIC that is
/// refused on its way.
///
/// Connection tracking must not see it, nor our answers: a flow that changes between the hub and the straight way
/// would keep the addresses that NAT has, or has not, given it at first for as long as it sends.
pub(super) fn take(
    settings: &Settings,
    host: &InterfacePattern,
    takes_names: bool,
    port: NonZeroU16,
) -> [Chain; 3] {
    let takes = [Statement::SetMark(INTERCEPT_MARK), Statement::Tproxy(port)];
    let taking = base(
        "datagrams",
        ChainKind::Filter,
        Hook::Prerouting,
        Base::MANGLE,
    );
    let untracked = base(
        "datagrams_raw",
        ChainKind::Filter,
        Hook::Prerouting,
        Base::RAW,
    );
    let answers = base("datagrams_sent", ChainKind::Filter, Hook::Output, Base::RAW).with(
        Rule::new([Statement::NoTrack])
            .when(Match::Mark(MarkTest::is(ANSWER_MARK)))
            .when(Match::Protocol(Protocol::Udp.into())),
    );
    let taken = |chain, statements: &[Statement]| {
        let rule = Rule::new(statements.iter().cloned());
        let rule = rule.when(Match::Protocol(Protocol::Udp.into()));
        let chain = others(settings, host, takes_names, chain);
        traffic::for_the_hub(&settings.traffic, chain, statements).with(rule)
    };
    [
        taken(taking, &takes),
        taken(untracked, &[Statement::NoTrack]),
        answers,
    ]
}

/// Leaves what is not for the hub.
fn others(settings: &Settings, host: &InterfacePattern, takes_names: bool, chain: Chain) -> Chain {
    let mut chain = chain
        .with(leave(Match::InputInterface(OneOf::not(host.clone()))))
        .with(leave(Match::DestinationIsLocal(true)));
    for excepted in bypassed_networks(&settings.bypass).chain(near()) {
        chain = chain.with(leave(excepted));
    }
    let names = takes_names.then_some(dns::PORT);
    let quic = (settings.out.quic == Quic::Refuse).then_some([80, 443]);
    let ports = names.into_iter().chain(quic.into_iter().flatten());
    match OneOf::any(ports.map(Ports::from)) {
        Some(ports) => chain.with(leave(Match::DestinationPort(Transport::Udp, ports))),
        None => chain,
    }
}

/// What tproxy has not marked was sent to our socket itself, and is nobody's business.
pub(super) fn guard(port: u16) -> Rule {
    Rule::new([Statement::Drop])
        .when(Match::DestinationPort(
            Transport::Udp,
            Ports::from(port).into(),
        ))
        .when(Match::Mark(MarkTest::is_not(INTERCEPT_MARK)))
}

/// UDP towards the Internet is refused.
pub(super) fn refuse_all(
    host: InterfacePattern,
    uplinks: OneOf<InterfacePattern>,
    bypass: &Bypass,
) -> Chain {
    let udp = Match::Protocol(Protocol::Udp.into());
    refuse("datagrams", udp, host, uplinks, bypass)
}

fn near() -> impl Iterator<Item = Match> {
    let networks = [
        OneOf::any(near4()).map(Match::Destination4),
        OneOf::any(near6()).map(Match::Destination6),
    ];
    networks.into_iter().flatten()
}

/// The Internet's addresses of IPv4.
pub(super) fn far4(of: fn(OneOf<Ipv4Net>) -> Match) -> Match {
    of(OneOf::none(near4()).expect("there are some"))
}

/// The same of IPv6.
pub(super) fn far6(of: fn(OneOf<Ipv6Net>) -> Match) -> Match {
    of(OneOf::none(near6()).expect("there are some"))
}

fn near4() -> [Ipv4Net; 7] {
    NEAR4.map(|net| net.parse().expect("a network in the source"))
}

fn near6() -> [Ipv6Net; 3] {
    NEAR6.map(|net| net.parse().expect("a network in the source"))
}

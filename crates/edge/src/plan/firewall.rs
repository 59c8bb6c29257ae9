//! Our nftables table: takes the host's TCP in, keeps our listeners from the uplinks, and lets what
//! is not taken in leave with an uplink's address.

use std::num::NonZeroU16;

use ipnet::IpNet;
use netcfg::Link;
use netcfg::nft::{
    Base, Chain, ChainKind, Hook, InterfacePattern, MarkTest, Match, Name, OneOf, Policy, Ports,
    Protocol, Rule, Statement, Table, Transport,
};
use settings::edge::{Bypass, Capture, Intercept, Settings};

use crate::numbers::{INTERCEPT_MARK, NFT_TABLE};
use crate::uplink::Uplink;

/// Marks connections that go from the host to an uplink, so that they get the uplink's address.
/// (The interface a packet came in by can't be matched at postrouting on every kernel.)
const FROM_HOST: u32 = 0x4d51;

pub(super) fn table(
    settings: &Settings,
    host: Option<&Link>,
    uplinks: &[Uplink<'_>],
    intercept_port: Option<u16>,
) -> Table {
    let host = host.map(|link| interface(link.name.as_ref()));
    let uplinks = uplinks
        .iter()
        .map(|uplink| interface(uplink.link.name.as_ref()));
    let uplinks = OneOf::any(uplinks);
    let intercept_port = intercept_port.and_then(NonZeroU16::new);
    let mut table = Table::new(name(NFT_TABLE)).with(guard(settings, host.clone(), intercept_port));
    if let (Some(host), Some(wanted)) = (host.clone(), &settings.host)
        && let (Capture::All, Some(port)) = (wanted.capture, intercept_port)
    {
        table = table.with(intercept(wanted.intercept, host, &settings.bypass, port));
    }
    if let (Some(host), Some(uplinks)) = (host, uplinks) {
        table = table
            .with(mark_forwarded(host, uplinks.clone()))
            .with(masquerade(uplinks));
    }
    table
}

/// Listeners answer the host and this machine alone.
fn guard(
    settings: &Settings,
    host: Option<InterfacePattern>,
    intercept_port: Option<NonZeroU16>,
) -> Chain {
    let inside = [Some(interface("lo")), host].into_iter().flatten();
    let ports = [
        Some(settings.proxy.port),
        intercept_port.map(NonZeroU16::get),
    ];
    let mut rule = Rule::new([Statement::Drop]);
    if let Some(ports) = OneOf::any(ports.into_iter().flatten().map(Ports::from)) {
        rule = rule.when(Match::DestinationPort(Transport::Tcp, ports));
    }
    if let Some(inside) = OneOf::none(inside) {
        rule = rule.when(Match::InputInterface(inside));
    }
    base("guard", ChainKind::Filter, Hook::Input, Base::FILTER).with(rule)
}

/// TCP from the host to any place but this machine and what is bypassed.
fn intercept(mode: Intercept, host: InterfacePattern, bypass: &Bypass, port: NonZeroU16) -> Chain {
    let (kind, priority, statements) = match mode {
        Intercept::Redirect => (
            ChainKind::Nat,
            Base::DSTNAT,
            vec![Statement::Redirect(port)],
        ),
        Intercept::Tproxy => (
            ChainKind::Filter,
            Base::MANGLE,
            vec![Statement::SetMark(INTERCEPT_MARK), Statement::Tproxy(port)],
        ),
    };
    let mut chain = base("intercept", kind, Hook::Prerouting, priority)
        .with(leave(Match::InputInterface(OneOf::not(host))))
        .with(leave(Match::DestinationIsLocal(true)));
    for excepted in bypassed(bypass) {
        chain = chain.with(leave(excepted));
    }
    chain.with(Rule::new(statements).when(Match::Protocol(Protocol::Tcp.into())))
}

fn bypassed(bypass: &Bypass) -> impl Iterator<Item = Match> {
    let v4 = bypass.networks.iter().filter_map(|net| match net {
        IpNet::V4(net) => Some(*net),
        IpNet::V6(_) => None,
    });
    let v6 = bypass.networks.iter().filter_map(|net| match net {
        IpNet::V6(net) => Some(*net),
        IpNet::V4(_) => None,
    });
    let ports = bypass
        .ports
        .iter()
        .filter_map(|ports| Ports::try_from(ports.first()..=ports.last()).ok());
    [
        OneOf::any(v4).map(Match::Destination4),
        OneOf::any(v6).map(Match::Destination6),
        OneOf::any(ports).map(|ports| Match::DestinationPort(Transport::Tcp, ports)),
    ]
    .into_iter()
    .flatten()
}

fn mark_forwarded(host: InterfacePattern, uplinks: OneOf<InterfacePattern>) -> Chain {
    base("forwarded", ChainKind::Filter, Hook::Forward, Base::FILTER).with(
        Rule::new([Statement::SetCtMark(FROM_HOST)])
            .when(Match::InputInterface(host.into()))
            .when(Match::OutputInterface(uplinks)),
    )
}

fn masquerade(uplinks: OneOf<InterfacePattern>) -> Chain {
    base(
        "masquerade",
        ChainKind::Nat,
        Hook::Postrouting,
        Base::SRCNAT,
    )
    .with(
        Rule::new([Statement::Masquerade])
            .when(Match::OutputInterface(uplinks))
            .when(Match::CtMark(MarkTest::is(FROM_HOST))),
    )
}

fn base(chain: &str, kind: ChainKind, hook: Hook, priority: i32) -> Chain {
    Chain::base(
        name(chain),
        Base {
            kind,
            hook,
            priority,
            policy: Policy::Accept,
        },
    )
}

fn leave(condition: Match) -> Rule {
    Rule::new([Statement::Return]).when(condition)
}

fn name(text: &str) -> Name {
    text.parse().expect("names in this file are letters only")
}

fn interface(name: &str) -> InterfacePattern {
    name.parse()
        .expect("a name that the kernel gave is no longer than 15 bytes")
}

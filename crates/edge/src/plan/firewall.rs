//! Our nftables table: takes the host's TCP in, keeps our listeners from the uplinks, and lets what
//! is not taken in leave with an uplink's address.

mod passing;
mod udp;

use std::net::IpAddr;
use std::num::NonZeroU16;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netcfg::Link;
use netcfg::nft::{
    Base, Chain, ChainKind, Hook, InterfacePattern, MarkTest, Match, Name, OneOf, Policy, Ports,
    Protocol, Reject, Rule, Statement, Table, Transport,
};
use settings::edge::{Bypass, Capture, Intercept, Quic, Settings, Udp};

use super::traffic;
use crate::names;
use crate::numbers::{FROM_HOST, INTERCEPT_MARK, NFT_TABLE};
use crate::observed::Observed;
use crate::uplink::Uplink;

pub(super) fn table(
    settings: &Settings,
    host: Option<&Link>,
    uplinks: &[Uplink<'_>],
    observed: &Observed,
) -> Table {
    let names = names::guarded(settings, host, observed);
    let host = host.map(|link| interface(link.name.as_ref()));
    let steered = |host: &InterfacePattern| {
        let excepted: Vec<Match> = bypassed_networks(&settings.bypass).collect();
        traffic::chains(&settings.traffic, host, uplinks, &excepted)
    };
    let steered = host.as_ref().map(steered).unwrap_or_default();
    let passing = host.as_ref().map(|host| passing::count(host, uplinks));
    let uplinks = uplinks
        .iter()
        .map(|uplink| interface(uplink.link.name.as_ref()));
    let uplinks = OneOf::any(uplinks);
    let intercept_port = observed.intercept_port.and_then(NonZeroU16::new);
    let mut guard = guard(settings, host.clone(), intercept_port);
    guard.rules.extend(guard_names(&names, host.clone()));
    guard.rules.extend(observed.udp_port.map(udp::guard));
    let mut table = Table::new(name(NFT_TABLE)).with(guard);
    if let (Some(host), Some(wanted)) = (host.clone(), &settings.host)
        && let (Capture::All, Some(port)) = (wanted.capture, intercept_port)
    {
        table = table.with(intercept(wanted.intercept, host, &settings.bypass, port));
    }
    let takes_names = settings.dns.capture && !names.is_empty();
    if let (Some(host), true) = (host.clone(), takes_names) {
        table = table.with(capture_names(host, &settings.bypass));
    }
    let udp_port = observed.udp_port.and_then(NonZeroU16::new);
    if let (Some(host), Some(port), Udp::Hub) = (host.clone(), udp_port, settings.out.udp) {
        for chain in udp::take(settings, &host, takes_names, port) {
            table = table.with(chain);
        }
    }
    if let (Some(host), Some(uplinks)) = (host, uplinks) {
        if settings.out.quic == Quic::Refuse {
            table = table.with(refuse_quic(host.clone(), uplinks.clone(), &settings.bypass));
        }
        if settings.out.udp == Udp::Off {
            table = table.with(udp::refuse_all(
                host.clone(),
                uplinks.clone(),
                &settings.bypass,
            ));
        }
        table = table
            .with(mark_forwarded(host, uplinks.clone()))
            .with(masquerade(uplinks));
    }
    steered.into_iter().chain(passing).fold(table, Table::with)
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

/// The DNS server answers the host and this machine alone, too. Others of this machine, on other addresses,
/// are none of our business.
fn guard_names(names: &[IpAddr], host: Option<InterfacePattern>) -> impl Iterator<Item = Rule> {
    let v4 = names.iter().filter_map(|ip| match *ip {
        IpAddr::V4(ip) => Some(Ipv4Net::from(ip)),
        IpAddr::V6(_) => None,
    });
    let v6 = names.iter().filter_map(|ip| match *ip {
        IpAddr::V6(ip) => Some(Ipv6Net::from(ip)),
        IpAddr::V4(_) => None,
    });
    let to_names = [
        OneOf::any(v4).map(Match::Destination4),
        OneOf::any(v6).map(Match::Destination6),
    ];
    let outside = OneOf::none([Some(interface("lo")), host].into_iter().flatten());
    let transports = [Transport::Udp, Transport::Tcp];
    to_names.into_iter().flatten().flat_map(move |to_names| {
        let outside = outside.clone();
        transports.map(move |transport| {
            let port = Match::DestinationPort(transport, Ports::from(dns::PORT).into());
            let rule = Rule::new([Statement::Drop])
                .when(to_names.clone())
                .when(port);
            match outside.clone() {
                Some(outside) => rule.when(Match::InputInterface(outside)),
                None => rule,
            }
        })
    })
}

/// What the host asks other name servers by UDP is answered by ours. By TCP it is intercepted as all TCP is.
fn capture_names(host: InterfacePattern, bypass: &Bypass) -> Chain {
    let ours = NonZeroU16::new(dns::PORT).expect("it is not 0");
    let port = Match::DestinationPort(Transport::Udp, Ports::from(dns::PORT).into());
    let mut chain = base("names", ChainKind::Nat, Hook::Prerouting, Base::DSTNAT)
        .with(leave(Match::InputInterface(OneOf::not(host))))
        .with(leave(Match::DestinationIsLocal(true)));
    for excepted in bypassed_networks(bypass) {
        chain = chain.with(leave(excepted));
    }
    chain.with(Rule::new([Statement::Redirect(ours)]).when(port))
}

/// QUIC towards the Internet is refused. What goes straight to its destination anyway gains nothing by TCP.
fn refuse_quic(host: InterfacePattern, uplinks: OneOf<InterfacePattern>, bypass: &Bypass) -> Chain {
    let ports = OneOf::any([80, 443].map(Ports::from)).expect("there are some");
    let quic = Match::DestinationPort(Transport::Udp, ports);
    refuse("quic", quic, host, uplinks, bypass)
}

/// What matches on its way from the host to the Internet is answered with ICMP port unreachable.
fn refuse(
    chain: &str,
    what: Match,
    host: InterfacePattern,
    uplinks: OneOf<InterfacePattern>,
    bypass: &Bypass,
) -> Chain {
    let mut chain = base(chain, ChainKind::Filter, Hook::Forward, Base::FILTER);
    for excepted in bypassed_networks(bypass) {
        chain = chain.with(leave(excepted));
    }
    chain.with(
        Rule::new([
            Statement::Counter,
            Statement::Reject(Reject::PortUnreachable),
        ])
        .when(Match::InputInterface(host.into()))
        .when(Match::OutputInterface(uplinks))
        .when(what),
    )
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
    let ports = bypass
        .ports
        .iter()
        .filter_map(|ports| Ports::try_from(ports.first()..=ports.last()).ok());
    let ports = OneOf::any(ports).map(|ports| Match::DestinationPort(Transport::Tcp, ports));
    bypassed_networks(bypass).chain(ports)
}

fn bypassed_networks(bypass: &Bypass) -> impl Iterator<Item = Match> + use<> {
    let v4 = bypass.networks.iter().filter_map(|net| match net {
        IpNet::V4(net) => Some(*net),
        IpNet::V6(_) => None,
    });
    let v6 = bypass.networks.iter().filter_map(|net| match net {
        IpNet::V6(net) => Some(*net),
        IpNet::V4(_) => None,
    });
    let networks = [
        OneOf::any(v4).map(Match::Destination4),
        OneOf::any(v6).map(Match::Destination6),
    ];
    networks.into_iter().flatten()
}

fn mark_forwarded(host: InterfacePattern, uplinks: OneOf<InterfacePattern>) -> Chain {
    // Bypassed TCP: beyond the uplink somebody may drop what is too large and tell nobody.
    let clamp = Rule::new([Statement::ClampMss])
        .when(Match::OutputInterface(uplinks.clone()))
        .when(Match::TcpSyn);
    let mark = Rule::new([Statement::SetCtMark(FROM_HOST)])
        .when(Match::InputInterface(host.into()))
        .when(Match::OutputInterface(uplinks));
    base("forwarded", ChainKind::Filter, Hook::Forward, Base::FILTER)
        .with(mark)
        .with(clamp)
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

pub(super) fn base(chain: &str, kind: ChainKind, hook: Hook, priority: i32) -> Chain {
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

pub(super) fn leave(condition: Match) -> Rule {
    Rule::new([Statement::Return]).when(condition)
}

fn name(text: &str) -> Name {
    text.parse().expect("names in this file are letters only")
}

fn interface(name: &str) -> InterfacePattern {
    name.parse()
        .expect("a name that the kernel gave is no longer than 15 bytes")
}

//! The user's rules for what is forwarded: everything but TCP, which the relay decides about. Names are not
//! known here, so rules that are for domains alone say nothing of it.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netcfg::nft::{
    Base, Chain, ChainKind, Hook, InterfacePattern, Match, OneOf, Ports, Protocol, Reject, Rule,
    Statement, Transport,
};
use settings::rule::{self, Action, Target};

use super::firewall::{base, leave};
use crate::numbers;
use crate::uplink::Uplink;

/// The uplinks that rules send forwarded traffic by, each with what marks it.
pub(super) fn steered<'u, 'a>(
    rules: &[rule::Rule],
    uplinks: &'u [Uplink<'a>],
) -> Vec<(&'u Uplink<'a>, u32)> {
    let is_named = |uplink: &&Uplink<'_>| {
        let mut rules = rules.iter().filter(|it| is_forwarded(it));
        rules.any(|rule| is_by(&rule.action, uplink))
    };
    let named = uplinks.iter().filter(is_named);
    named
        .map(|uplink| (uplink, numbers::steer_mark(uplink.link.index)))
        .collect()
}

/// Refuses what is to be refused, and marks what is to leave by one uplink. `excepted` is left alone. No chains
/// where no rule does either.
pub(super) fn chains(
    rules: &[rule::Rule],
    host: &InterfacePattern,
    uplinks: &[Uplink<'_>],
    excepted: &[Match],
) -> Vec<Chain> {
    let steered = steered(rules, uplinks);
    let mark = |action: &Action| {
        let mut steered = steered.iter();
        let (_, mark) = steered.find(|(uplink, _)| is_by(action, uplink))?;
        Some(*mark)
    };
    let refuse = |action: &Action| match action {
        Action::Block => true,
        // An uplink that is not there: by another it must not go.
        Action::Uplink(_) => mark(action).is_none(),
        Action::Hub | Action::Direct => false,
    };
    let refusing = |action: &Action| match refuse(action) {
        true => vec![Statement::Counter, Statement::Reject(Reject::Prohibited)],
        false => vec![Statement::Return],
    };
    let marking = |action: &Action| match mark(action) {
        Some(mark) => vec![Statement::SetMark(mark), Statement::Return],
        None => vec![Statement::Return],
    };
    let forwarded = || rules.iter().filter(|rule| is_forwarded(rule));
    let mut chains = Vec::new();
    if forwarded().any(|rule| refuse(&rule.action)) {
        let chain = base("refused", ChainKind::Filter, Hook::Forward, Base::FILTER);
        chains.push(filled(chain, host, excepted, rules, refusing));
    }
    if !steered.is_empty() {
        let chain = base("steered", ChainKind::Filter, Hook::Prerouting, Base::MANGLE);
        let chain = chain.with(leave(Match::DestinationIsLocal(true)));
        chains.push(filled(chain, host, excepted, rules, marking));
    }
    chains
}

/// All rules in their order, each with what it does.
fn filled(
    mut chain: Chain,
    host: &InterfacePattern,
    excepted: &[Match],
    rules: &[rule::Rule],
    what: impl Fn(&Action) -> Vec<Statement>,
) -> Chain {
    chain = chain.with(leave(Match::InputInterface(OneOf::not(host.clone()))));
    for excepted in excepted {
        chain = chain.with(leave(excepted.clone()));
    }
    conditions(rules).fold(chain, |chain, (action, conditions)| {
        let rule = Rule::new(what(action));
        chain.with(conditions.into_iter().fold(rule, Rule::when))
    })
}

/// The same for UDP that the hub is to have: what is to go another way leaves the chain, and what is the hub's for
/// certain is `taken` at once.
pub(super) fn for_the_hub(rules: &[rule::Rule], chain: Chain, taken: &[Statement]) -> Chain {
    conditions(rules).fold(chain, |chain, (action, conditions)| {
        let rule = match action {
            Action::Hub => Rule::new(taken.iter().cloned()),
            Action::Direct | Action::Uplink(_) | Action::Block => Rule::new([Statement::Return]),
        };
        let rule = rule.when(Match::Protocol(Protocol::Udp.into()));
        chain.with(conditions.into_iter().fold(rule, Rule::when))
    })
}

/// What each rule does, and when: twice for one with networks of both families.
fn conditions(rules: &[rule::Rule]) -> impl Iterator<Item = (&Action, Vec<Match>)> {
    let forwarded = rules.iter().filter(|rule| is_forwarded(rule));
    forwarded.flat_map(|rule| {
        let destinations = destinations(rule).into_iter();
        destinations.map(|to| {
            let conditions = [Some(protocol(rule)), to].into_iter().flatten().collect();
            (&rule.action, conditions)
        })
    })
}

fn is_forwarded(rule: &rule::Rule) -> bool {
    let has_network = rule.to.iter().any(|to| matches!(to, Target::Network(_)));
    rule.protocol != Some(rule::Protocol::Tcp) && (rule.to.is_empty() || has_network)
}

fn is_by(action: &Action, uplink: &Uplink<'_>) -> bool {
    matches!(action, Action::Uplink(name) if name.as_str() == uplink.name)
}

/// What has ports is UDP here.
fn protocol(rule: &rule::Rule) -> Match {
    let ports = rule
        .ports
        .iter()
        .filter_map(|ports| Ports::try_from(ports.first()..=ports.last()).ok());
    match (OneOf::any(ports), rule.protocol) {
        (Some(ports), _) => Match::DestinationPort(Transport::Udp, ports),
        (None, Some(_)) => Match::Protocol(Protocol::Udp.into()),
        (None, None) => Match::Protocol(OneOf::not(Protocol::Tcp)),
    }
}

/// One match for each family that the rule has networks of; `None` matches everything.
fn destinations(rule: &rule::Rule) -> Vec<Option<Match>> {
    if rule.to.is_empty() {
        return vec![None];
    }
    let networks = || {
        rule.to.iter().filter_map(|to| match to {
            Target::Network(net) => Some(*net),
            Target::Domain(_) => None,
        })
    };
    let v4 = networks().filter_map(|net| match net {
        IpNet::V4(net) => Some::<Ipv4Net>(net),
        IpNet::V6(_) => None,
    });
    let v6 = networks().filter_map(|net| match net {
        IpNet::V6(net) => Some::<Ipv6Net>(net),
        IpNet::V4(_) => None,
    });
    let matches = [
        OneOf::any(v4).map(Match::Destination4),
        OneOf::any(v6).map(Match::Destination6),
    ];
    matches.into_iter().flatten().map(Some).collect()
}

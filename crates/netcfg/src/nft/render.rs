//! nft syntax. What is written here and what [`super::encode`] sends must be the same thing: the
//! tests install both and compare what `nft list` says.

use std::fmt::{self, Display, Formatter};

use super::ranges::{Element, Range, ascending, merged};
use super::{
    Base, Chain, ChainKind, CtDirection, CtStates, Hook, MarkTest, Match, Nat, OneOf, Policy,
    Protocol, Reject, Rule, Statement, Table, Transport,
};
use crate::Family;

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "table inet {} {{", self.name)?;
        writeln!(f, "\tcomment \"{}\"", self.stamp())?;
        for chain in &self.chains {
            writeln!(f, "\n{chain}")?;
        }
        write!(f, "}}")
    }
}

impl Display for Chain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\tchain {} {{", self.name)?;
        if let Some(base) = self.base {
            writeln!(f, "\t\t{base}")?;
        }
        for rule in &self.rules {
            writeln!(f, "\t\t{rule}")?;
        }
        write!(f, "\t}}")
    }
}

impl Display for Base {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = self.kind.name();
        let hook = match self.hook {
            Hook::Prerouting => "prerouting",
            Hook::Input => "input",
            Hook::Forward => "forward",
            Hook::Output => "output",
            Hook::Postrouting => "postrouting",
        };
        let policy = match self.policy {
            Policy::Accept => "accept",
            Policy::Drop => "drop",
        };
        write!(
            f,
            "type {kind} hook {hook} priority {}; policy {policy};",
            self.priority
        )
    }
}

impl ChainKind {
    /// The name, in nft syntax and in netlink.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Nat => "nat",
            Self::Route => "route",
        }
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut space = "";
        for condition in &self.matches {
            write!(f, "{space}{condition}")?;
            space = " ";
        }
        for statement in &self.statements {
            write!(f, "{space}{statement}")?;
            space = " ";
        }
        match &self.comment {
            Some(comment) => write!(f, "{space}comment \"{comment}\""),
            None => Ok(()),
        }
    }
}

impl Display for Match {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::InputInterface(names) => write_names(f, "iifname", names),
            Self::OutputInterface(names) => write_names(f, "oifname", names),
            Self::Family(Family::V4) => f.write_str("meta nfproto ipv4"),
            Self::Family(Family::V6) => f.write_str("meta nfproto ipv6"),
            Self::Protocol(protocols) => write_one_of(f, "meta l4proto", protocols),
            Self::Source4(nets) => write_one_of(f, "ip saddr", nets),
            Self::Destination4(nets) => write_one_of(f, "ip daddr", nets),
            Self::Source6(nets) => write_one_of(f, "ip6 saddr", nets),
            Self::Destination6(nets) => write_one_of(f, "ip6 daddr", nets),
            Self::SourcePort(transport, ports) => {
                write_one_of(f, &format!("{transport} sport"), ports)
            }
            Self::DestinationPort(transport, ports) => {
                write_one_of(f, &format!("{transport} dport"), ports)
            }
            Self::CtState(states) => write!(f, "ct state {states}"),
            Self::CtDirection(CtDirection::Original) => f.write_str("ct direction original"),
            Self::CtDirection(CtDirection::Reply) => f.write_str("ct direction reply"),
            Self::CtDnat => f.write_str("ct status dnat"),
            Self::Mark(test) => write!(f, "meta mark {test}"),
            Self::CtMark(test) => write!(f, "ct mark {test}"),
            Self::DestinationIsLocal(true) => f.write_str("fib daddr type local"),
            Self::DestinationIsLocal(false) => f.write_str("fib daddr type != local"),
            Self::TransparentSocket => f.write_str("socket transparent 1"),
            Self::TcpSyn => f.write_str("tcp flags & (syn | rst) == syn"),
        }
    }
}

fn write_one_of<T: Element>(f: &mut Formatter<'_>, key: &str, one_of: &OneOf<T>) -> fmt::Result {
    write_ranges::<T>(f, key, one_of.negated, &merged(one_of))
}

/// Neighbouring prefixes of names make no prefix that could be written, so they stay apart.
fn write_names<T: Element>(f: &mut Formatter<'_>, key: &str, names: &OneOf<T>) -> fmt::Result {
    write_ranges::<T>(f, key, names.negated, &ascending(names))
}

fn write_ranges<T: Element>(
    f: &mut Formatter<'_>,
    key: &str,
    negated: bool,
    ranges: &[Range],
) -> fmt::Result {
    write!(f, "{key} {}", if negated { "!= " } else { "" })?;
    if let [only] = ranges {
        return T::write(*only, f);
    }
    let mut separator = "{ ";
    for range in ranges {
        f.write_str(separator)?;
        T::write(*range, f)?;
        separator = ", ";
    }
    f.write_str(" }")
}

impl Display for Protocol {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "ipv6-icmp",
        })
    }
}

impl Display for Transport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Protocol::from(*self).fmt(f)
    }
}

impl From<Transport> for Protocol {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Tcp => Self::Tcp,
            Transport::Udp => Self::Udp,
        }
    }
}

impl Display for CtStates {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::ESTABLISHED, "established"),
            (Self::RELATED, "related"),
            (Self::NEW, "new"),
            (Self::INVALID, "invalid"),
        ];
        let present: Vec<&str> = names
            .iter()
            .filter(|(state, _)| self.0 & state.0 != 0)
            .map(|(_, name)| *name)
            .collect();
        f.write_str(&present.join(","))
    }
}

impl Display for MarkTest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let operator = if self.negated { "!=" } else { "==" };
        if self.mask == u32::MAX {
            return write!(f, "{operator} {:#010x}", self.value);
        }
        write!(f, "& {:#010x} {operator} {:#010x}", self.mask, self.value)
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("accept"),
            Self::Drop => f.write_str("drop"),
            Self::Return => f.write_str("return"),
            Self::Jump(chain) => write!(f, "jump {chain}"),
            Self::Reject(Reject::PortUnreachable) => {
                f.write_str("reject with icmpx port-unreachable")
            }
            Self::Reject(Reject::Prohibited) => f.write_str("reject with icmpx admin-prohibited"),
            Self::Reject(Reject::TcpReset) => f.write_str("reject with tcp reset"),
            Self::Counter => f.write_str("counter"),
            Self::SetMark(mark) => write!(f, "meta mark set {mark:#010x}"),
            Self::SetCtMark(mark) => write!(f, "ct mark set {mark:#010x}"),
            Self::SaveMark => f.write_str("ct mark set meta mark"),
            Self::RestoreMark => f.write_str("meta mark set ct mark"),
            Self::Redirect(port) => write!(f, "redirect to :{port}"),
            Self::Tproxy(port) => write!(f, "tproxy to :{port}"),
            Self::Masquerade => f.write_str("masquerade"),
            Self::Snat(nat) => write!(f, "snat {nat}"),
            Self::Dnat(nat) => write!(f, "dnat {nat}"),
            Self::ClampMss => f.write_str("tcp option maxseg size set rt mtu"),
            Self::NoTrack => f.write_str("notrack"),
        }
    }
}

impl Display for Nat {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let family = if self.address.is_ipv4() { "ip" } else { "ip6" };
        match self.port {
            Some(port) => {
                let target = std::net::SocketAddr::new(self.address, port.get());
                write!(f, "{family} to {target}")
            }
            None => write!(f, "{family} to {}", self.address),
        }
    }
}

//! Rules for where traffic goes, in their order: the first that matches counts. The edge's file and that of
//! Windows' service have them.

mod action;
mod read;
mod target;

use std::fmt;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

pub use self::action::{Action, ActionError};
pub(crate) use self::read::rules;
pub use self::target::{Domain, DomainError, Target, TargetError};
use crate::ports::PortRange;

/// A rule for where traffic goes. What it does not say does not matter to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Destinations, one of which must match: networks such as "203.0.113.0/24", and domains such as "example.com" with all names below them. Not empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1))]
    pub to: Vec<Target>,
    /// Ports of the destination, such as 25 or "6000-6010". Not empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1))]
    pub ports: Vec<PortRange>,
    /// The protocol. Absent: each, but with `ports` TCP and UDP alone have any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Protocol")]
    pub protocol: Option<Protocol>,
    /// What becomes of it.
    pub action: Action,
}

/// A protocol with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

/// What is known of traffic when it is decided where it goes.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its protocol.
    pub protocol: Protocol,
    /// The destination's address, if it is known.
    pub address: Option<IpAddr>,
    /// What the destination is called: none, one, or several of which any may be meant.
    pub names: &'a [&'a str],
    /// The destination's port.
    pub port: u16,
}

/// A rule that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matched<'a> {
    /// Its place in the list, from 0 on.
    pub index: usize,
    /// The rule.
    pub rule: &'a Rule,
    /// Which of its destinations, if it has some.
    pub target: Option<&'a Target>,
    /// By which name it matches, if by one.
    pub name: Option<&'a str>,
}

/// The first rule that matches; `None`: traffic goes as it goes without rules.
pub fn first_match<'a>(rules: &'a [Rule], subject: &Subject<'a>) -> Option<Matched<'a>> {
    let each = rules.iter().enumerate();
    each.into_iter().find_map(|(index, rule)| {
        let (target, name) = rule.matches(subject)?;
        Some(Matched {
            index,
            rule,
            target,
            name,
        })
    })
}

/// Whether a name of the destination could make a difference.
pub fn needs_name(rules: &[Rule], subject: &Subject<'_>) -> bool {
    let first = rules
        .iter()
        .find(|rule| rule.has_domain_for(subject) || rule.matches(subject).is_some());
    first.is_some_and(|rule| rule.matches(subject).is_none())
}

impl Rule {
    /// With which of its destinations, and by which name, it matches.
    fn matches<'a>(
        &'a self,
        subject: &Subject<'a>,
    ) -> Option<(Option<&'a Target>, Option<&'a str>)> {
        if !self.is_for(subject) {
            return None;
        }
        if self.to.is_empty() {
            return Some((None, None));
        }
        self.to.iter().find_map(|target| match target {
            Target::Network(network) => {
                let is_in = |ip: IpAddr| network.contains(&ip.to_canonical());
                subject
                    .address
                    .is_some_and(is_in)
                    .then_some((Some(target), None))
            }
            Target::Domain(domain) => {
                let mut names = subject.names.iter();
                let name = names.find(|name| domain.has(name))?;
                Some((Some(target), Some(*name)))
            }
        })
    }

    /// Whether protocol and port fit.
    fn is_for(&self, subject: &Subject<'_>) -> bool {
        let has_port = |ports: &PortRange| ports.contains(subject.port);
        self.protocol.is_none_or(|it| it == subject.protocol)
            && (self.ports.is_empty() || self.ports.iter().any(has_port))
    }

    fn has_domain_for(&self, subject: &Subject<'_>) -> bool {
        let is_domain = |target: &Target| matches!(target, Target::Domain(_));
        self.is_for(subject) && self.to.iter().any(is_domain)
    }

    /// It is for everything, so no rule after it counts.
    pub fn is_for_all(&self) -> bool {
        self.to.is_empty() && self.ports.is_empty() && self.protocol.is_none()
    }
}

/// What it is for, in words.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            Some(protocol) => write!(f, "{protocol}")?,
            None => f.write_str("everything")?,
        }
        list(f, " to ", &self.to)?;
        list(f, " at port ", &self.ports)
    }
}

fn list(f: &mut fmt::Formatter<'_>, before: &str, items: &[impl fmt::Display]) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        let before = if i == 0 { before } else { ", " };
        write!(f, "{before}{item}")?;
    }
    Ok(())
}

/// Why it matches, in words.
impl fmt::Display for Matched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.target, self.name) {
            (Some(Target::Domain(domain)), Some(name)) if !domain.is(name) => {
                write!(f, "{name} is below {domain}")
            }
            (Some(Target::Domain(_)), Some(name)) => write!(f, "{name} is in its list"),
            (Some(Target::Network(network)), _) => write!(f, "the address is in {network}"),
            _ if self.rule.is_for_all() => f.write_str("it is for everything"),
            _ => write!(f, "it is for {}", self.rule),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        })
    }
}

#[cfg(test)]
mod tests;

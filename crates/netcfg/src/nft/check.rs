//! Contradictions that the kernel would report obscurely, or not at all.

use std::collections::HashSet;

use super::{Error, Match, Name, OneOf, Problem, Protocol, Reject, Rule, Statement, Table};
use crate::Family;

impl Table {
    pub(super) fn check(&self) -> Result<(), Error> {
        let invalid = |place, problem| Error::Invalid {
            table: self.name.clone(),
            place,
            problem,
        };
        let mut seen = HashSet::new();
        for chain in &self.chains {
            if !seen.insert(&chain.name) {
                return Err(invalid(
                    format!("chain {}", chain.name),
                    Problem::DuplicateChain,
                ));
            }
            for (index, rule) in chain.rules.iter().enumerate() {
                self.check_rule(rule).map_err(|problem| {
                    let number = index + 1;
                    invalid(
                        format!("rule {number} of chain {} ({rule})", chain.name),
                        problem,
                    )
                })?;
            }
        }
        Ok(())
    }

    fn check_rule(&self, rule: &Rule) -> Result<(), Problem> {
        let Some((_, before_last)) = rule.statements.split_last() else {
            return Err(Problem::NoStatement);
        };
        if let Some(end) = before_last.iter().find(|statement| ends_rule(statement)) {
            return Err(Problem::AfterTheEnd(end.to_string()));
        }
        rule.matches.iter().try_for_each(check_mark)?;
        check_layers(rule)?;
        rule.statements
            .iter()
            .try_for_each(|statement| self.check_statement(rule, statement))
    }

    fn check_statement(&self, rule: &Rule, statement: &Statement) -> Result<(), Problem> {
        let has_ports = |protocol| matches!(protocol, Protocol::Tcp | Protocol::Udp);
        let is_tcp = |protocol| protocol == Protocol::Tcp;
        match statement {
            Statement::Jump(target) if !self.has_regular_chain(target) => {
                Err(Problem::NoSuchChain(target.clone()))
            }
            Statement::Redirect(_) | Statement::Tproxy(_) if !implies(rule, has_ports) => {
                Err(Problem::NeedsTransport(statement.to_string()))
            }
            Statement::Snat(nat) | Statement::Dnat(nat)
                if nat.port.is_some() && !implies(rule, has_ports) =>
            {
                Err(Problem::NeedsTransport(statement.to_string()))
            }
            Statement::Reject(Reject::TcpReset) if !implies(rule, is_tcp) => {
                Err(Problem::NeedsTcp(statement.to_string()))
            }
            _ => Ok(()),
        }
    }

    fn has_regular_chain(&self, name: &Name) -> bool {
        self.chains
            .iter()
            .any(|chain| chain.name == *name && chain.base.is_none())
    }
}

fn ends_rule(statement: &Statement) -> bool {
    match statement {
        Statement::Accept
        | Statement::Drop
        | Statement::Return
        | Statement::Jump(_)
        | Statement::Reject(_)
        | Statement::Redirect(_)
        | Statement::Masquerade
        | Statement::Snat(_)
        | Statement::Dnat(_) => true,
        Statement::Counter
        | Statement::SetMark(_)
        | Statement::SetCtMark(_)
        | Statement::SaveMark
        | Statement::RestoreMark
        | Statement::Tproxy(_)
        | Statement::ClampMss
        | Statement::NoTrack => false,
    }
}

fn check_mark(condition: &Match) -> Result<(), Problem> {
    match condition {
        Match::Mark(test) | Match::CtMark(test) if test.value & !test.mask != 0 => {
            Err(Problem::MarkOutsideMask {
                value: test.value,
                mask: test.mask,
            })
        }
        _ => Ok(()),
    }
}

/// Matches on the headers of two families, or of two protocols, never hold together. nft refuses
/// them as well, and a header's match after one on several protocols.
fn check_layers(rule: &Rule) -> Result<(), Problem> {
    let mut known_family = None;
    let mut known_protocols = None;
    for condition in &rule.matches {
        let conflict = || Err(Problem::Conflict(condition.to_string()));
        match condition {
            Match::Family(family) => known_family = Some(*family),
            Match::Protocol(OneOf {
                values,
                negated: false,
            }) => {
                known_protocols = Some(values.clone());
            }
            _ => {}
        }
        if let Some(needed) = family_of_header(condition)
            && *known_family.get_or_insert(needed) != needed
        {
            return conflict();
        }
        if let Some(needed) = protocol_of_header(condition)
            && *known_protocols.get_or_insert(vec![needed]) != [needed]
        {
            return conflict();
        }
    }
    let of_other_family = |statement: &&Statement| match statement {
        Statement::Snat(nat) | Statement::Dnat(nat) => {
            known_family.is_some_and(|family| family != Family::of(nat.address))
        }
        _ => false,
    };
    match rule.statements.iter().find(of_other_family) {
        Some(statement) => Err(Problem::Conflict(statement.to_string())),
        None => Ok(()),
    }
}

fn family_of_header(condition: &Match) -> Option<Family> {
    match condition {
        Match::Source4(_) | Match::Destination4(_) => Some(Family::V4),
        Match::Source6(_) | Match::Destination6(_) => Some(Family::V6),
        _ => None,
    }
}

fn protocol_of_header(condition: &Match) -> Option<Protocol> {
    match condition {
        Match::SourcePort(transport, _) | Match::DestinationPort(transport, _) => {
            Some((*transport).into())
        }
        Match::TcpSyn => Some(Protocol::Tcp),
        _ => None,
    }
}

/// Whether the matches leave only packets of protocols that `allowed` is true for.
fn implies(rule: &Rule, allowed: impl Fn(Protocol) -> bool) -> bool {
    rule.matches.iter().any(|condition| match condition {
        Match::Protocol(OneOf { values, negated }) => {
            !negated && values.iter().all(|protocol| allowed(*protocol))
        }
        _ => protocol_of_header(condition).is_some_and(&allowed),
    })
}

//! From roles and health to who carries, who stands by and who is left out.

use std::cmp::Reverse;
use std::fmt;
use std::time::Instant;

use serde::Serialize;

/// What the user wants of an uplink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It carries.
    #[default]
    Active,
    /// It carries nothing while an active one works. Several take over in their order.
    Backup,
    /// It is not used.
    Off,
}

/// What a path is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// New connections start on it and data goes by it.
    Carries,
    /// Its subflows are open, and carry nothing until the kernel has no other.
    Standby,
    /// It has no subflows.
    Unused,
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Carries => "carries",
            Self::Standby => "stands by",
            Self::Unused => "not used",
        })
    }
}

/// One path as the policy sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) role: Role,
    pub(crate) up: bool,
    /// It works, and makes the sum slower.
    pub(crate) drags: bool,
    /// Its link is there, but it has not answered since.
    pub(crate) silent: Option<Instant>,
}

/// What each is used for, in the order of the candidates.
///
/// One path stands by, the one that would be next: its subflows are open, so that it can take over
/// without a handshake. While no path works, the one that was given up last keeps its subflows: without
/// any, connections would end, and its return would be noticed later.
pub(crate) fn assign(candidates: &[Candidate]) -> Vec<Use> {
    let having = |wanted: fn(&Candidate) -> bool| {
        let all = candidates.iter().enumerate();
        all.filter(move |(_, it)| it.up && wanted(it))
            .map(|(place, _)| place)
    };
    let mut carrying: Vec<usize> = having(|it| it.role == Role::Active && !it.drags).collect();
    let dragging = having(|it| it.role == Role::Active && it.drags);
    let mut rest = dragging.chain(having(|it| it.role == Role::Backup));
    if carrying.is_empty() {
        carrying.extend(rest.next().or_else(|| given_up_last(candidates)));
    }
    let mut uses = vec![Use::Unused; candidates.len()];
    for place in carrying {
        uses[place] = Use::Carries;
    }
    if let Some(next) = rest.next() {
        uses[next] = Use::Standby;
    }
    uses
}

/// Of those given up at once, the preferred one.
fn given_up_last(candidates: &[Candidate]) -> Option<usize> {
    let all = candidates.iter().enumerate();
    all.filter(|(_, it)| it.role != Role::Off)
        .filter_map(|(place, it)| Some((it.silent?, Reverse(place))))
        .max()
        .map(|(_, Reverse(place))| place)
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;

//! What rules have to do with each other.

use super::{AdapterMatch, Rule};
use crate::errors::{Other, Problem};
use crate::report::{Placed, Report, for_each_pair};

/// A rule with the places of what identifies it.
pub(super) struct PlacedRule {
    pub rule: Rule,
    /// `uplink[0]` and so on.
    pub path: String,
    pub adapter_at: Placed<()>,
    pub name_at: Option<Placed<()>>,
}

impl PlacedRule {
    /// What status will call the uplink, as far as the file tells.
    fn shown_name(&self) -> Option<&str> {
        match (&self.rule.name, &self.rule.adapter) {
            (Some(name), _) => Some(name.as_str()),
            (None, AdapterMatch::Alias(alias)) if alias.is_literal() => Some(alias.as_str()),
            _ => None,
        }
    }

    /// Where that name is written.
    fn name_place(&self) -> &Placed<()> {
        self.name_at.as_ref().unwrap_or(&self.adapter_at)
    }

    /// How an error names this rule: by the table, with the line of the value in question.
    fn other(&self, report: &Report<'_>, place: &Placed<()>) -> Other {
        Other {
            key: self.path.clone(),
            ..report.other(place)
        }
    }
}

/// Notes everything in which rules get into each other's way.
pub(super) fn check(report: &Report<'_>, rules: &[PlacedRule]) {
    for PlacedRule { rule, name_at, .. } in rules {
        if let Some(name_at) = name_at
            && rule.adapter.is_pattern()
        {
            let pattern = rule.adapter.to_string();
            add(report, name_at, Problem::NameOfAdapters { pattern });
        }
    }
    for_each_pair(rules, |earlier, later| same_adapter(report, earlier, later));
    for_each_pair(rules, |earlier, later| same_name(report, earlier, later));
}

fn same_adapter(report: &Report<'_>, earlier: &PlacedRule, later: &PlacedRule) -> bool {
    let other = earlier.other(report, &earlier.adapter_at);
    let problem = match (&earlier.rule.adapter, &later.rule.adapter) {
        (a, b) if a == b => Problem::SameAdapter {
            adapter: b.to_string(),
            other,
        },
        (AdapterMatch::Alias(a), AdapterMatch::Alias(b))
            if b.is_literal() && a.matches(b.as_str()) =>
        {
            Problem::Shadowed {
                interface: b.as_str().to_owned(),
                pattern: a.as_str().to_owned(),
                other,
            }
        }
        _ => return false,
    };
    add(report, &later.adapter_at, problem);
    true
}

fn same_name(report: &Report<'_>, earlier: &PlacedRule, later: &PlacedRule) -> bool {
    let (Some(a), Some(b)) = (earlier.shown_name(), later.shown_name()) else {
        return false;
    };
    // Two rules for one adapter without names have an error already.
    if a != b || (earlier.name_at.is_none() && later.name_at.is_none()) {
        return false;
    }
    let name = b.to_owned();
    let other = earlier.other(report, earlier.name_place());
    add(
        report,
        later.name_place(),
        Problem::SameName { name, other },
    );
    true
}

fn add(report: &Report<'_>, place: &Placed<()>, problem: Problem) {
    report.add(place.at, &place.key, problem);
}

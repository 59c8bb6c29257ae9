//! Reading the rules from a settings file.

use super::{Protocol, Rule, Target};
use crate::edge::tables;
use crate::errors::Problem;
use crate::reader::{Item, TABLE, Table};
use crate::report::{Placed, for_each_pair};

/// The tables `[[rule]]`.
pub(crate) fn rules(root: &Table<'_>) -> Vec<Rule> {
    let Some(item) = root.get("rule") else {
        return Vec::new();
    };
    let items = item.list("a list of tables, each under [[rule]] in double brackets,");
    let tables = items.into_iter().flatten();
    let tables = tables.filter_map(|item| item.table(TABLE));
    let rules: Vec<Placed<Rule>> = tables.filter_map(rule).collect();
    for_each_pair(&rules, |earlier, later| {
        let is_over = earlier.value.is_for_all();
        if is_over {
            let other = root.report().other(earlier);
            let problem = Problem::NeverReached { other };
            root.report().add(later.at, &later.key, problem);
        }
        is_over
    });
    rules.into_iter().map(|rule| rule.value).collect()
}

fn rule(table: Table<'_>) -> Option<Placed<Rule>> {
    let to = conditions(&table, "to", |item| item.value(str::parse::<Target>));
    table.report().repetitions(&to);
    let ports = conditions(&table, "ports", |item| tables::ports(&item));
    let protocols = [("tcp", Protocol::Tcp), ("udp", Protocol::Udp)];
    let protocol = table.word("protocol", &protocols);
    let action = table.get("action");
    if action.is_none() {
        let Placed { key, at, .. } = table.placed(());
        table.report().add(at, &key, Problem::NoAction);
    }
    let action = action.and_then(|item| item.value(str::parse));
    let place = table.placed(());
    table.finish();
    let rule = Rule {
        to: to.into_iter().map(|it| it.value).collect(),
        ports: ports.into_iter().map(|it| it.value).collect(),
        protocol,
        action: action?.value,
    };
    Some(Placed {
        value: rule,
        key: place.key,
        at: place.at,
    })
}

/// A list of which one has to hold; an empty one never would.
fn conditions<T>(
    table: &Table<'_>,
    key: &'static str,
    read: impl Fn(Item<'_>) -> Option<Placed<T>>,
) -> Vec<Placed<T>> {
    let Some(item) = table.get(key) else {
        return Vec::new();
    };
    let items: Vec<_> = item
        .list("a list in brackets")
        .into_iter()
        .flatten()
        .collect();
    if items.is_empty() && item.is_list() {
        item.add(Problem::NoCondition);
    }
    items.into_iter().filter_map(read).collect()
}

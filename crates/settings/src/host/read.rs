//! Reading the host's file, value by value. What rules have to do with each other is in `rules`.

use std::path::Path;

use super::rules::{self, PlacedRule};
use super::{Capture, Choice, Guest, Rule, Settings};
use crate::common;
use crate::edge::{Cap, Dns, Portal, Role, tables};
use crate::errors::{Errors, Problem};
use crate::reader::{Item, TABLE, Table, document};
use crate::report::{Placed, Report, load};
use crate::rule;

impl Settings {
    /// Reads a settings file's text; `file_name` is for the errors. Gives all errors that there are.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, Errors> {
        let report = Report::new(file_name, text);
        let settings = document(&report, text, settings);
        report.finish(settings)
    }

    /// Reads a settings file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Errors> {
        load(path.as_ref(), Self::parse)
    }
}

fn settings(root: Table<'_>) -> Settings {
    let capture = Capture::read(&root);
    let (choice_item, rules_item) = (root.get("uplinks"), root.get("uplink"));
    let choice = choice_item.map(|item| choice(&item, rules_item.is_some()));
    let rules = rules_item.map(rules).unwrap_or_default();
    rules::check(root.report(), &rules);
    let settings = Settings {
        capture,
        choice: choice.unwrap_or_default(),
        rules: rules.into_iter().map(|placed| placed.rule).collect(),
        proxy: tables::proxy(&root),
        out: tables::out(&root),
        bypass: tables::bypass(&root),
        traffic: rule::rules(&root),
        dns: Dns::read(&root),
        portal: Portal::read(&root),
        mptcp: common::mptcp(&root),
        guest: Guest::read(&root),
    };
    root.finish();
    settings
}

fn choice(item: &Item<'_>, has_rules: bool) -> Choice {
    let words = [("all", Choice::All), ("listed", Choice::Listed)];
    let choice = item.word(&words).unwrap_or_default();
    if choice == Choice::Listed && !has_rules {
        item.add(Problem::NothingListed);
    }
    choice
}

fn rules(item: Item<'_>) -> Vec<PlacedRule> {
    let items = item.list("a list of tables, each under [[uplink]] in double brackets,");
    let tables = items.into_iter().flatten();
    let tables = tables.filter_map(|item| item.table(TABLE));
    tables.filter_map(rule).collect()
}

fn rule(table: Table<'_>) -> Option<PlacedRule> {
    let adapter = table.get("adapter");
    if adapter.is_none() {
        let Placed { key, at, .. } = table.placed(());
        table.report().add(at, &key, Problem::NoAdapter);
    }
    let adapter = adapter.and_then(|item| item.value(str::parse));
    let name = table.get("name").and_then(|item| item.value(str::parse));
    let role = table.word("role", &Role::WORDS).unwrap_or_default();
    let metered = table.boolean("metered").unwrap_or_default();
    let cap = Cap::read(&table);
    let ipv6 = table.boolean("ipv6").unwrap_or(true);
    let path = table.path().to_owned();
    table.finish();
    let adapter = adapter?;
    Some(PlacedRule {
        path,
        adapter_at: adapter.place(),
        name_at: name.as_ref().map(Placed::place),
        rule: Rule {
            adapter: adapter.value,
            name: name.map(|name| name.value),
            role,
            metered,
            cap,
            ipv6,
        },
    })
}

//! The users file of the hub: who may use it, with which limits. [`UserFile::parse`] reads it,
//! [`UserFile::add`] and [`UserFile::remove`] change it.

#[cfg(unix)]
mod edit;

use std::path::Path;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;
use wire::hub::UserKey;

#[cfg(unix)]
pub use self::edit::EditError;
use super::user::{DEFAULT_MAX_CONNECTIONS, User, UserName};
use crate::destination_rule::DestinationRule;
use crate::errors::{Errors, Other, Problem};
use crate::reader::{Item, TABLE, Table, document};
use crate::report::{Placed, Report, for_each_pair, load};

/// The users of a hub; no name and no key twice. There may be none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Manypath hub users")]
pub struct UserFile {
    /// A table for each user.
    #[serde(rename = "user")]
    users: Vec<User>,
}

impl UserFile {
    /// Reads a users file's text; `file_name` is for the errors. Gives all errors that there are.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, Errors> {
        let report = Report::new(file_name, text);
        let users = document(&report, text, users);
        report.finish(users)
    }

    /// Reads a users file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Errors> {
        load(path.as_ref(), Self::parse)
    }

    /// Each user, in the order of the file.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &User> {
        self.users.iter()
    }

    /// The user of that name.
    pub fn by_name(&self, name: &UserName) -> Option<&User> {
        self.iter().find(|user| user.name == *name)
    }
}

/// A user with the places of what no two users may have in common.
struct PlacedUser {
    user: Option<User>,
    name: Option<Placed<UserName>>,
    key: Option<Placed<UserKey>>,
}

fn users(root: Table<'_>) -> UserFile {
    let report = root.report();
    let expected = "a list of tables, each under [[user]] in double brackets,";
    let items = root.get("user").and_then(|item| item.list(expected));
    let tables = items.into_iter().flatten();
    let tables = tables.filter_map(|item| item.table(TABLE));
    let users: Vec<PlacedUser> = tables.map(user).collect();
    root.finish();
    none_twice(
        report,
        users.iter().filter_map(|user| user.name.as_ref()),
        |name, other| {
            let name = name.to_string();
            Problem::SameUser { name, other }
        },
    );
    none_twice(
        report,
        users.iter().filter_map(|user| user.key.as_ref()),
        |_, other| Problem::SameKey { other },
    );
    let users = users.into_iter().filter_map(|placed| placed.user);
    UserFile {
        users: users.collect(),
    }
}

fn user(table: Table<'_>) -> PlacedUser {
    let name: Option<Placed<UserName>> = required(&table, "name", Problem::NoUserName);
    let key: Option<Placed<UserKey>> = required(&table, "key", Problem::NoUserKey);
    let max_connections = table.integer("max_connections", 1, 1_000_000);
    let rate = table.parsed("rate");
    let allow = table.get("allow");
    let (allow, deny) = (allow.and_then(allowed), rules(table.get("deny")));
    table.finish();
    let user = name.as_ref().zip(key.as_ref()).map(|(name, key)| User {
        name: name.value.clone(),
        key: key.value,
        max_connections: max_connections.unwrap_or(DEFAULT_MAX_CONNECTIONS),
        rate,
        allow: allow.unwrap_or_default(),
        deny,
    });
    PlacedUser { user, name, key }
}

fn required<T: FromStr<Err: Into<Problem>>>(
    table: &Table<'_>,
    key: &'static str,
    missing: Problem,
) -> Option<Placed<T>> {
    let Some(item) = table.get(key) else {
        let Placed { key, at, .. } = table.placed(());
        table.report().add(at, &key, missing);
        return None;
    };
    item.value(str::parse)
}

/// An empty list could mean both "nothing" and "no rule", so it means neither.
fn allowed(item: Item<'_>) -> Option<Vec<DestinationRule>> {
    if item.is_list() && item.list("")?.next().is_none() {
        item.add(Problem::NothingAllowed);
    }
    Some(rules(Some(item)))
}

fn rules(item: Option<Item<'_>>) -> Vec<DestinationRule> {
    let items = item.and_then(|item| item.list("a list such as [\"203.0.113.0/24\"]"));
    let rules = items.into_iter().flatten();
    let rules = rules.filter_map(|item| item.value(str::parse));
    rules.map(|placed| placed.value).collect()
}

fn none_twice<'u, T: PartialEq + 'u>(
    report: &Report<'_>,
    values: impl Iterator<Item = &'u Placed<T>>,
    problem: impl Fn(&T, Other) -> Problem,
) {
    let values: Vec<_> = values.collect();
    for_each_pair(&values, |earlier, later| {
        let clash = earlier.value == later.value;
        if clash {
            let problem = problem(&later.value, report.other(earlier));
            report.add(later.at, &later.key, problem);
        }
        clash
    });
}

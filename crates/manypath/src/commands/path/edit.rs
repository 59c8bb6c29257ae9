//! Writes an uplink's role into the edge's settings.

use anyhow::{Context, ensure};
use netcfg::Link;
use settings::edge::{Role, Settings};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use crate::Failure;
use crate::commands::settings_file::{self, set};
use crate::commands::uplinks::{Found, find};

/// The uplink that a name is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What status calls it.
    pub uplink: String,
    /// The number of the rule that makes it, from 0 on.
    rule: usize,
    /// Its interface, if it needs a rule of its own: the one that makes it is a pattern, so it can be for
    /// others, too.
    own: Option<String>,
}

impl Target {
    /// The uplink of that name, or else the one with an interface of that name.
    ///
    /// # Errors
    /// When there is none; those that are there are named.
    pub fn find(name: &str, settings: &Settings, links: &[Link]) -> Result<Self, Failure> {
        let uplinks = find(settings, links);
        let interface = |link: &Option<&Link>| link.map(|link| link.name.to_string());
        let by_name = uplinks.iter().find(|it| it.name == name);
        let named = by_name.or_else(|| {
            let mut uplinks = uplinks.iter();
            uplinks.find(|it| interface(&it.link).as_deref() == Some(name))
        });
        let found = named.ok_or_else(|| unknown(name, &uplinks))?;
        let is_pattern = settings.uplinks[found.rule].interface.is_pattern();
        Ok(Self {
            uplink: found.name.clone(),
            rule: found.rule,
            own: interface(&found.link).filter(|_| is_pattern),
        })
    }
}

fn unknown(name: &str, uplinks: &[Found<'_>]) -> Failure {
    let known: Vec<&str> = uplinks.iter().map(|it| it.name.as_str()).collect();
    let known = match known.as_slice() {
        [] => "no interface of this machine fits the settings".to_owned(),
        some => format!("the uplinks are {}", some.join(", ")),
    };
    Failure::Settings(format!("there is no uplink {name:?}; {known}"))
}

/// The text of a settings file with another role for the uplink; `settings` is what the text says.
///
/// # Errors
/// When it is written in a way that can't be edited.
pub fn with_role(
    text: &str,
    settings: &Settings,
    target: &Target,
    role: Role,
) -> anyhow::Result<String> {
    if settings.uplinks[target.rule].role == role {
        return Ok(text.to_owned());
    }
    let mut document: DocumentMut = text.parse()?;
    let written = match document.get_mut("uplink") {
        Some(Item::ArrayOfTables(tables)) => in_tables(tables, target, role),
        Some(Item::Value(Value::Array(list))) => in_list(list, target, role),
        _ => None,
    };
    let cannot = || {
        let uplink = &target.uplink;
        format!(
            "the settings are written in a way that this program can't edit; set the role of {uplink} by hand"
        )
    };
    written.with_context(cannot)?;
    let edited = settings_file::render(&document, text);
    let read = Settings::parse(&edited, "the edited settings")?;
    ensure!(read.uplinks[target.rule].role == role, cannot());
    Ok(edited)
}

/// Under `[[uplink]]`.
fn in_tables(tables: &mut ArrayOfTables, target: &Target, role: Role) -> Option<()> {
    let table = tables.get_mut(target.rule)?;
    let Some(interface) = &target.own else {
        set(table, "role", &role.to_string());
        return Some(());
    };
    let mut own = Table::new();
    fill(&mut own, table, interface, role);
    // A comment stays above both.
    *own.decor_mut() = table.decor().clone();
    table.decor_mut().set_prefix("\n");
    // Of tables at one place the first in the list comes first.
    own.set_position(table.position());
    tables.insert(target.rule, own);
    Some(())
}

/// In `uplink = [{ … }, …]`.
fn in_list(list: &mut Array, target: &Target, role: Role) -> Option<()> {
    let table = list.get_mut(target.rule)?.as_inline_table_mut()?;
    match &target.own {
        None => {
            let is_new = !table.contains_key("role");
            set(table, "role", &role.to_string());
            if is_new {
                take_over_end(table);
            }
        }
        Some(interface) => {
            let mut own = InlineTable::new();
            fill(&mut own, table, interface, role);
            own.fmt();
            list.insert(target.rule, own);
        }
    }
    Some(())
}

/// What stands before the closing brace belongs to the last value: moves it to the one that was added.
fn take_over_end(table: &mut InlineTable) {
    let values = table.iter_mut().map(|(_, value)| value.decor_mut());
    if let [.., before, last] = values.collect::<Vec<_>>().as_mut_slice() {
        last.set_prefix(" ");
        last.set_suffix(before.suffix().cloned().unwrap_or_default());
        before.set_suffix("");
    }
}

/// Makes a rule for one interface of a pattern's.
fn fill(own: &mut dyn TableLike, pattern: &dyn TableLike, interface: &str, role: Role) {
    set(own, "interface", interface);
    for (key, item) in pattern.iter() {
        if !matches!(key, "interface" | "role")
            && let Some(value) = item.as_value()
        {
            let mut value = value.clone();
            value.decor_mut().clear();
            own.insert(key, Item::Value(value));
        }
    }
    set(own, "role", &role.to_string());
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;

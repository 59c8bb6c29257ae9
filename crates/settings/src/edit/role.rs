//! Writes an uplink's role into a settings file.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::{Change, EditError, Editable, edited, set};
use crate::edge::Role;

/// Which rule says the role of an uplink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RulePlace {
    /// This one, from 0 on, which is for the uplink alone.
    Rule(usize),
    /// One of its own before this one, which is a pattern and so can be for others, too.
    Before {
        /// The pattern's rule, from 0 on.
        rule: usize,
        /// What its own rule is for: a name, or a GUID.
        only: String,
    },
    /// One of its own behind all others: none is for it.
    New {
        /// What its own rule is for: a name, or a GUID.
        only: String,
    },
}

/// The text of a settings file of type `S` with this role for the uplink that `place` is of.
///
/// # Errors
/// When the text is wrong, or is written in a way that can't be edited.
pub fn with_role<S: Editable>(
    text: &str,
    place: &RulePlace,
    role: Role,
) -> Result<String, EditError> {
    const WHAT: &str = "the uplink's role";
    let roles = S::read(text, "the settings")?.roles();
    let (at, now) = match place {
        RulePlace::Rule(rule) | RulePlace::Before { rule, .. } => (*rule, roles.get(*rule)),
        RulePlace::New { .. } => (roles.len(), Some(&Role::Active)),
    };
    if now == Some(&role) {
        return Ok(text.to_owned());
    }
    let edit = Edit {
        key: S::RULE_KEY,
        place,
        role,
    };
    let edited = edited(text, |document| edit.make(document), WHAT)?;
    let read = S::read(&edited, "the edited settings")?.roles();
    match read.get(at) == Some(&role) {
        true => Ok(edited),
        false => Err(EditError::Unusual(WHAT)),
    }
}

struct Edit<'a> {
    key: &'static str,
    place: &'a RulePlace,
    role: Role,
}

impl Edit<'_> {
    fn make(&self, document: &mut DocumentMut) -> Option<Change> {
        match document.get_mut("uplink") {
            Some(Item::ArrayOfTables(tables)) => self.in_tables(tables)?,
            Some(Item::Value(Value::Array(list))) => self.in_list(list)?,
            None => return self.at_end(),
            Some(_) => return None,
        }
        Some(Change::Made)
    }

    /// Under `[[uplink]]`.
    fn in_tables(&self, tables: &mut ArrayOfTables) -> Option<()> {
        match self.place {
            RulePlace::Rule(rule) => set(tables.get_mut(*rule)?, "role", &self.role.to_string()),
            RulePlace::Before { rule, only } => {
                let table = tables.get_mut(*rule)?;
                let mut own = Table::new();
                self.fill(&mut own, only, Some(table));
                // A comment stays above both.
                *own.decor_mut() = table.decor().clone();
                table.decor_mut().set_prefix("\n");
                // Of tables at one place the first in the list comes first.
                own.set_position(table.position());
                tables.insert(*rule, own);
            }
            RulePlace::New { only } => {
                let mut own = Table::new();
                self.fill(&mut own, only, None);
                // Without a position it follows the one before it.
                tables.push(own);
            }
        }
        Some(())
    }

    /// In `uplink = [{ … }, …]`.
    fn in_list(&self, list: &mut Array) -> Option<()> {
        let own = |only: &str, pattern: Option<&InlineTable>| {
            let mut own = InlineTable::new();
            self.fill(&mut own, only, pattern.map(|it| it as &dyn TableLike));
            own.fmt();
            own
        };
        match self.place {
            RulePlace::Rule(rule) => {
                let table = list.get_mut(*rule)?.as_inline_table_mut()?;
                let is_new = !table.contains_key("role");
                set(table, "role", &self.role.to_string());
                if is_new {
                    take_over_end(table);
                }
            }
            RulePlace::Before { rule, only } => {
                let own = own(only, Some(list.get(*rule)?.as_inline_table()?));
                list.insert(*rule, own);
            }
            RulePlace::New { only } => list.push(own(only, None)),
        }
        Some(())
    }

    /// Where there is no rule yet.
    fn at_end(&self) -> Option<Change> {
        let RulePlace::New { only } = self.place else {
            return None;
        };
        let mut own = Table::new();
        self.fill(&mut own, only, None);
        Some(Change::AtEnd(format!("[[uplink]]\n{own}")))
    }

    /// Makes a rule for one uplink, with what a pattern's rule says of all.
    fn fill(&self, own: &mut dyn TableLike, only: &str, pattern: Option<&dyn TableLike>) {
        set(own, self.key, only);
        for (key, item) in pattern.iter().flat_map(|it| it.iter()) {
            if key != self.key
                && key != "role"
                && let Some(value) = item.as_value()
            {
                let mut value = value.clone();
                value.decor_mut().clear();
                own.insert(key, Item::Value(value));
            }
        }
        set(own, "role", &self.role.to_string());
    }
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

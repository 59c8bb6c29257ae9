//! Edits a settings file's text in place. What an edit is not about stays byte for byte, unless lines end in
//! different ways.

mod hub;
mod role;

use toml_edit::{DocumentMut, Item, TableLike, Value};

pub use self::hub::with_hub;
pub use self::role::{RulePlace, with_role};
use crate::edge::{self, Hub, Role};
use crate::errors::Errors;
use crate::host;

/// A settings file with a hub and rules for uplinks: the edge's and the host's.
pub trait Editable: Sized {
    /// The key of a rule that says what it is for.
    const RULE_KEY: &'static str;

    /// Reads the text of a file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    fn read(text: &str, file_name: &str) -> Result<Self, Errors>;

    /// The hub.
    fn hub(&self) -> &Hub;

    /// The roles of the rules, in their order.
    fn roles(&self) -> Vec<Role>;
}

impl Editable for edge::Settings {
    const RULE_KEY: &'static str = "interface";

    fn read(text: &str, file_name: &str) -> Result<Self, Errors> {
        Self::parse(text, file_name)
    }

    fn hub(&self) -> &Hub {
        &self.out.hub
    }

    fn roles(&self) -> Vec<Role> {
        self.uplinks.iter().map(|rule| rule.role).collect()
    }
}

impl Editable for host::Settings {
    const RULE_KEY: &'static str = "adapter";

    fn read(text: &str, file_name: &str) -> Result<Self, Errors> {
        Self::parse(text, file_name)
    }

    fn hub(&self) -> &Hub {
        &self.out.hub
    }

    fn roles(&self) -> Vec<Role> {
        self.rules.iter().map(|rule| rule.role).collect()
    }
}

/// Why a settings file's text was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// Something is wrong with it.
    #[error(transparent)]
    Settings(#[from] Errors),
    /// TOML has more ways to write a value than are known here.
    #[error("the settings are written in a way that this program can't edit; set {0} by hand")]
    Unusual(&'static str),
}

/// Has `change` change the text as a document, or else write at its end the lines that it gives.
fn edited(
    text: &str,
    change: impl FnOnce(&mut DocumentMut) -> Option<Change>,
    what: &'static str,
) -> Result<String, EditError> {
    let unusual = EditError::Unusual(what);
    let Ok(mut document) = text.parse::<DocumentMut>() else {
        return Err(unusual);
    };
    match change(&mut document) {
        Some(Change::Made) => Ok(render(&document, text)),
        Some(Change::AtEnd(lines)) => Ok(append(text, &lines)),
        None => Err(unusual),
    }
}

/// What becomes of a document.
enum Change {
    /// It is another one.
    Made,
    /// These lines go behind everything, comments at the end, too.
    AtEnd(String),
}

/// Sets a key to a text, in the place of the value that is there.
fn set(table: &mut dyn TableLike, key: &str, text: &str) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(value) => {
            // Blanks before it, and a comment behind it.
            let decor = value.decor().clone();
            *value = Value::from(text);
            *value.decor_mut() = decor;
        }
        None => drop(table.insert(key, Item::from(Value::from(text)))),
    }
}

/// The text of a document that was made of `text`. toml_edit ends all lines as Linux does and forgets a byte
/// order mark; a file may come from Windows.
fn render(document: &DocumentMut, text: &str) -> String {
    let edited = document.to_string();
    let edited = match ends_as_windows(text) {
        true => edited.replace('\n', "\r\n"),
        false => edited,
    };
    match text.starts_with(MARK) && !edited.starts_with(MARK) {
        true => format!("{MARK}{edited}"),
        false => edited,
    }
}

/// What programs of Windows put before UTF-8.
const MARK: char = '\u{feff}';

fn append(text: &str, lines: &str) -> String {
    let newline = if ends_as_windows(text) { "\r\n" } else { "\n" };
    let end = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        newline
    };
    format!("{text}{end}{newline}{}", lines.replace('\n', newline))
}

/// Whether all lines end in CR LF.
fn ends_as_windows(text: &str) -> bool {
    let (all, windows) = (text.matches('\n').count(), text.matches("\r\n").count());
    windows > 0 && windows == all
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;

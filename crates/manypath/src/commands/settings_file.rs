//! Edits a settings file in place. What is not changed stays byte for byte, unless lines end in different ways.

use std::fs;
use std::path::Path;

use anyhow::Context;
use settings::FolderLock;
use toml_edit::{DocumentMut, Item, TableLike, Value};

use crate::Failure;

/// Puts into a settings file what `change` makes of its text. Nobody else edits it meanwhile. Gives what
/// `change` gives beside the text.
///
/// # Errors
/// Those of `change`; when the file can't be read or written. It then is what it was.
pub fn edit<T>(
    file: &Path,
    change: impl FnOnce(&str) -> Result<(String, T), Failure>,
) -> Result<T, Failure> {
    let cannot = || format!("cannot write {}; run this as root", file.display());
    let _lock = FolderLock::around(file).with_context(cannot)?;
    let text = fs::read_to_string(file).with_context(cannot)?;
    let (edited, more) = change(&text)?;
    if edited != text {
        settings::replace_file(file, &edited).with_context(cannot)?;
    }
    Ok(more)
}

/// Sets a key to a text, in the place of the value that is there.
pub fn set(table: &mut dyn TableLike, key: &str, text: &str) {
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

/// The text of a document that was made of `text`. toml_edit ends all lines as Linux does; a file may come
/// from Windows.
pub fn render(document: &DocumentMut, text: &str) -> String {
    let edited = document.to_string();
    let (all, windows) = (text.matches('\n').count(), text.matches("\r\n").count());
    match windows > 0 && windows == all {
        true => edited.replace('\n', "\r\n"),
        false => edited,
    }
}

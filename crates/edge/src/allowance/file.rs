//! The file of an allowance.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use settings::{create_file, replace_file};

use super::Table;

/// What the file holds; nothing if there is none.
pub(super) fn read(path: &Path) -> io::Result<Table> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Table::new()),
        Err(error) => Err(error),
    }
}

/// Keeps a file that can't be read for whoever wants to look at it. Gives words about that.
pub(super) fn put_aside(path: &Path, error: &io::Error) -> String {
    let aside = with_suffix(path, ".broken");
    let kept = match fs::rename(path, &aside) {
        Ok(()) => format!("it is kept as {}", aside.display()),
        Err(error) => format!("it can't be kept as {}: {error}", aside.display()),
    };
    format!(
        "what uplinks have carried this month can't be read from {} and counts from zero: {error}; {kept}",
        path.display()
    )
}

/// Whole or not at all.
pub(super) fn write(path: &Path, table: &Table) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let text = serde_json::to_string_pretty(table)? + "\n";
    match replace_file(path, &text) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create_file(path, &text, 0o600),
        replaced => replaced,
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

//! Edits a settings file in place, one program at a time.

use std::fs;
use std::path::Path;

use anyhow::Context;
use settings::FolderLock;

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

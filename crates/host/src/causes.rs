//! An error in one line.

use std::error::Error;

/// The error's text, and those of what has caused it.
pub(crate) fn with_causes(error: impl Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

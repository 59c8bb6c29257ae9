//! A value to write.

use serde::{Deserialize, Serialize};

use crate::windows_path::WindowsPath;

/// A value that WSL reads as it was meant: printable ASCII, checked by the types that it is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value(String);

impl Value {
    /// The value as WSL keeps it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value as it is written: backslashes and quotes escaped, and quotes around it where a `#` would
    /// start a comment or a blank at an end would be lost (`configfile.cpp`, before `ValueDone`).
    pub fn written(&self) -> String {
        let escaped = self.0.replace('\\', r"\\").replace('"', r#"\""#);
        if self.0.contains('#') || self.0.trim() != self.0 {
            format!("\"{escaped}\"")
        } else {
            escaped
        }
    }
}

impl From<&WindowsPath> for Value {
    fn from(path: &WindowsPath) -> Self {
        Self(path.as_str().to_owned())
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self(number.to_string())
    }
}

//! Paths that WSL can read from `.wslconfig`.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The absolute path of a file on a local drive, in ASCII: `C:\Program Files\…`.
///
/// WSL cuts every character of a value to its lower eight bits (`configfile.cpp:749`), so a path with
/// other letters would name another file, and the VM would not start.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct WindowsPath(String);

/// Why a text is not a path that WSL can read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowsPathError {
    /// A character that WSL would cut to another one.
    #[error(
        "the path {path:?} holds {character:?}, and WSL reads nothing but ASCII in .wslconfig; put the file into a folder without such characters, such as one below C:\\ProgramData"
    )]
    NotAscii {
        /// The path.
        path: String,
        /// The first such character.
        character: char,
    },
    /// A character that no Windows path can hold, or a `/`.
    #[error(
        "the path {path:?} holds {character:?}, which no file name can; write it such as \"C:\\ProgramData\\kernel\""
    )]
    Character {
        /// The path.
        path: String,
        /// The first such character.
        character: char,
    },
    /// Relative, on a network share, or without a drive.
    #[error(
        "the path {0:?} does not start with a drive; write it such as \"C:\\ProgramData\\kernel\""
    )]
    NoDrive(String),
    /// The name of the file is missing.
    #[error("the path {0:?} names a folder; add the name of the file")]
    NoFile(String),
}

impl WindowsPath {
    /// The path as Windows knows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WindowsPath {
    type Err = WindowsPathError;

    fn from_str(text: &str) -> Result<Self, WindowsPathError> {
        let path = text.to_owned();
        if let Some(character) = text.chars().find(|it| !it.is_ascii()) {
            return Err(WindowsPathError::NotAscii { path, character });
        }
        let [b'A'..=b'Z' | b'a'..=b'z', b':', b'\\', ..] = text.as_bytes() else {
            return Err(WindowsPathError::NoDrive(path));
        };
        let rest = &text[3..];
        let is_bad = |it: &char| it.is_ascii_control() || r#"<>:"/|?*"#.contains(*it);
        if let Some(character) = rest.chars().find(is_bad) {
            return Err(WindowsPathError::Character { path, character });
        }
        if rest.is_empty() || rest.ends_with('\\') {
            return Err(WindowsPathError::NoFile(path));
        }
        Ok(Self(path))
    }
}

impl fmt::Display for WindowsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[path = "windows_path_tests.rs"]
mod tests;

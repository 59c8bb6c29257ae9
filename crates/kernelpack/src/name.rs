//! Names that become parts of paths on Windows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name of a file, and the longest release, which is Linux' own limit (`__NEW_UTS_LEN`).
const LONGEST: usize = 100;
const LONGEST_RELEASE: usize = 64;

/// What Windows takes for a device, whatever follows after a dot
/// (Microsoft, "Naming Files, Paths, and Namespaces").
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// The name of a file in a folder: no path, and nothing that Windows understands in another way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(String);

/// A kernel's release, as `uname -r` has it. It can be the name of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Release(String);

/// Why a text is no such name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Something that could lead to another place.
    #[error(
        "{0:?} is no plain file name: up to {LONGEST} letters, digits, dots, dashes, + and _, with a letter or digit first and no dot at the end"
    )]
    File(String),
    /// Windows has a device of that name.
    #[error("{0:?} is a device on Windows, not a file")]
    Device(String),
    /// Not what a kernel calls itself.
    #[error("{0:?} is no kernel release such as 6.18.20.1-microsoft-standard-WSL2-manypath")]
    Release(String),
}

impl FileName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Release {
    /// The release.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_plain(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte);
    text.len() <= LONGEST
        && text.bytes().all(is_fine)
        && text.starts_with(|it: char| it.is_ascii_alphanumeric())
        && !text.ends_with('.')
}

fn is_device(text: &str) -> bool {
    let stem = text
        .split('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let port = stem.strip_prefix("com").or(stem.strip_prefix("lpt"));
    let is_port = port.is_some_and(|it| it.len() == 1 && it.bytes().all(|it| it.is_ascii_digit()));
    is_port || DEVICES.contains(&stem.as_str())
}

impl FromStr for FileName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            _ if !is_plain(text) => Err(NameError::File(text.to_owned())),
            _ if is_device(text) => Err(NameError::Device(text.to_owned())),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl FromStr for Release {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_version = text.starts_with(|it: char| it.is_ascii_digit());
        match is_plain(text) && is_version && text.len() <= LONGEST_RELEASE {
            true => Ok(Self(text.to_owned())),
            false => Err(NameError::Release(text.to_owned())),
        }
    }
}

impl TryFrom<String> for FileName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl TryFrom<String> for Release {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

impl From<Release> for String {
    fn from(release: Release) -> Self {
        release.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_files() {
        for name in [
            "bzImage",
            "modules.vhdx",
            "a",
            "com10",
            "console.txt",
            "x_1+2-3",
        ] {
            assert_eq!(name.parse::<FileName>().unwrap().as_str(), name);
        }
        let long = "a".repeat(LONGEST + 1);
        for name in [
            "", ".", "..", "../a", r"..\a", "/a", "C:a", "a b", "a.", ".a", "-a", "ä", "a\0", &long,
        ] {
            assert_eq!(
                name.parse::<FileName>(),
                Err(NameError::File(name.to_owned())),
                "{name}"
            );
        }
        for name in ["con", "NUL.vhdx", "Com1", "lpt9.tar.gz", "AUX"] {
            assert_eq!(
                name.parse::<FileName>(),
                Err(NameError::Device(name.to_owned())),
                "{name}"
            );
        }
    }

    #[test]
    fn releases() {
        for release in [
            "6.18.20.1-microsoft-standard-WSL2-manypath",
            "6.1.192",
            "6.1.0-rc1+",
        ] {
            assert_eq!(release.parse::<Release>().unwrap().to_string(), release);
        }
        for release in [
            "",
            "linux",
            "6.1.",
            "6.1/../..",
            "6 1",
            "6\\1",
            &"6".repeat(65),
        ] {
            assert!(release.parse::<Release>().is_err(), "{release}");
        }
    }

    proptest! {
        /// Whatever passes stays in its folder, on Windows too.
        #[test]
        fn no_name_leaves_its_folder(text in "[.a-zA-Z0-9/\\\\: \\-]{0,12}") {
            if let Ok(name) = text.parse::<FileName>() {
                let parts = name.as_str().split(['/', '\\', ':']);
                prop_assert_eq!(parts.count(), 1);
                prop_assert!(!name.as_str().starts_with('.'));
                prop_assert!(!name.as_str().ends_with(['.', ' ']));
            }
        }
    }
}

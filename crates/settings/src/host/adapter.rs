//! How the host's settings point at network adapters of Windows: by name or by GUID.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::interface::Guid;
use crate::wildcard;

/// Longest name of an interface in UTF-16 units (`IF_MAX_STRING_SIZE`, `MIB_IF_ROW2.Alias`).
const ALIAS_MAX: usize = 256;

/// Which network adapters of the PC a rule is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AdapterMatch {
    /// Those whose name in Windows fits.
    Alias(AliasPattern),
    /// The one with this interface GUID, whatever it is called.
    Guid(Guid),
}

/// The name of an adapter in Windows (its alias), or a pattern for names in which `*` stands for any
/// characters and `?` for exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AliasPattern(String);

/// Why a text points at no network adapter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdapterMatchError {
    /// Nothing at all.
    #[error(
        "the name is empty; write the adapter's name in Windows, such as \"Wi-Fi\", or a pattern such as \"Ethernet*\""
    )]
    Empty,
    /// A character that can't be seen.
    #[error("no adapter's name holds {0:?}; write the name as `Get-NetAdapter` shows it")]
    Control(char),
    /// Longer than any name can be.
    #[error("no adapter's name is longer than 256 characters, this one is; write a pattern for it")]
    TooLong,
    /// It starts as a GUID in braces does.
    #[error(
        "{0:?} starts as a GUID and is none; write it as `Get-NetAdapter | Format-List Name, InterfaceGuid` shows it"
    )]
    Guid(String),
}

impl AdapterMatch {
    /// Whether the adapter with this interface GUID and name is meant.
    pub fn matches(&self, id: Guid, alias: &str) -> bool {
        match self {
            Self::Alias(pattern) => pattern.matches(alias),
            Self::Guid(wanted) => *wanted == id,
        }
    }

    /// Whether several adapters of one PC can match.
    pub fn is_pattern(&self) -> bool {
        matches!(self, Self::Alias(alias) if !alias.is_literal())
    }

    /// The one adapter that is meant: by its name, unless that would be read as something else.
    pub(super) fn one(id: Guid, alias: &str) -> Self {
        match alias.parse() {
            Ok(Self::Alias(name)) if name.is_literal() => Self::Alias(name),
            _ => Self::Guid(id),
        }
    }
}

impl AliasPattern {
    /// Whether `alias` fits.
    pub fn matches(&self, alias: &str) -> bool {
        wildcard::fits(&self.0, alias)
    }

    /// Whether this is a plain name, without `*` and `?`.
    pub fn is_literal(&self) -> bool {
        wildcard::is_literal(&self.0)
    }

    /// The text as written in the settings file.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AdapterMatch {
    type Err = AdapterMatchError;

    fn from_str(text: &str) -> Result<Self, AdapterMatchError> {
        if let Ok(guid) = text.parse() {
            return Ok(Self::Guid(guid));
        }
        if text.is_empty() {
            return Err(AdapterMatchError::Empty);
        }
        if let Some(c) = text.chars().find(|c| c.is_control()) {
            return Err(AdapterMatchError::Control(c));
        }
        if text.encode_utf16().count() > ALIAS_MAX {
            return Err(AdapterMatchError::TooLong);
        }
        if text.starts_with('{') {
            return Err(AdapterMatchError::Guid(text.to_owned()));
        }
        Ok(Self::Alias(AliasPattern(text.to_owned())))
    }
}

impl fmt::Display for AdapterMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alias(AliasPattern(pattern)) => f.write_str(pattern),
            Self::Guid(guid) => guid.fmt(f),
        }
    }
}

impl Serialize for AdapterMatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for AdapterMatch {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AdapterMatch".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The adapter's name in Windows, such as \"Wi-Fi\"; a pattern for names, in which * stands for any characters and ? for exactly one; or the adapter's interface GUID.",
            "type": "string",
            "minLength": 1,
            "maxLength": ALIAS_MAX,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7a08391f-f5a0-4ac0-9802-d13fd964f8df";

    fn id() -> Guid {
        ID.parse().unwrap()
    }

    #[test]
    fn names_patterns_and_guids_are_told_apart() {
        for (text, alias, fits, is_pattern) in [
            ("Wi-Fi", "Wi-Fi", true, false),
            ("Wi-Fi", "wi-fi", false, false),
            ("Wi-Fi", "Wi-Fi 2", false, false),
            ("Ethernet*", "Ethernet 2", true, true),
            ("Ethernet ?", "Ethernet 12", false, true),
            ("イーサネット", "イーサネット", true, false),
            ("LAN: office / \"2\"", "LAN: office / \"2\"", true, false),
            (ID, "anything", true, false),
            ("{7A08391F-F5A0-4AC0-9802-D13FD964F8DF}", "x", true, false),
            ("7a08391f-f5a0-4ac0-9802-d13fd964f8de", "x", false, false),
        ] {
            let wanted: AdapterMatch = text.parse().unwrap();
            assert_eq!(wanted.matches(id(), alias), fits, "{text}");
            assert_eq!(wanted.is_pattern(), is_pattern, "{text}");
            assert_eq!(wanted.to_string().parse(), Ok(wanted));
        }
    }

    #[test]
    fn what_is_no_adapter() {
        let refused = |text: &str| text.parse::<AdapterMatch>().unwrap_err();
        assert_eq!(refused(""), AdapterMatchError::Empty);
        assert_eq!(refused("a\tb"), AdapterMatchError::Control('\t'));
        let braced = "{7a08391f-f5a0-4ac0-9802-d13fd964f8d}".to_owned();
        assert_eq!(refused(&braced), AdapterMatchError::Guid(braced));
        // Characters outside of the BMP count twice.
        assert!("😀".repeat(128).parse::<AdapterMatch>().is_ok());
        assert_eq!(refused(&"😀".repeat(129)), AdapterMatchError::TooLong);
    }

    #[test]
    fn one_adapter_is_named_so_that_no_other_fits() {
        for (alias, written) in [
            ("Wi-Fi", "Wi-Fi"),
            ("Local Area Connection* 3", ID),
            ("what?", ID),
            ("", ID),
            // Somebody may call it so.
            ("7a08391f-f5a0-4ac0-9802-000000000000", ID),
        ] {
            let one = AdapterMatch::one(id(), alias);
            assert_eq!(one.to_string(), written);
            assert!(one.matches(id(), alias) && !one.is_pattern());
        }
    }
}

//! Configurations of the kernel: `.config`, and fragments of it.

use std::collections::BTreeMap;
use std::fmt;

/// What an option is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `# CONFIG_X is not set`, or `=n`. An option that is not there is the same.
    No,
    /// `=m`: a module.
    Module,
    /// `=y`: built in.
    Yes,
    /// A number or a text, as written.
    Other(String),
}

/// Options with their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config(BTreeMap<String, Value>);

/// A line that is none of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is none of a kernel's configuration: {text:?}")]
pub struct ParseError {
    line: usize,
    text: String,
}

impl Config {
    /// Reads a configuration. The last value of an option counts, as for Kconfig (`confdata.c`).
    ///
    /// # Errors
    /// When a line is neither an option nor a comment.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut options = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_end();
            let option = match line.strip_prefix('#') {
                Some(comment) => not_set(comment),
                None if line.is_empty() => None,
                None => Some(set(line).ok_or_else(|| ParseError {
                    line: index + 1,
                    text: line.to_owned(),
                })?),
            };
            options.extend(option);
        }
        Ok(Self(options))
    }

    /// What an option is set to.
    pub fn get(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::No)
    }

    /// Every option that is written down, in the order of their names.
    pub fn options(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether an option is written down.
    pub fn names(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

fn not_set(comment: &str) -> Option<(String, Value)> {
    let name = comment.trim_start().strip_suffix(" is not set")?;
    is_name(name).then(|| (name.to_owned(), Value::No))
}

fn set(line: &str) -> Option<(String, Value)> {
    let (name, value) = line.split_once('=')?;
    let value = match value {
        "y" => Value::Yes,
        "m" => Value::Module,
        "n" => Value::No,
        "" => return None,
        other => Value::Other(other.to_owned()),
    };
    is_name(name).then(|| (name.to_owned(), value))
}

fn is_name(text: &str) -> bool {
    let name = text.strip_prefix("CONFIG_").unwrap_or_default();
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(is_fine)
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "n",
            Self::Module => "m",
            Self::Yes => "y",
            Self::Other(text) => text,
        })
    }
}

/// As a file that can be read again.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| match value {
            Value::No => writeln!(f, "# {name} is not set"),
            _ => writeln!(f, "{name}={value}"),
        })
    }
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::*;

    pub fn config(text: &str) -> Config {
        Config::parse(text).unwrap()
    }

    /// Any configuration of a few options.
    pub fn configs() -> impl Strategy<Value = Config> {
        let value = prop_oneof![
            Just(Value::No),
            Just(Value::Module),
            Just(Value::Yes),
            "\"[a-z =#]{0,5}\"|[1-9][0-9]{0,3}".prop_map(Value::Other),
        ];
        prop::collection::btree_map("CONFIG_[A-E]", value, 0..6).prop_map(Config)
    }

    #[test]
    fn what_kconfig_writes_is_read() {
        let config = config(
            "#\n# Automatically generated file; DO NOT EDIT.\n#\nCONFIG_MPTCP=y\n\nCONFIG_TUN=m\n\
             # CONFIG_TLS is not set\nCONFIG_LOCALVERSION=\"-a b=#\"\nCONFIG_HZ=250\n# end of Networking\n\
             CONFIG_X86_X32_ABI=n\n",
        );
        let value = |name: &str| config.get(name).to_string();
        assert_eq!(value("CONFIG_MPTCP"), "y");
        assert_eq!(value("CONFIG_TUN"), "m");
        assert_eq!(value("CONFIG_TLS"), "n");
        assert_eq!(value("CONFIG_X86_X32_ABI"), "n");
        assert_eq!(value("CONFIG_LOCALVERSION"), "\"-a b=#\"");
        assert_eq!(value("CONFIG_HZ"), "250");
        assert_eq!(value("CONFIG_NOWHERE"), "n");
        assert!(config.names("CONFIG_TLS") && !config.names("CONFIG_NOWHERE"));
    }

    #[test]
    fn the_last_value_counts() {
        let config = config("CONFIG_A=y\nCONFIG_B=m\n# CONFIG_A is not set\nCONFIG_B=y\r\n");
        assert_eq!(config.get("CONFIG_A"), &Value::No);
        assert_eq!(config.get("CONFIG_B"), &Value::Yes);
    }

    #[test]
    fn junk_is_named_by_its_line() {
        for junk in [
            "MPTCP=y",
            "CONFIG_MPTCP",
            "CONFIG_=y",
            "CONFIG_A B=y",
            "CONFIG_A=",
            "\u{feff}CONFIG_A=y",
        ] {
            let error = Config::parse(&format!("# x\n{junk}\n")).unwrap_err();
            assert!(error.to_string().starts_with("line 2"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_configuration_survives_being_written(config in configs()) {
            prop_assert_eq!(Config::parse(&config.to_string()), Ok(config));
        }

        #[test]
        fn no_text_makes_it_panic(text in "(CONFIG_|# |=|y|m|n|is not set|\n|\"| ){0,20}") {
            let _ = Config::parse(&text);
        }
    }
}

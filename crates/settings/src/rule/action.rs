//! What becomes of traffic that a rule is for.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::edge::{UplinkName, UplinkNameError};

/// What becomes of traffic that a rule is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It goes as it does without rules: through the hub, if there is one.
    Hub,
    /// Straight to its destination, past the hub; TCP as MPTCP where the origin speaks it.
    Direct,
    /// Straight to its destination, by this uplink alone and as plain TCP.
    Uplink(UplinkName),
    /// It is refused.
    Block,
}

/// Why a text is no action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// None of the words.
    #[error(
        "{0:?} is no action; write \"hub\", \"direct\", \"block\", or \"uplink\" with its name, such as \"uplink wifi\""
    )]
    Syntax(String),
    /// What stands after `uplink`.
    #[error(transparent)]
    Name(#[from] UplinkNameError),
}

const UPLINK: &str = "uplink ";

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(text: &str) -> Result<Self, ActionError> {
        match text {
            "hub" => Ok(Self::Hub),
            "direct" => Ok(Self::Direct),
            "block" => Ok(Self::Block),
            _ => match text.strip_prefix(UPLINK) {
                Some(name) => Ok(Self::Uplink(name.trim().parse()?)),
                None => Err(ActionError::Syntax(text.to_owned())),
            },
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub => f.write_str("hub"),
            Self::Direct => f.write_str("direct"),
            Self::Uplink(name) => write!(f, "{UPLINK}{name}"),
            Self::Block => f.write_str("block"),
        }
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Action {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Action".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "\"hub\" (as without rules), \"direct\" (straight to the destination), \"uplink NAME\" (straight, by that uplink alone), or \"block\".",
            "type": "string",
            "pattern": "^(hub|direct|block|uplink .+)$",
        })
    }
}

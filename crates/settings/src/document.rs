//! What `manypath settings` prints: the commented examples and the JSON schemas.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

use crate::{edge, hub};

/// Which of the settings files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The edge's.
    Edge,
    /// The hub's.
    Hub,
    /// The hub's users file.
    HubUsers,
}

/// A commented settings file with every key. A key with a default stands there with it; a line such as
/// `#name = "wifi"` shows a key that has none.
pub fn example(kind: Kind) -> &'static str {
    match kind {
        Kind::Edge => include_str!("edge/example.toml"),
        Kind::Hub => include_str!("hub/example.toml"),
        Kind::HubUsers => include_str!("hub/users_example.toml"),
    }
}

/// The JSON schema (draft 2020-12) of a settings file, for editors that check while one types.
pub fn schema(kind: Kind) -> serde_json::Value {
    match kind {
        Kind::Edge => schema_of::<edge::Settings>(),
        Kind::Hub => schema_of::<hub::Settings>(),
        Kind::HubUsers => schema_of::<hub::UserFile>(),
    }
}

fn schema_of<T: JsonSchema>() -> serde_json::Value {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;

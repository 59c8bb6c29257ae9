//! What `manypath settings` prints: the commented examples and the JSON schemas.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

use crate::{edge, host, hub};

/// Which of the settings files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The edge's.
    Edge,
    /// The one of the service on Windows.
    Host,
    /// The hub's.
    Hub,
    /// The hub's users file.
    HubUsers,
}

/// A commented settings file with every key. A key with a default stands there with it; a line such as
/// `#name = "wifi"` shows a key that has none, and one such as `#[[uplink]]` a table that there need not be.
pub fn example(kind: Kind) -> &'static str {
    match kind {
        Kind::Edge => include_str!("edge/example.toml"),
        Kind::Host => include_str!("host/example.toml"),
        Kind::Hub => include_str!("hub/example.toml"),
        Kind::HubUsers => include_str!("hub/users_example.toml"),
    }
}

/// The JSON schema (draft 2020-12) of a settings file, for editors that check while one types.
pub fn schema(kind: Kind) -> serde_json::Value {
    match kind {
        Kind::Edge => schema_of::<edge::Settings>(),
        Kind::Host => schema_of::<host::Settings>(),
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

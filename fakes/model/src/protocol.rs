//! What stand-in and machine say to each other: one JSON document a line.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A call of Windows' API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The function, such as `HcnCreateNetwork`. [`Request::EVENTS`] asks for events instead.
    pub call: String,
    /// Its arguments by their names.
    #[serde(default)]
    pub arguments: Value,
}

impl Request {
    /// After this one the connection carries [`Event`]s, and nothing else.
    pub const EVENTS: &str = "Events";
}

/// What the function gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The HRESULT or Win32 error; 0 is success.
    pub status: i32,
    /// The result document, if there is one.
    #[serde(default)]
    pub result: Option<String>,
    /// The error record, if there is one.
    #[serde(default)]
    pub error: Option<String>,
}

/// Something that Windows tells by a callback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Whose: a stand-in leaves alone what isn't its own.
    pub source: String,
    /// What.
    pub body: Value,
}

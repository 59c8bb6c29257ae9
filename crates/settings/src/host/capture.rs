//! What is taken in from programs on Windows.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::edge;
use crate::errors::Problem;
use crate::reader::{Item, Table};

/// What is taken in. In the file it is the key `capture`, and `set_proxy` beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "capture", rename_all = "snake_case")]
pub enum Capture {
    /// All TCP of the PC, by routes into the guest, and what programs send to the proxy.
    #[default]
    All,
    /// Only what programs send to the proxy.
    Proxy {
        /// Whether Windows' proxy setting of the user is set to it.
        set_proxy: bool,
    },
}

impl Capture {
    /// Reads both keys.
    pub(super) fn read(root: &Table<'_>) -> Self {
        let words = [("all", false), ("proxy", true)];
        let is_proxy = root.word("capture", &words).unwrap_or_default();
        let item = root.get("set_proxy");
        let set_proxy = item.as_ref().and_then(Item::boolean).unwrap_or_default();
        match item {
            _ if is_proxy => return Self::Proxy { set_proxy },
            Some(item) if set_proxy => item.add(Problem::ProxyOfAll),
            _ => {}
        }
        Self::All
    }
}

impl From<Capture> for edge::Capture {
    fn from(capture: Capture) -> Self {
        match capture {
            Capture::All => Self::All,
            Capture::Proxy { .. } => Self::Proxy,
        }
    }
}

/// JSON schema of both keys.
pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
    let capture = |is: &str| {
        json_schema!({
            "description": "What is taken in: \"all\" (all TCP of this PC, and what programs send to the proxy) or \"proxy\" (only what programs send to the proxy).",
            "default": "all",
            "const": is,
        })
    };
    let set_proxy = |values: &[bool]| {
        json_schema!({
            "description": "Whether Windows' proxy setting of the user is set to the proxy. Only with capture = \"proxy\".",
            "default": false,
            "enum": values,
        })
    };
    json_schema!({
        "oneOf": [
            { "properties": { "capture": capture("all"), "set_proxy": set_proxy(&[false]) } },
            {
                "properties": { "capture": capture("proxy"), "set_proxy": set_proxy(&[false, true]) },
                "required": ["capture"],
            },
        ],
    })
}

//! What MPTCP does with an uplink's addresses.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// Flags of a path manager endpoint, in a combination that the kernel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndpointFlags {
    subflow: bool,
    signal: bool,
    fullmesh: bool,
}

/// Why flags do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointFlagsError {
    /// No flag at all: the address would be registered for nothing.
    #[error(
        "no flag is set, so MPTCP would never use the uplink; write [\"subflow\"], or leave the key out"
    )]
    Empty,
    /// The kernel answers EINVAL ("flags mustn't have both signal and fullmesh", `mptcp_pm_nl`).
    #[error("the kernel refuses \"signal\" together with \"fullmesh\"; leave one of them out")]
    SignalFullmesh,
    /// Fullmesh says to which addresses subflows are opened, so it needs some to be opened.
    #[error("\"fullmesh\" does nothing without \"subflow\"; write [\"subflow\", \"fullmesh\"]")]
    FullmeshAlone,
}

impl EndpointFlags {
    /// Checks that the kernel takes the flags together and that each has an effect.
    pub fn new(subflow: bool, signal: bool, fullmesh: bool) -> Result<Self, EndpointFlagsError> {
        match (subflow, signal, fullmesh) {
            (_, true, true) => Err(EndpointFlagsError::SignalFullmesh),
            (false, _, true) => Err(EndpointFlagsError::FullmeshAlone),
            (false, false, false) => Err(EndpointFlagsError::Empty),
            _ => Ok(Self {
                subflow,
                signal,
                fullmesh,
            }),
        }
    }

    /// Subflows are opened from the address.
    pub fn subflow(self) -> bool {
        self.subflow
    }

    /// The address is announced to the other side (ADD_ADDR).
    pub fn signal(self) -> bool {
        self.signal
    }

    /// A subflow is opened from the address to each address of the other side.
    pub fn fullmesh(self) -> bool {
        self.fullmesh
    }

    /// The names of the flags that are set, as in the settings file.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let flags = [
            ("subflow", self.subflow),
            ("signal", self.signal),
            ("fullmesh", self.fullmesh),
        ];
        flags
            .into_iter()
            .filter_map(|(name, set)| set.then_some(name))
    }
}

impl Default for EndpointFlags {
    /// `subflow` alone.
    fn default() -> Self {
        Self {
            subflow: true,
            signal: false,
            fullmesh: false,
        }
    }
}

impl Serialize for EndpointFlags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

impl JsonSchema for EndpointFlags {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EndpointFlags".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let has = |flag: &str| json_schema!({ "contains": { "const": flag } });
        json_schema!({
            "description": "Any of subflow (subflows are opened from the address), signal (it is announced to the other side) and fullmesh (to each address of the other side). Not signal with fullmesh; fullmesh needs subflow.",
            "type": "array",
            "items": { "enum": ["subflow", "signal", "fullmesh"] },
            "uniqueItems": true,
            "minItems": 1,
            "not": { "allOf": [has("signal"), has("fullmesh")] },
            "anyOf": [
                has("subflow"),
                { "allOf": [has("signal"), { "not": has("fullmesh") }] },
            ],
        })
    }
}

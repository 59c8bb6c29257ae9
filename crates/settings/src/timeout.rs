//! Durations as people write them, and time-outs that can be off.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// The longest duration a file may hold. Far above any use, far below where adding it to a clock overflows.
pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A time after which something is given up, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timeout {
    /// Never given up; written "off".
    Off,
    /// Given up after this time, which is more than zero.
    After(Duration),
}

impl Timeout {
    /// The time, or `None` when the time-out is off.
    pub fn duration(self) -> Option<Duration> {
        match self {
            Self::Off => None,
            Self::After(time) => Some(time),
        }
    }
}

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a number with a unit.
    #[error(
        "{0:?} is no duration; write a number with its unit, such as \"10s\", \"500ms\" or \"2min\""
    )]
    Syntax(String),
    /// As [`DurationError::Syntax`], where "off" is possible too.
    #[error(
        "{0:?} is neither \"off\" nor a duration; write a number with its unit, such as \"10s\" or \"2min\""
    )]
    NeitherOff(String),
    /// Longer than [`LONGEST`].
    #[error("{0:?} is longer than a year; write a shorter duration")]
    TooLong(String),
    /// Zero where the time has to be more.
    #[error("a time of zero would give everything up at once; write a longer one, such as \"10s\"")]
    Zero,
    /// As [`DurationError::Zero`], where "off" is possible too.
    #[error("a time-out of zero would end everything at once; write \"off\" for no time-out")]
    ZeroNotOff,
    /// The kernel takes whole seconds here.
    #[error("{0:?} is not a whole number of seconds, and the kernel takes no other")]
    Fraction(String),
}

/// Reads a duration such as `10s`.
pub(crate) fn duration(text: &str) -> Result<Duration, DurationError> {
    let time =
        humantime::parse_duration(text).map_err(|_| DurationError::Syntax(text.to_owned()))?;
    if time > LONGEST {
        return Err(DurationError::TooLong(text.to_owned()));
    }
    Ok(time)
}

/// Reads a duration of more than zero.
pub(crate) fn positive_duration(text: &str) -> Result<Duration, DurationError> {
    match duration(text)? {
        Duration::ZERO => Err(DurationError::Zero),
        time => Ok(time),
    }
}

/// Reads a duration of whole seconds.
pub(crate) fn whole_seconds(text: &str) -> Result<Duration, DurationError> {
    match duration(text)? {
        time if time.subsec_nanos() != 0 => Err(DurationError::Fraction(text.to_owned())),
        time => Ok(time),
    }
}

impl FromStr for Timeout {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        if text == "off" {
            return Ok(Self::Off);
        }
        match duration(text) {
            Ok(Duration::ZERO) => Err(DurationError::ZeroNotOff),
            Ok(time) => Ok(Self::After(time)),
            Err(DurationError::Syntax(text)) => Err(DurationError::NeitherOff(text)),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::After(time) => humantime::format_duration(*time).fmt(f),
        }
    }
}

impl Serialize for Timeout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Timeout {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timeout".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A duration such as \"5min\", or \"off\".",
            "type": "string",
            "pattern": r"^(off|(\s*\d+\s*[A-Za-z]+)+\s*)$",
        })
    }
}

/// `Serialize` for a field of type [`Duration`].
pub(crate) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*time))
}

/// JSON schema for a field of type [`Duration`].
pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"^(\s*\d+\s*[A-Za-z]+)+\s*$" })
}

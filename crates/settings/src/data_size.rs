//! Amounts of data that are transferred in the long run, as tariffs give them.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::quantity::{self, Unit};

/// An amount of data, at least 1 MB: a whole number with a unit, decimal (`50GB`) or binary (`50GiB`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DataSize(u64);

/// Why a text is not an amount of data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataSizeError {
    /// Not a whole number with a unit, or more than 2^64 bytes.
    #[error(
        "{0:?} is no amount of data; write a whole number with B, KB, MB, GB, TB, KiB, MiB, GiB or TiB, such as \"50GB\""
    )]
    Syntax(String),
    /// Less than [`DataSize::MIN`].
    #[error("{0:?} is less than 1MB, which is used up at once; write more, such as \"50GB\"")]
    TooSmall(String),
}

impl DataSize {
    /// The smallest amount: 1 MB.
    pub const MIN: Self = Self(1_000_000);

    const UNITS: [Unit; 9] = [
        ("TiB", 1 << 40),
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1 << 10),
        ("TB", 1_000_000_000_000),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("KB", 1000),
        ("B", 1),
    ];

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for DataSize {
    type Err = DataSizeError;

    fn from_str(text: &str) -> Result<Self, DataSizeError> {
        let bytes = quantity::parse(text, &Self::UNITS);
        let size = bytes.map(Self);
        let size = size.ok_or_else(|| DataSizeError::Syntax(text.to_owned()))?;
        match size >= Self::MIN {
            true => Ok(size),
            false => Err(DataSizeError::TooSmall(text.to_owned())),
        }
    }
}

impl fmt::Display for DataSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quantity::show(self.0, &Self::UNITS))
    }
}

impl Serialize for DataSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for DataSize {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DataSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An amount of data with its unit, such as \"50GB\" or \"50GiB\".",
            "type": "string",
            "pattern": r"^\d+\s*([KMGT]i?)?B$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_shown() {
        for (text, bytes, shown) in [
            ("50GB", 50_000_000_000, "50GB"),
            ("50 GB", 50_000_000_000, "50GB"),
            ("2TB", 2_000_000_000_000, "2TB"),
            ("1TiB", 1 << 40, "1TiB"),
            ("3GiB", 3 << 30, "3GiB"),
            ("1024KiB", 1 << 20, "1MiB"),
            ("1500MB", 1_500_000_000, "1500MB"),
            ("1000KB", 1_000_000, "1MB"),
            ("1000001B", 1_000_001, "1000001B"),
        ] {
            let size: DataSize = text.parse().unwrap();
            assert_eq!((size.bytes(), &*size.to_string()), (bytes, shown));
            assert_eq!(shown.parse(), Ok(size));
        }
    }

    #[test]
    fn what_is_no_amount() {
        for text in [
            "",
            "50",
            "GB",
            "1.5GB",
            "-1GB",
            "+1GB",
            "50gb",
            "50 Gbit",
            "ä",
            "99999999TB",
        ] {
            let expected = DataSizeError::Syntax(text.to_owned());
            assert_eq!(text.parse::<DataSize>(), Err(expected));
        }
        for text in ["0GB", "999KB", "999999B"] {
            let expected = DataSizeError::TooSmall(text.to_owned());
            assert_eq!(text.parse::<DataSize>(), Err(expected));
        }
    }
}

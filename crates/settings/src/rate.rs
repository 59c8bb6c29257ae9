//! Rates of data, as people write them.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// A rate of data, more than zero: a whole number of kbit/s, Mbit/s or Gbit/s, of 1000 each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rate {
    kilobits: NonZeroU64,
}

/// Why a text is not a rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Not a whole number with a unit.
    #[error(
        "{0:?} is no rate; write a whole number with kbit/s, Mbit/s or Gbit/s, such as \"50 Mbit/s\""
    )]
    Syntax(String),
    /// Nothing could pass.
    #[error("a rate of zero would stop everything; write a larger one, such as \"50 Mbit/s\"")]
    Zero,
    /// More than [`Rate::MAX`].
    #[error("{0:?} is more than 1000 Gbit/s; leave the rate out for no limit")]
    TooLarge(String),
}

impl Rate {
    /// The largest rate: 1000 Gbit/s.
    pub const MAX: Self = Self {
        kilobits: NonZeroU64::new(1_000_000_000).expect("it is not zero"),
    };

    /// Units from the largest to the smallest, in kbit/s.
    const UNITS: [(&'static str, u64); 3] =
        [("Gbit/s", 1_000_000), ("Mbit/s", 1000), ("kbit/s", 1)];

    /// The rate in bytes per second, at least 125.
    pub fn bytes_per_second(self) -> u64 {
        self.kilobits.get() * 125
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let syntax = || RateError::Syntax(text.to_owned());
        let number_before = |unit: &str| {
            let at = text.len().checked_sub(unit.len())?;
            let (number, end) = text.split_at_checked(at)?;
            end.eq_ignore_ascii_case(unit).then(|| number.trim_end())
        };
        let mut units = Self::UNITS.iter();
        let found = units.find_map(|(unit, factor)| Some((number_before(unit)?, factor)));
        let (number, factor) = found.ok_or_else(syntax)?;
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(syntax());
        }
        // Digits only, so what fails is a number too large for the type.
        let number = number.parse::<u64>().ok();
        let kilobits = number.and_then(|number| number.checked_mul(*factor));
        let kilobits = kilobits.filter(|kilobits| *kilobits <= Self::MAX.kilobits.get());
        let kilobits = kilobits.ok_or_else(|| RateError::TooLarge(text.to_owned()))?;
        let kilobits = NonZeroU64::new(kilobits).ok_or(RateError::Zero)?;
        Ok(Self { kilobits })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kilobits = self.kilobits.get();
        let mut units = Self::UNITS.iter();
        let whole = units.find(|(_, factor)| kilobits.is_multiple_of(*factor));
        let (unit, factor) = whole.unwrap_or(&("kbit/s", 1));
        write!(f, "{} {unit}", kilobits / factor)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A rate of data, such as \"50 Mbit/s\".",
            "type": "string",
            "pattern": r"^\d+\s*[kKmMgG][bB][iI][tT]/[sS]$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_shown() {
        for (text, bytes, shown) in [
            ("50 Mbit/s", 6_250_000, "50 Mbit/s"),
            ("50mbit/s", 6_250_000, "50 Mbit/s"),
            ("1 kbit/s", 125, "1 kbit/s"),
            ("1500 kbit/s", 187_500, "1500 kbit/s"),
            ("2000 Mbit/s", 250_000_000, "2 Gbit/s"),
            ("1000Gbit/s", 125_000_000_000, "1000 Gbit/s"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(
                (rate.bytes_per_second(), &*rate.to_string()),
                (bytes, shown)
            );
            assert_eq!(shown.parse(), Ok(rate));
        }
    }

    #[test]
    fn what_is_no_rate() {
        let syntax = [
            "",
            "50",
            "Mbit/s",
            "5.5 Mbit/s",
            "-1 kbit/s",
            "50 MB/s",
            "ä",
            "+5 kbit/s",
        ];
        for text in syntax {
            let expected = RateError::Syntax(text.to_owned());
            assert_eq!(text.parse::<Rate>(), Err(expected));
        }
        assert_eq!("0 Gbit/s".parse::<Rate>(), Err(RateError::Zero));
        for text in ["1001 Gbit/s", "99999999999999999999 kbit/s"] {
            let expected = RateError::TooLarge(text.to_owned());
            assert_eq!(text.parse::<Rate>(), Err(expected));
        }
    }
}

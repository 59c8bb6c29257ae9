//! How much an uplink may carry in a month, and what it is from then on.

use schemars::JsonSchema;
use serde::Serialize;

use crate::data_size::DataSize;
use crate::errors::Problem;
use crate::reader::Table;

/// A monthly limit of data. Without the key `monthly_cap` there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cap {
    /// How much the uplink may carry in a month, both ways together; at least 1MB.
    #[serde(rename = "monthly_cap")]
    pub monthly: DataSize,
    /// What the uplink is once that is used up.
    #[serde(default, rename = "after_cap")]
    pub after: AfterCap,
    /// The day of the month (UTC) from which on it is counted anew.
    #[serde(default, rename = "cap_resets_on")]
    pub resets_on: DayOfMonth,
}

/// What an uplink is once its cap is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AfterCap {
    /// It carries only while no active uplink works.
    #[default]
    Backup,
    /// It carries nothing until the next month.
    Off,
}

/// A day that every month has: 1 to 28.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct DayOfMonth(#[schemars(range(min = 1, max = 28))] u8);

impl DayOfMonth {
    const LAST: u8 = 28;

    /// The day, counted from 1; `None` for one that not every month has.
    pub fn new(day: u8) -> Option<Self> {
        (1..=Self::LAST).contains(&day).then_some(Self(day))
    }

    /// The day, counted from 1.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl Default for DayOfMonth {
    /// The first.
    fn default() -> Self {
        Self(1)
    }
}

impl Cap {
    /// Reads the keys of an uplink's table that are about its cap.
    pub(crate) fn read(table: &Table<'_>) -> Option<Self> {
        let monthly = table.get("monthly_cap");
        let (after, resets_on) = (table.get("after_cap"), table.get("cap_resets_on"));
        if monthly.is_none() {
            for detail in [&after, &resets_on].into_iter().flatten() {
                detail.add(Problem::WithoutCap);
            }
        }
        let words = [("backup", AfterCap::Backup), ("off", AfterCap::Off)];
        let after = after.and_then(|item| item.word(&words));
        let day = resets_on.and_then(|item| item.integer(1, DayOfMonth::LAST.into()));
        let day = day.and_then(|day| DayOfMonth::new(u8::try_from(day).ok()?));
        let monthly = monthly?.value(str::parse)?;
        Some(Self {
            monthly: monthly.value,
            after: after.unwrap_or_default(),
            resets_on: day.unwrap_or_default(),
        })
    }
}

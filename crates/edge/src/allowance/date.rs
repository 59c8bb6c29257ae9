//! Days of the calendar, in UTC.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use settings::edge::DayOfMonth;

/// A day, written as `2026-12-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Date {
    // In the order in which days are compared.
    year: u16,
    /// 1 to 12.
    month: u8,
    /// 1 to 31.
    day: u8,
}

/// The text is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no day such as 2026-12-01")]
pub struct DateError(String);

impl Date {
    /// The day of a moment; February 1st of 1970 for any before, when no clock is right.
    pub fn of(moment: SystemTime) -> Self {
        let since = moment.duration_since(SystemTime::UNIX_EPOCH);
        let since = since.unwrap_or_default().clamp(EARLIEST, LATEST);
        let text = humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since).to_string();
        let day = text.split('T').next().unwrap_or_default();
        day.parse().expect("RFC 3339 begins with the day")
    }

    /// The last day up to this one, itself included, that has this number in its month.
    pub fn last(self, day: DayOfMonth) -> Self {
        let month = match self.day >= day.get() {
            true => self,
            false => self.previous_month(),
        };
        Self {
            day: day.get(),
            ..month
        }
    }

    /// The same day of the next month, which must have it.
    pub fn next_month(self) -> Self {
        match self.month {
            12 => Self {
                year: self.year + 1,
                month: 1,
                ..self
            },
            month => Self {
                month: month + 1,
                ..self
            },
        }
    }

    fn previous_month(self) -> Self {
        match self.month {
            1 => Self {
                year: self.year - 1,
                month: 12,
                ..self
            },
            month => Self {
                month: month - 1,
                ..self
            },
        }
    }
}

/// The first day whose month before begins on one that humantime reads.
const EARLIEST: Duration = Duration::from_secs(31 * 24 * 3600);

/// The end of the year 9999, the last that RFC 3339 has.
const LATEST: Duration = Duration::from_secs(253_402_300_799);

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        // humantime knows the lengths of months, and takes a time only.
        let read = || {
            humantime::parse_rfc3339(&format!("{text}T00:00:00Z")).ok()?;
            let mut parts = text.split('-');
            let year = parts.next()?.parse().ok()?;
            let month = parts.next()?.parse().ok()?;
            let day = parts.next()?.parse().ok()?;
            Some(Self { year, month, day })
        };
        read().ok_or_else(|| DateError(text.to_owned()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

impl TryFrom<String> for Date {
    type Error = DateError;

    fn try_from(text: String) -> Result<Self, DateError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn day(day: u8) -> DayOfMonth {
        DayOfMonth::new(day).unwrap()
    }

    #[test]
    fn moments_have_days() {
        for (moment, is) in [
            ("1970-01-01T00:00:00Z", "1970-02-01"),
            ("1970-02-02T00:00:00Z", "1970-02-02"),
            ("2026-11-30T23:59:59Z", "2026-11-30"),
            ("2026-12-01T00:00:00Z", "2026-12-01"),
            ("2028-02-29T12:00:00Z", "2028-02-29"),
        ] {
            let moment = humantime::parse_rfc3339(moment).unwrap();
            assert_eq!(Date::of(moment), date(is));
            assert_eq!(Date::of(moment).to_string(), is);
        }
        let hour = Duration::from_secs(3600);
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(Date::of(epoch - hour), date("1970-02-01"));
        assert_eq!(Date::of(epoch + LATEST + hour), date("9999-12-31"));
    }

    #[test]
    fn months_begin_on_a_day() {
        for (today, on, began, ends) in [
            ("2026-11-27", 1, "2026-11-01", "2026-12-01"),
            ("2026-12-01", 1, "2026-12-01", "2027-01-01"),
            ("2026-12-31", 28, "2026-12-28", "2027-01-28"),
            ("2027-01-27", 28, "2026-12-28", "2027-01-28"),
            ("2028-02-29", 28, "2028-02-28", "2028-03-28"),
            ("1970-02-01", 28, "1970-01-28", "1970-02-28"),
        ] {
            let last = date(today).last(day(on));
            assert_eq!((last, last.next_month()), (date(began), date(ends)));
        }
    }

    #[test]
    fn what_is_no_day() {
        for text in [
            "",
            "2026-11",
            "2026-11-31",
            "2027-02-29",
            "2026-13-01",
            "26-11-01",
            "2026-11-01T",
            "tomorrow",
        ] {
            assert_eq!(text.parse::<Date>(), Err(DateError(text.to_owned())));
        }
    }
}

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::profile::{Fraction, Profile, QueueLimit, Rate};

/// Why a text is no link profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseProfileError {
    /// The text does not begin with a rate or with the name of a standard link.
    #[error(
        "`{0}` is no link: begin with `vdsl`, `lte`, or a rate such as `20mbit` or `40mbit/10mbit` (down/up)"
    )]
    Beginning(String),
    /// A time without a known unit.
    #[error("`{0}` is no time: write a number and `us`, `ms` or `s`, such as `300ms`")]
    Time(String),
    /// A share that is not between 0 % and 100 %.
    #[error("`{0}` is no share: write a percentage from `0%` to `100%`, such as `0.5%`")]
    Share(String),
    /// A queue length without a known unit.
    #[error("`{0}` is no queue length: write bytes such as `64kb`, or a time such as `100ms`")]
    Queue(String),
    /// A seed that is not a number.
    #[error("`{0}` is no seed: write a whole number from 0 to 2^64 - 1")]
    Seed(String),
    /// A key that profiles do not have.
    #[error("a link has no `{0}`: known are `jitter`, `loss`, `reorder`, `queue` and `seed`")]
    Key(String),
}

/// Parts between commas. The first is `vdsl`, `lte`, a rate for both directions (`20mbit`) or the
/// rates down and up (`40mbit/10mbit`). Then, in any order: the round trip, half of it each way
/// (`300ms`; without it 0); and for each direction `jitter=5ms`, `loss=0.5%`, `reorder=1%`,
/// `queue=100ms` or `queue=64kb`; and `seed=7`.
///
/// Rates take `kbit`, `mbit` and `gbit` (powers of 1000), times `us`, `ms` and `s`, bytes `b`, `kb`
/// and `mb` (powers of 1000).
impl FromStr for Profile {
    type Err = ParseProfileError;

    fn from_str(text: &str) -> Result<Self, ParseProfileError> {
        let mut parts = text.split(',').map(str::trim);
        let mut profile = beginning(parts.next().unwrap_or_default())?;
        for part in parts {
            match part.split_once('=') {
                Some((key, value)) => set(&mut profile, key.trim(), value.trim())?,
                None => {
                    let half = time(part)? / 2;
                    (profile.down.delay, profile.up.delay) = (half, half);
                }
            }
        }
        Ok(profile)
    }
}

/// The shortest text that gives the same profile again, if both directions have the same faults;
/// those of the way down otherwise.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (down, up) = (self.down, self.up);
        write!(f, "{}", RateText(down.rate))?;
        if up.rate != down.rate {
            write!(f, "/{}", RateText(up.rate))?;
        }
        write!(f, ",{:?}", self.round_trip())?;
        if !down.jitter.is_zero() {
            write!(f, ",jitter={:?}", down.jitter)?;
        }
        if down.loss != Fraction::ZERO {
            write!(f, ",loss={}%", percent(down.loss))?;
        }
        if down.reorder != Fraction::ZERO {
            write!(f, ",reorder={}%", percent(down.reorder))?;
        }
        if down.queue != QueueLimit::DEFAULT {
            match down.queue {
                QueueLimit::Bytes(bytes) => write!(f, ",queue={bytes}b")?,
                QueueLimit::Time(time) => write!(f, ",queue={time:?}")?,
            }
        }
        if self.seed != Self::DEFAULT_SEED {
            write!(f, ",seed={}", self.seed)?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Profile {
    type Error = ParseProfileError;

    fn try_from(text: String) -> Result<Self, ParseProfileError> {
        text.parse()
    }
}

impl From<Profile> for String {
    fn from(profile: Profile) -> Self {
        profile.to_string()
    }
}

fn beginning(part: &str) -> Result<Profile, ParseProfileError> {
    match part {
        "vdsl" => return Ok(Profile::vdsl()),
        "lte" => return Ok(Profile::lte()),
        _ => {}
    }
    let (down, up) = part.split_once('/').unwrap_or((part, part));
    match (rate(down), rate(up)) {
        (Some(down), Some(up)) => Ok(Profile::asymmetric(down, up, Duration::ZERO)),
        _ => Err(ParseProfileError::Beginning(part.to_owned())),
    }
}

fn set(profile: &mut Profile, key: &str, value: &str) -> Result<(), ParseProfileError> {
    let (down, up) = (&mut profile.down, &mut profile.up);
    match key {
        "jitter" => {
            down.jitter = time(value)?;
            up.jitter = down.jitter;
        }
        "loss" => {
            down.loss = share(value)?;
            up.loss = down.loss;
        }
        "reorder" => {
            down.reorder = share(value)?;
            up.reorder = down.reorder;
        }
        "queue" => {
            down.queue = queue(value)?;
            up.queue = down.queue;
        }
        "seed" => {
            let seed = value.parse();
            profile.seed = seed.map_err(|_| ParseProfileError::Seed(value.to_owned()))?;
        }
        _ => return Err(ParseProfileError::Key(key.to_owned())),
    }
    Ok(())
}

fn rate(text: &str) -> Option<Rate> {
    let units = [("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9), ("bit", 1.0)];
    let bits = number_with_unit(text, &units)?;
    // A terabit per second is beyond any emulation and keeps the cast exact.
    (1.0..=1e12)
        .contains(&bits)
        .then(|| Rate::bits_per_second(bits.round() as u64))
}

fn time(text: &str) -> Result<Duration, ParseProfileError> {
    let units = [
        ("us", 1e-6),
        ("µs", 1e-6),
        ("ms", 1e-3),
        ("ns", 1e-9),
        ("s", 1.0),
    ];
    number_with_unit(text, &units)
        .filter(|seconds| *seconds <= 3600.0)
        .map(Duration::from_secs_f64)
        .ok_or_else(|| ParseProfileError::Time(text.to_owned()))
}

fn share(text: &str) -> Result<Fraction, ParseProfileError> {
    number_with_unit(text, &[("%", 0.01)])
        .and_then(Fraction::new)
        .ok_or_else(|| ParseProfileError::Share(text.to_owned()))
}

fn queue(text: &str) -> Result<QueueLimit, ParseProfileError> {
    if let Some(bytes) = number_with_unit(text, &[("kb", 1e3), ("mb", 1e6), ("b", 1.0)]) {
        return Ok(QueueLimit::Bytes(bytes.round() as u64));
    }
    time(text)
        .map(QueueLimit::Time)
        .map_err(|_| ParseProfileError::Queue(text.to_owned()))
}

/// A finite number ≥ 0 times its unit. Longer units must stand before those that they end with.
fn number_with_unit(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let (number, factor) = units
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    let number: f64 = number.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number * factor)
}

/// To six places: hides that 7 % is 7.000000000000001 in binary.
fn percent(share: Fraction) -> f64 {
    (share.get() * 1e8).round() / 1e6
}

/// A rate with the largest unit that keeps it whole.
struct RateText(Rate);

impl fmt::Display for RateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.get() {
            bits if bits % 1_000_000 == 0 => write!(f, "{}mbit", bits / 1_000_000),
            bits if bits % 1_000 == 0 => write!(f, "{}kbit", bits / 1_000),
            bits => write!(f, "{bits}bit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_profile() {
        let profile: Profile =
            "20mbit, 300ms, loss=0.5%, jitter=3ms, reorder=2%, queue=64kb, seed=7"
                .parse()
                .unwrap();
        assert_eq!(profile.down, profile.up);
        assert_eq!(profile.down.rate, Rate::mbit(20));
        assert_eq!(profile.down.delay, Duration::from_millis(150));
        assert_eq!(profile.down.loss.get(), 0.005);
        assert_eq!(profile.down.jitter, Duration::from_millis(3));
        assert_eq!(profile.down.reorder.get(), 0.02);
        assert_eq!(profile.down.queue, QueueLimit::Bytes(64_000));
        assert_eq!(profile.seed, 7);
    }

    #[test]
    fn standard_links_can_be_changed() {
        let profile: Profile = "lte,loss=1%".parse().unwrap();
        assert_eq!(profile.down.rate, Rate::mbit(40));
        assert_eq!(profile.up.rate, Rate::mbit(20));
        assert_eq!(profile.round_trip(), Duration::from_millis(40));
        assert_eq!(profile.up.loss.get(), 0.01);
    }

    #[test]
    fn text_gives_the_same_profile_again() {
        for text in [
            "vdsl",
            "lte",
            "1gbit,0.5ms",
            "1.5mbit/300kbit,61us,queue=20ms",
            "20mbit,300ms,loss=0.5%,jitter=3ms,reorder=2%,queue=64kb,seed=7",
        ] {
            let profile: Profile = text.parse().unwrap();
            assert_eq!(
                profile.to_string().parse(),
                Ok(profile),
                "{text} → {profile}"
            );
        }
    }

    #[test]
    fn errors_name_the_part() {
        use ParseProfileError as E;
        let errors = [
            ("", E::Beginning(String::new())),
            ("300ms", E::Beginning("300ms".to_owned())),
            ("0mbit", E::Beginning("0mbit".to_owned())),
            ("-1mbit", E::Beginning("-1mbit".to_owned())),
            ("20mbit,300", E::Time("300".to_owned())),
            ("20mbit,300ms,loss=101%", E::Share("101%".to_owned())),
            ("20mbit,loss=0.5", E::Share("0.5".to_owned())),
            ("20mbit,queue=many", E::Queue("many".to_owned())),
            ("20mbit,seed=x", E::Seed("x".to_owned())),
            ("20mbit,speed=3", E::Key("speed".to_owned())),
        ];
        for (text, error) in errors {
            assert_eq!(text.parse::<Profile>(), Err(error), "{text}");
        }
    }

    #[test]
    fn capacity_of_the_standard_links() {
        let both = Profile::vdsl().down.payload_capacity().get()
            + Profile::lte().down.payload_capacity().get();
        assert_eq!(both / 100_000, 696);
    }
}

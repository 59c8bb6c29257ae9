//! Whole numbers with a unit, such as `16MiB`.

/// A unit's name and how many of the smallest unit it is worth.
pub(crate) type Unit = (&'static str, u64);

/// Reads a whole number that has one of the units behind it, with or without blanks in between. A unit that is
/// the end of another one's name comes after it.
pub(crate) fn parse(text: &str, units: &[Unit]) -> Option<u64> {
    let (number, factor) = units
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?.trim_end(), factor)))?;
    let digits_only = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    if !digits_only {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// The amount with the unit in which it is the smallest whole number. One of the units is worth 1.
pub(crate) fn show(amount: u64, units: &[Unit]) -> String {
    let whole = units
        .iter()
        .filter(|(_, factor)| amount > 0 && amount.is_multiple_of(*factor))
        .max_by_key(|(_, factor)| *factor);
    let (unit, factor) = whole.unwrap_or(&("B", 1));
    format!("{}{unit}", amount / factor)
}

//! Pieces of a status as text.

use std::fmt::Write as _;

use serde_json::Value;

/// Rows with columns as wide as their widest cell, in characters.
pub fn write_table(rows: Vec<Vec<String>>, out: &mut String) {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in &rows {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("  {cell:width$}"));
        let line: String = cells.collect();
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

/// The items of a list; none of anything else.
pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A text; a question mark for anything else.
pub fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

/// A number of bytes in binary units.
pub fn bytes(value: &Value) -> String {
    with_unit(value, 1024.0, ["B", "KiB", "MiB", "GiB", "TiB"])
}

/// A number of bytes in decimal units, which tariffs have.
pub fn decimal_bytes(value: &Value) -> String {
    with_unit(value, 1000.0, ["B", "KB", "MB", "GB", "TB"])
}

fn with_unit(value: &Value, step: f64, units: [&str; 5]) -> String {
    let mut size = value.as_f64().unwrap_or_default();
    let mut unit = 0;
    while size >= step && unit + 1 < units.len() {
        size /= step;
        unit += 1;
    }
    if unit == 0 {
        format!("{size} B")
    } else {
        format!("{size:.1} {}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_have_the_unit_that_fits() {
        let text = |size: u64| bytes(&json!(size));
        assert_eq!(text(0), "0 B");
        assert_eq!(text(1023), "1023 B");
        assert_eq!(text(1024), "1.0 KiB");
        assert_eq!(text(5 << 40), "5.0 TiB");
        let text = |size: u64| decimal_bytes(&json!(size));
        assert_eq!(text(999), "999 B");
        assert_eq!(text(50_000_000_000), "50.0 GB");
    }
}

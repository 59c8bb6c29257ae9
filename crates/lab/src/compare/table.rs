//! The result as text and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

use super::peer::Peer;
use super::row::{ENCRYPTION, Row};
use super::{Cell, Comparison};

impl Comparison {
    /// `{"rows": {KEY: {"manypath": NUMBER or null, …}}}`
    #[must_use]
    pub fn to_json(&self) -> Value {
        let row = |(row, cells): (&Row, &BTreeMap<Peer, Cell>)| {
            let value = |peer: Peer| cells.get(&peer).and_then(|cell| cell.as_ref().ok());
            let cells = Peer::ALL.map(|peer| (peer.key().to_owned(), json!(value(peer))));
            (
                row.key().to_owned(),
                Value::Object(cells.into_iter().collect()),
            )
        };
        json!({ "rows": self.rows.iter().map(row).collect::<Map<_, _>>() })
    }

    /// What was special about this run, and why cells are empty: each reason once, with the rows that
    /// it is for.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut reasons: BTreeMap<(Peer, &str), Vec<&str>> = BTreeMap::new();
        for (row, cells) in &self.rows {
            for (peer, cell) in cells {
                if let Err(reason) = cell {
                    reasons.entry((*peer, reason)).or_default().push(row.key());
                }
            }
        }
        let note = |((peer, reason), rows): ((Peer, &str), Vec<&str>)| {
            format!("{peer}, {}: {reason}", rows.join(", "))
        };
        let reasons = reasons.into_iter().map(note);
        self.remarks.iter().cloned().chain(reasons).collect()
    }
}

/// The table: each value, and in brackets how many times better Manypath's is.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:24}", "")?;
        for peer in Peer::ALL {
            write!(f, "{:>width$}", peer.key(), width = width(peer))?;
        }
        writeln!(f)?;
        for (row, cells) in &self.rows {
            write!(f, "{row:24}")?;
            for peer in Peer::ALL {
                write!(
                    f,
                    "{:>width$}",
                    cell(*row, cells, peer),
                    width = width(peer)
                )?;
            }
            writeln!(f)?;
        }
        writeln!(f, "\n(×N): Manypath's value is N times better.")?;
        for note in self.notes() {
            writeln!(f, "- {note}")?;
        }
        writeln!(f, "\nHow it was measured: {ENCRYPTION}.")?;
        self.rows
            .keys()
            .try_for_each(|row| writeln!(f, "- {row}: {}", row.definition()))
    }
}

const fn width(peer: Peer) -> usize {
    if matches!(peer, Peer::Manypath) {
        12
    } else {
        20
    }
}

fn cell(row: Row, cells: &BTreeMap<Peer, Cell>, peer: Peer) -> String {
    let value = |peer| {
        cells
            .get(&peer)
            .and_then(|cell| cell.as_ref().ok())
            .copied()
    };
    match (value(peer), value(Peer::Manypath)) {
        (None, _) => "-".to_owned(),
        (Some(theirs), Some(ours)) if peer != Peer::Manypath => {
            let factor = row.better().factor(ours, theirs);
            // No factor tells how much better than nothing something is.
            let factor = Some(factor).filter(|factor| factor.is_finite() && *factor > 0.0);
            let factor = factor.map_or(String::new(), |factor| format!(" (×{})", short(factor)));
            format!("{}{factor:>9}", short(theirs))
        }
        (Some(value), _) => short(value),
    }
}

/// Three digits that count.
fn short(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison() -> Comparison {
        let cells = |manypath: Cell, prototype: Cell| {
            let direct = Err("has no hub".to_owned());
            BTreeMap::from([
                (Peer::Manypath, manypath),
                (Peer::Prototype, prototype),
                (Peer::Direct, direct),
            ])
        };
        Comparison {
            rows: BTreeMap::from([
                (Row::FirstByte, cells(Ok(20.0), Ok(64.0))),
                (Row::Exchanges, cells(Ok(3000.0), Err("broke".to_owned()))),
                (Row::CarrierLoss, cells(Ok(0.0), Ok(1.5))),
            ]),
            remarks: vec!["first_byte_ms: only once".to_owned()],
        }
    }

    #[test]
    fn json_has_a_value_or_null_for_each_peer() {
        let expected = json!({"rows": {
            "first_byte_ms": {"manypath": 20.0, "prototype": 64.0, "shadowsocks": null, "direct": null},
            "exchanges_per_s": {"manypath": 3000.0, "prototype": null, "shadowsocks": null, "direct": null},
            "carrier_loss_s": {"manypath": 0.0, "prototype": 1.5, "shadowsocks": null, "direct": null},
        }});
        assert_eq!(comparison().to_json(), expected);
    }

    #[test]
    fn the_table_has_values_factors_and_reasons() {
        let text = comparison().to_string();
        let mut lines = text.lines();
        assert_eq!(
            lines.next().unwrap().split_whitespace().collect::<Vec<_>>(),
            ["manypath", "prototype", "shadowsocks", "direct"]
        );
        let words = |line: &str| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            words(lines.next().unwrap()),
            ["first_byte_ms", "20.0", "64.0", "(×3.20)", "-", "-"]
        );
        assert_eq!(
            words(lines.next().unwrap()),
            ["carrier_loss_s", "0.00", "1.50", "-", "-"]
        );
        assert_eq!(
            words(lines.next().unwrap()),
            ["exchanges_per_s", "3000", "-", "-", "-"]
        );
        assert!(text.contains("- first_byte_ms: only once\n- prototype, exchanges_per_s: broke\n"));
        assert!(
            text.contains("- direct, first_byte_ms, carrier_loss_s, exchanges_per_s: has no hub\n")
        );
        assert!(text.contains("- first_byte_ms: same links, 1 KB"));
    }
}

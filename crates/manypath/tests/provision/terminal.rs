//! The QR code, which is for terminals only.

use std::process::Command;

use crate::place::{PROGRAM, Place, Said, link_in};

/// Characters of which a code is made.
const BLOCKS: [char; 3] = ['█', '▀', '▄'];

/// On a terminal that script(1) makes.
fn on_a_terminal(place: &Place, words: &str) -> Said {
    let settings = place.path("hub.toml");
    let line = format!("{PROGRAM} hub {words} --settings {}", settings.display());
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    Said::of(script)
}

#[test]
fn on_a_terminal_the_link_is_a_code_too() {
    let place = Place::new();
    let said = on_a_terminal(&place, "init --host hub.example");
    assert_eq!(said.code, 0, "{}", said.out);
    let rows: Vec<&str> = said
        .out
        .lines()
        .filter(|line| line.contains(BLOCKS))
        .collect();
    let blank = |c: &char| BLOCKS.contains(c) || *c == ' ';
    let widths = rows.iter().map(|row| {
        let row = row.trim().trim_start_matches("\u{1b}[97;40m");
        row.trim_end_matches("\u{1b}[0m")
            .chars()
            .filter(blank)
            .count()
    });
    let widths: Vec<usize> = widths.collect();
    // Versions have 17 + 4 n modules on a side; the quiet zone has 4 on each.
    let width = widths[0];
    assert!(widths.iter().all(|it| *it == width), "{widths:?}");
    assert_eq!((width - 8 - 17) % 4, 0, "{width}");
    assert_eq!(rows.len(), width.div_ceil(2));
    assert_eq!(
        link_in(&said.out).destination.to_string(),
        "hub.example:443"
    );
    let said = on_a_terminal(&place, "user add bob");
    assert!(said.out.contains(BLOCKS), "{}", said.out);
}

#[test]
fn elsewhere_there_is_no_code() {
    let place = Place::new();
    let said = place.hub(&["init", "--host", "hub.example"]);
    assert!(
        !said.out.contains(BLOCKS) && !said.out.contains('\u{1b}'),
        "{}",
        said.out
    );
    let said = on_a_terminal(&place, "user add bob --json");
    assert!(!said.out.contains(BLOCKS), "{}", said.out);
    assert_eq!(said.link(), link_in(&said.out.replace('"', " ")));
}

//! A QR code for the terminal: two modules in a character cell, one above the other.

use qrcode::{Color, EcLevel, QrCode};

/// Blank modules around the code, which ISO/IEC 18004 asks for.
const QUIET: usize = 4;

/// The text as a QR code, a line of characters for two rows of modules; `None` if it is too long for one.
///
/// Light modules are white characters on black, whatever the terminal's colours are: not every reader takes
/// a code with the colours swapped.
pub fn render(text: &str) -> Option<String> {
    // A screen is not torn or dirty, so the least redundancy will do, and the code stays small.
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = code.width();
    let light = |x: usize, y: usize| {
        let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < width);
        match (inside(x), inside(y)) {
            (Some(x), Some(y)) => code[(x, y)] == Color::Light,
            _ => true,
        }
    };
    let size = width + 2 * QUIET;
    let line = |y: usize| {
        let cells = (0..size).map(|x| match (light(x, y), light(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        });
        format!("\x1b[97;40m{}\x1b[0m\n", cells.collect::<String>())
    };
    Some((0..size).step_by(2).map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The modules of a rendered code, quiet zone included: whether each is dark.
    fn modules(rendered: &str) -> Vec<Vec<bool>> {
        let lines = rendered.lines().flat_map(|line| {
            let line = line.trim_start_matches("\x1b[97;40m");
            let line = line.trim_end_matches("\x1b[0m");
            let row = |light: [char; 2]| line.chars().map(|c| !light.contains(&c)).collect();
            [row(['█', '▀']), row(['█', '▄'])]
        });
        lines.collect()
    }

    #[test]
    fn the_characters_are_the_modules_of_the_code() {
        let link = format!(
            "manypath://{}@hub.example:443/?pin={}",
            "s".repeat(43),
            "p".repeat(43)
        );
        let rendered = render(&link).expect("it fits");
        let modules = modules(&rendered);
        let code = QrCode::with_error_correction_level(&link, EcLevel::L).expect("it fits");
        let size = code.width() + 2 * QUIET;
        assert!(size <= 60, "it fits on a terminal of 80 columns: {size}");
        // The number of rows is odd, so there is half a line more.
        assert_eq!(modules.len(), size + 1);
        for (y, row) in modules.iter().enumerate() {
            assert_eq!(row.len(), size);
            for (x, dark) in row.iter().enumerate() {
                let within = |at: usize| (QUIET..size - QUIET).contains(&at);
                let expected =
                    within(x) && within(y) && code[(x - QUIET, y - QUIET)] == Color::Dark;
                assert_eq!(*dark, expected, "{x}, {y}");
            }
        }
    }

    #[test]
    fn a_text_that_is_too_long_has_no_code() {
        assert_eq!(render(&"x".repeat(3000)), None);
    }
}

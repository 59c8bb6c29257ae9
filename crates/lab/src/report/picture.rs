//! Drawings as an SVG file of their own, with title, legend and colours inside: for a README.

use std::fmt::Write as _;

use super::html::escape;
use super::{Bars, Chart, bars, chart};

const STYLE: &str = concat!(include_str!("colours.css"), include_str!("drawing.css"));

/// A file with drawings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Picture {
    /// What stands above.
    pub title: String,
    /// All of one size and with one legend, from left to right and then down.
    pub charts: Vec<Chart>,
    /// Below those.
    pub bars: Option<Bars>,
}

const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 20.0;
const TITLE: f64 = 52.0;
const LEGEND: f64 = 30.0;
/// For a chart's own title.
const CAPTION: f64 = 24.0;
/// Beside the half of a page that a chart takes.
const COLUMN: f64 = 480.0;

impl Picture {
    /// The file.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let (mut body, mut y) = (String::new(), TITLE);
        if let Some(first) = self.charts.first() {
            legend(first, y, &mut body);
            y += LEGEND;
            let (width, height) = first.size.pixels();
            let columns = ((WIDTH - 2.0 * MARGIN) / width).floor().max(1.0) as usize;
            for row in self.charts.chunks(columns) {
                for (column, drawing) in row.iter().enumerate() {
                    placed_chart(drawing, MARGIN + column as f64 * COLUMN, y, &mut body);
                }
                y += CAPTION + height;
            }
        }
        if let Some(drawing) = &self.bars {
            let _ = writeln!(
                body,
                "<g class=\"bars\" transform=\"translate({MARGIN} {y})\">"
            );
            bars::draw_inside(drawing, &mut body);
            body += "</g>\n";
            y += bars::height(drawing);
        }
        let (height, title) = (y + MARGIN, escape(&self.title));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"{title}\">\n\
             <style>\n{STYLE}.title {{ font-size: 19px; font-weight: 650; fill: var(--ink); }}\n\
             .caption {{ font-size: 15px; font-weight: 600; fill: var(--ink); }}\n\
             .paper {{ fill: var(--card); stroke: var(--hair); }}\n</style>\n\
             <rect class=\"paper\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"10\"/>\n\
             <text x=\"{MARGIN}\" y=\"34\" class=\"title\">{title}</text>\n{body}</svg>\n",
            WIDTH - 1.0,
            height - 1.0
        )
    }
}

fn placed_chart(drawing: &Chart, x: f64, y: f64, out: &mut String) {
    let title = escape(&drawing.title);
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{:.0}\" class=\"caption\">{title}</text>\n<g transform=\"translate({x} {:.0})\">",
        y + 16.0,
        y + CAPTION
    );
    chart::draw_inside(drawing, out);
    *out += "</g>\n";
}

/// Names behind patches of their colours. How wide a name is can only be guessed: 7.5 pixels a
/// character.
fn legend(drawing: &Chart, y: f64, out: &mut String) {
    let mut x = MARGIN;
    for (class, name) in drawing.keys() {
        let shape = if class == "line" {
            format!("<path class=\"line\" d=\"M{x} {0:.0}h16\"/>", y + 8.0)
        } else {
            format!(
                "<rect class=\"area {class}\" x=\"{x}\" y=\"{y}\" width=\"14\" height=\"14\" rx=\"3\"/>"
            )
        };
        let text = escape(name);
        let _ = writeln!(
            out,
            "{shape}<text x=\"{}\" y=\"{:.0}\">{text}</text>",
            x + 22.0,
            y + 12.0
        );
        x += 22.0 + 7.5 * name.chars().count() as f64 + 20.0;
    }
}

//! Bars beside each other, with the span that the middle half of the values lies in.

use std::fmt::Write as _;

use super::html::escape;
use super::scale::{plain, ticks};

/// Horizontal bars in groups, all with one scale.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bars {
    /// What it shows, for those who can't see it.
    pub label: String,
    /// The unit of the values.
    pub unit: String,
    /// From top to bottom.
    pub groups: Vec<BarGroup>,
}

/// Bars of the same thing.
#[derive(Debug, Clone, PartialEq)]
pub struct BarGroup {
    /// What they are.
    pub name: String,
    /// From top to bottom.
    pub bars: Vec<Bar>,
}

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// What it belongs to.
    pub name: String,
    /// Stands out from the others.
    pub is_ours: bool,
    /// Its length.
    pub value: f64,
    /// The lower and the upper quartile.
    pub quartiles: Option<(f64, f64)>,
    /// The value as text, with its unit.
    pub text: String,
}

const WIDTH: f64 = 960.0;
const LEFT: f64 = 190.0;
/// Room for the value behind the longest bar.
const RIGHT: f64 = 90.0;
const LINE: f64 = 24.0;
const HEAD: f64 = 30.0;
const FOOT: f64 = 40.0;

pub(super) fn draw(bars: &Bars, out: &mut String) {
    let (height, label) = (height(bars), escape(&bars.label));
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{label}\" class=\"bars\">"
    );
    draw_inside(bars, out);
    *out += "</svg>\n";
}

/// In pixels, of [`WIDTH`] ones.
pub(super) fn height(bars: &Bars) -> f64 {
    let groups = bars.groups.iter();
    let lines = groups.map(|group| HEAD + LINE * group.bars.len() as f64);
    lines.sum::<f64>() + FOOT
}

/// The same without the element around it.
pub(super) fn draw_inside(bars: &Bars, out: &mut String) {
    let all = bars.groups.iter().flat_map(|group| &group.bars);
    let ends = all.map(|bar| bar.quartiles.map_or(bar.value, |it| it.1.max(bar.value)));
    let canvas = Canvas {
        top: ends.fold(0.0, f64::max),
        bottom: height(bars) - FOOT,
    };
    canvas.axis(&bars.unit, out);
    let mut y = 0.0;
    for group in &bars.groups {
        let name = escape(&group.name);
        let _ = writeln!(
            out,
            "<text x=\"0\" y=\"{:.0}\" class=\"group\">{name}</text>",
            y + HEAD - 9.0
        );
        y += HEAD;
        for bar in &group.bars {
            canvas.bar(bar, y, out);
            y += LINE;
        }
    }
}

struct Canvas {
    top: f64,
    bottom: f64,
}

impl Canvas {
    fn axis(&self, unit: &str, out: &mut String) {
        *out += "<g class=\"axes\">\n";
        for value in ticks(self.top, 8) {
            let (x, text) = (self.x(value), plain(value));
            let _ = writeln!(
                out,
                "<line x1=\"{x:.1}\" y1=\"{HEAD}\" x2=\"{x:.1}\" y2=\"{bottom:.0}\"/><text x=\"{x:.1}\" y=\"{y:.0}\" class=\"middle\">{text}</text>",
                bottom = self.bottom,
                y = self.bottom + 18.0
            );
        }
        let _ = writeln!(
            out,
            "<text x=\"{WIDTH}\" y=\"{:.0}\" class=\"end\">{}</text>\n</g>",
            self.bottom + 18.0,
            escape(unit)
        );
    }

    fn bar(&self, bar: &Bar, y: f64, out: &mut String) {
        let (name, text) = (escape(&bar.name), escape(&bar.text));
        let class = if bar.is_ours { "ours" } else { "other" };
        let (middle, end) = (y + LINE / 2.0, self.x(bar.value));
        let _ = writeln!(
            out,
            "<text x=\"{x}\" y=\"{base:.1}\" class=\"end name\">{name}</text><rect class=\"{class}\" x=\"{LEFT}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height}\"/>",
            x = LEFT - 10.0,
            base = middle + 4.5,
            top = y + 3.0,
            width = end - LEFT,
            height = LINE - 6.0
        );
        let mut behind = end;
        if let Some((low, high)) = bar.quartiles {
            let (low, high) = (self.x(low), self.x(high));
            behind = behind.max(high);
            let _ = writeln!(
                out,
                "<path class=\"spread\" d=\"M{low:.1} {middle:.1}H{high:.1}M{low:.1} {up:.1}V{down:.1}M{high:.1} {up:.1}V{down:.1}\"/>",
                up = middle - 4.0,
                down = middle + 4.0
            );
        }
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
            behind + 8.0,
            middle + 4.5
        );
    }

    fn x(&self, value: f64) -> f64 {
        let share = if self.top > 0.0 {
            value / self.top
        } else {
            0.0
        };
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }
}

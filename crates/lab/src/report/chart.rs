//! A drawing of values over time, as SVG inside the page: it takes its colours from the page's style.

use std::fmt::Write as _;

use super::html::escape;
use super::scale::{plain, ticks};

/// Values over time: areas on top of each other, lines above, and marked moments.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chart {
    /// What it shows, for those who can't see it.
    pub label: String,
    /// What stands above it, if anything.
    pub title: String,
    /// How much room it takes.
    pub size: Size,
    /// The unit of the values.
    pub unit: String,
    /// Length of the time axis in seconds.
    pub seconds: f64,
    /// Top of the value axis. What is above is cut off.
    pub top: f64,
    /// Stacked, the first at the bottom.
    pub areas: Vec<Area>,
    /// Not stacked.
    pub lines: Vec<Line>,
    /// Limits.
    pub rules: Vec<Rule>,
    /// Moments.
    pub marks: Vec<Mark>,
}

/// How much room a chart takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Size {
    /// The whole width of a page.
    #[default]
    Wide,
    /// Half of it: two charts stand side by side.
    Half,
}

/// One of the stacked areas.
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    /// For the legend.
    pub name: String,
    /// Seconds and value, in order of time. All areas of a chart have the same times.
    pub points: Vec<(f64, f64)>,
}

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// For the legend.
    pub name: String,
    /// Seconds and value, in order of time.
    pub points: Vec<(f64, f64)>,
}

/// A horizontal limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its value.
    pub value: f64,
    /// What stands at it.
    pub label: String,
}

/// A marked moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Seconds.
    pub at: f64,
    /// What stands at it.
    pub label: String,
}

const LEFT: f64 = 48.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 40.0;
/// What the label of a mark is wide.
const LABEL: f64 = 90.0;

/// The drawing.
pub(super) fn draw(chart: &Chart, out: &mut String) {
    let (width, height) = chart.size.pixels();
    let label = escape(&chart.label);
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\">"
    );
    draw_inside(chart, out);
    *out += "</svg>\n";
}

/// The same without the element around it.
pub(super) fn draw_inside(chart: &Chart, out: &mut String) {
    let (width, height) = chart.size.pixels();
    let mut canvas = Canvas {
        chart,
        width,
        height,
        out,
    };
    canvas.axes();
    canvas.areas();
    canvas.lines();
    canvas.rules();
    canvas.marks();
}

/// What areas and lines are, as HTML.
pub(super) fn legend(chart: &Chart, out: &mut String) {
    *out += "<p class=\"legend\">";
    for (class, name) in chart.keys() {
        let name = escape(name);
        let _ = write!(out, "<span><i class=\"key {class}\"></i>{name}</span> ");
    }
    *out += "</p>\n";
}

impl Chart {
    /// The class of each area and line, and its name.
    pub(super) fn keys(&self) -> Vec<(String, &str)> {
        let areas = self.areas.iter().enumerate();
        let areas = areas.map(|(number, area)| (format!("s{number}"), area.name.as_str()));
        let lines = self.lines.iter();
        areas
            .chain(lines.map(|line| ("line".to_owned(), line.name.as_str())))
            .collect()
    }
}

impl Size {
    /// Width and height.
    pub(super) const fn pixels(self) -> (f64, f64) {
        match self {
            Self::Wide => (960.0, 300.0),
            Self::Half => (480.0, 190.0),
        }
    }

    /// How many numbers fit below it.
    const fn most_seconds(self) -> usize {
        match self {
            Self::Wide => 14,
            Self::Half => 8,
        }
    }
}

struct Canvas<'a> {
    chart: &'a Chart,
    width: f64,
    height: f64,
    out: &'a mut String,
}

impl Canvas<'_> {
    fn axes(&mut self) {
        let (right, bottom) = (self.width - RIGHT, self.height - BOTTOM);
        self.put(format_args!("<g class=\"axes\">\n"));
        for value in ticks(self.chart.top, 5) {
            let (y, text) = (self.y(value), plain(value));
            self.put(format_args!(
                "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/><text x=\"{x}\" y=\"{base:.1}\" class=\"end\">{text}</text>\n",
                x = LEFT - 8.0,
                base = y + 4.0
            ));
        }
        for second in ticks(self.chart.seconds, self.chart.size.most_seconds()) {
            let (x, text) = (self.x(second), plain(second));
            self.put(format_args!(
                "<text x=\"{x:.1}\" y=\"{y}\" class=\"middle\">{text}</text>\n",
                y = bottom + 18.0
            ));
        }
        let unit = escape(&self.chart.unit);
        self.put(format_args!(
            "<text x=\"{LEFT}\" y=\"14\" class=\"end\">{unit}</text><text x=\"{right}\" y=\"{y}\" class=\"end\">seconds</text>\n</g>\n",
            y = self.height - 6.0
        ));
    }

    fn areas(&mut self) {
        let Some(first) = self.chart.areas.first() else {
            return;
        };
        let mut below: Vec<(f64, f64)> = first.points.iter().map(|point| (point.0, 0.0)).collect();
        for (number, area) in self.chart.areas.iter().enumerate() {
            let stacked = below.iter().zip(&area.points);
            let upper: Vec<_> = stacked.map(|(low, own)| (own.0, low.1 + own.1)).collect();
            let outline = upper.iter().chain(below.iter().rev());
            let path = self.path(outline);
            self.put(format_args!(
                "<path class=\"area s{number}\" d=\"{path}Z\"/>\n"
            ));
            below = upper;
        }
    }

    fn lines(&mut self) {
        for line in &self.chart.lines {
            let path = self.path(line.points.iter());
            self.put(format_args!("<path class=\"line\" d=\"{path}\"/>\n"));
        }
    }

    fn rules(&mut self) {
        for rule in &self.chart.rules {
            let (y, right) = (self.y(rule.value), self.width - RIGHT);
            let label = escape(&rule.label);
            self.put(format_args!(
                "<g class=\"rule\"><line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/><text x=\"{right}\" y=\"{base:.1}\" class=\"end\">{label}</text></g>\n",
                base = y - 5.0
            ));
        }
    }

    fn marks(&mut self) {
        let places: Vec<f64> = self
            .chart
            .marks
            .iter()
            .map(|mark| self.x(mark.at))
            .collect();
        for (number, mark) in self.chart.marks.iter().enumerate() {
            let (x, bottom) = (places[number], self.height - BOTTOM);
            let label = escape(&mark.label);
            let is_near = |other: Option<&f64>| other.is_some_and(|it| (it - x).abs() < LABEL);
            // Labels of marks that are near each other go apart.
            let anchor = match number.checked_sub(1) {
                _ if is_near(places.get(number + 1)) => "end",
                Some(before) if is_near(places.get(before)) => "start",
                _ => "middle",
            };
            self.put(format_args!(
                "<g class=\"mark\"><line x1=\"{x:.1}\" y1=\"{y}\" x2=\"{x:.1}\" y2=\"{bottom}\"/><text x=\"{x:.1}\" y=\"14\" class=\"{anchor}\">{label}</text></g>\n",
                y = TOP - 6.0
            ));
        }
    }

    fn path<'p>(&self, points: impl Iterator<Item = &'p (f64, f64)>) -> String {
        let mut path = String::new();
        for (number, &(seconds, value)) in points.enumerate() {
            let command = if number == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.1} {:.1}", self.x(seconds), self.y(value));
        }
        path
    }

    fn x(&self, seconds: f64) -> f64 {
        let share = if self.chart.seconds > 0.0 {
            seconds / self.chart.seconds
        } else {
            0.0
        };
        LEFT + share.clamp(0.0, 1.0) * (self.width - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let share = if self.chart.top > 0.0 {
            value / self.chart.top
        } else {
            0.0
        };
        self.height - BOTTOM - share.clamp(0.0, 1.0) * (self.height - TOP - BOTTOM)
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a String can't fail.
        let _ = self.out.write_fmt(text);
    }
}

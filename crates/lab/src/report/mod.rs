//! Reports: one HTML file that needs no other, readable in light and in dark, well-formed as XML.

mod bars;
mod chart;
mod heat_map;
mod html;
mod picture;
mod scale;
#[cfg(test)]
mod tests;

pub use bars::{Bar, BarGroup, Bars};
pub use chart::{Area, Chart, Line, Mark, Rule, Size};
pub use heat_map::{Axis, Cell, Group, HeatMap};
pub use picture::Picture;

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What it is about.
    pub title: String,
    /// The result in a sentence or two.
    pub lead: String,
    /// The most important numbers.
    pub figures: Vec<Figure>,
    /// The rest.
    pub sections: Vec<Section>,
    /// Where and when it was measured.
    pub footer: String,
}

/// A number that stands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// The number with its unit.
    pub value: String,
    /// What it is.
    pub label: String,
}

/// A part of a page.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Section {
    /// Its heading.
    pub heading: String,
    /// A paragraph each.
    pub text: Vec<String>,
    /// Drawings below. Those of half a page stand side by side.
    pub charts: Vec<Chart>,
    /// Bars below.
    pub bars: Option<Bars>,
    /// A grid of values below.
    pub heat_map: Option<HeatMap>,
    /// Numbers below.
    pub table: Option<Table>,
}

/// Numbers in rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The headings of the columns.
    pub head: Vec<String>,
    /// As many cells in each as there are headings; the first one names the row.
    pub rows: Vec<Vec<String>>,
}

impl Report {
    /// The whole file.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::page(self)
    }
}

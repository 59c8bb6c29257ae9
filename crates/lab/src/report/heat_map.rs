//! A drawing of values by two times two properties: the colour says how far each is from neutral.

use std::fmt::Write as _;

use super::html::escape;
use super::scale::plain;

/// A grid of values. Low ones are marked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HeatMap {
    /// What it shows, for those who can't see it.
    pub label: String,
    /// What the columns are.
    pub columns: Axis,
    /// What the rows are.
    pub rows: Axis,
    /// One row after another, each with a cell for every column.
    pub cells: Vec<Vec<Cell>>,
    /// Where the colour changes, ascending. Values between the third and the fourth are neutral,
    /// those below the third are marked.
    pub limits: [f64; 6],
}

/// Columns or rows, in groups.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Axis {
    /// What the groups are, and what tells the members of a group apart.
    pub name: String,
    /// From the left, or from the top.
    pub groups: Vec<Group>,
}

/// Columns or rows that have something in common.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// What they have in common.
    pub name: String,
    /// What each is.
    pub members: Vec<String>,
}

/// One value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cell {
    /// `None` when it is not known.
    pub value: Option<f64>,
    /// What is shown to who points at it.
    pub detail: String,
}

const WIDTH: f64 = 960.0;
/// Room for the names of rows.
const LEFT: f64 = 140.0;
/// Room for the names of columns.
const TOP: f64 = 66.0;
/// Between two groups.
const GAP: f64 = 8.0;
const HEIGHT: f64 = 36.0;
/// A drawing of few columns does not fill the page.
const WIDEST: f64 = 88.0;

/// A place on an axis.
struct Place<'a> {
    at: f64,
    member: &'a str,
    /// With the first of its group: the group's name, and how far it reaches.
    group: Option<(&'a str, f64)>,
}

impl Axis {
    fn count(&self) -> usize {
        self.groups.iter().map(|group| group.members.len()).sum()
    }

    fn gaps(&self) -> f64 {
        GAP * self.groups.len().saturating_sub(1) as f64
    }

    fn places(&self, start: f64, size: f64) -> Vec<Place<'_>> {
        let mut places = Vec::new();
        let mut at = start;
        for group in &self.groups {
            let length = size * group.members.len() as f64;
            for (number, member) in group.members.iter().enumerate() {
                places.push(Place {
                    at: at + size * number as f64,
                    member,
                    group: (number == 0).then_some((group.name.as_str(), length)),
                });
            }
            at += length + GAP;
        }
        places
    }
}

impl HeatMap {
    /// From 0, the lowest, to 6.
    fn colour(&self, value: f64) -> usize {
        self.limits.iter().filter(|limit| value >= **limit).count()
    }

    fn is_low(&self, value: f64) -> bool {
        self.colour(value) < 3
    }

    /// What each colour stands for.
    fn ranges(&self) -> [String; 7] {
        let limits = self.limits.map(plain);
        std::array::from_fn(|colour| match colour {
            0 => format!("below {}", limits[0]),
            6 => format!("{} and more", limits[5]),
            _ => format!("{} to {}", limits[colour - 1], limits[colour]),
        })
    }
}

pub(super) fn draw(map: &HeatMap, out: &mut String) {
    Canvas { map, out }.draw();
}

struct Canvas<'a> {
    map: &'a HeatMap,
    out: &'a mut String,
}

impl Canvas<'_> {
    fn draw(mut self) {
        self.legend();
        let (columns, rows) = (&self.map.columns, &self.map.rows);
        let room = WIDTH - LEFT - columns.gaps() - 2.0;
        let width = (room / columns.count().max(1) as f64).min(WIDEST);
        let height = TOP + HEIGHT * rows.count() as f64 + rows.gaps() + 2.0;
        let label = escape(&self.map.label);
        self.put(format_args!(
            "<div class=\"map\"><svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{label}\" class=\"heat\">\n"
        ));
        let columns = columns.places(LEFT, width);
        let rows = rows.places(TOP, HEIGHT);
        self.names();
        self.column_names(&columns, width);
        self.row_names(&rows);
        for (row, cells) in rows.iter().zip(&self.map.cells) {
            for (column, cell) in columns.iter().zip(cells) {
                self.cell(cell, column.at, row.at, width);
            }
        }
        self.put(format_args!("</svg></div>\n"));
    }

    fn legend(&mut self) {
        self.put(format_args!("<p class=\"legend\">"));
        for (colour, range) in self.map.ranges().iter().enumerate() {
            let low = if colour < 3 { " low" } else { "" };
            self.put(format_args!(
                "<span><i class=\"key h{colour}{low}\"></i>{range}</span> "
            ));
        }
        self.put(format_args!("</p>\n"));
    }

    /// What the axes are.
    fn names(&mut self) {
        let (columns, rows) = (escape(&self.map.columns.name), escape(&self.map.rows.name));
        self.put(format_args!(
            "<text x=\"{LEFT}\" y=\"16\">{columns}</text><text x=\"{x}\" y=\"{y}\" class=\"end\">{rows}</text>\n",
            x = LEFT - 12.0,
            y = TOP - 8.0
        ));
    }

    fn column_names(&mut self, columns: &[Place<'_>], width: f64) {
        for column in columns {
            if let Some((name, length)) = column.group {
                let (name, x) = (escape(name), column.at + length / 2.0);
                self.put(format_args!(
                    "<text x=\"{x:.1}\" y=\"{y}\" class=\"middle group\">{name}</text>\n",
                    y = TOP - 28.0
                ));
            }
            let (member, x) = (escape(column.member), column.at + width / 2.0);
            self.put(format_args!(
                "<text x=\"{x:.1}\" y=\"{y}\" class=\"middle\">{member}</text>\n",
                y = TOP - 8.0
            ));
        }
    }

    fn row_names(&mut self, rows: &[Place<'_>]) {
        for row in rows {
            let base = row.at + HEIGHT / 2.0 + 5.0;
            if let Some((name, _)) = row.group {
                let name = escape(name);
                self.put(format_args!(
                    "<text x=\"0\" y=\"{base:.1}\" class=\"group\">{name}</text>\n"
                ));
            }
            let member = escape(row.member);
            self.put(format_args!(
                "<text x=\"{x}\" y=\"{base:.1}\" class=\"end\">{member}</text>\n",
                x = LEFT - 12.0
            ));
        }
    }

    fn cell(&mut self, cell: &Cell, x: f64, y: f64, width: f64) {
        let (class, text) = match cell.value {
            Some(value) => {
                let low = if self.map.is_low(value) { " low" } else { "" };
                (
                    format!("h{}{low}", self.map.colour(value)),
                    format!("{value:.2}"),
                )
            }
            None => ("unknown".to_owned(), "–".to_owned()),
        };
        let detail = escape(&cell.detail);
        // Inset by half of the widest border, so that borders of neighbours don't touch.
        let (inner_width, inner_height) = (width - 4.0, HEIGHT - 4.0);
        self.put(format_args!(
            "<g class=\"cell {class}\"><title>{detail}</title><rect x=\"{rect_x:.1}\" y=\"{rect_y:.1}\" width=\"{inner_width:.1}\" height=\"{inner_height:.1}\" rx=\"3\"/><text x=\"{text_x:.1}\" y=\"{text_y:.1}\" class=\"middle\">{text}</text></g>\n",
            rect_x = x + 2.0,
            rect_y = y + 2.0,
            text_x = x + width / 2.0,
            text_y = y + HEIGHT / 2.0 + 5.0,
        ));
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a String can't fail.
        let _ = self.out.write_fmt(text);
    }
}

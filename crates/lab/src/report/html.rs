use std::fmt::Write as _;

use super::{Chart, Figure, Report, Section, Table, bars, chart, heat_map};

const STYLE: &str = concat!(
    include_str!("colours.css"),
    include_str!("style.css"),
    include_str!("drawing.css")
);

/// Text as XML wants it. Characters that XML 1.0 can't hold are left out.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\t' | '\n' | '\r' => out.push(character),
            control if control < ' ' => {}
            other => out.push(other),
        }
    }
    out
}

pub(super) fn page(report: &Report) -> String {
    let title = escape(&report.title);
    let mut out = format!(
        r#"<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<title>{title}</title>
<style>
{STYLE}</style>
</head>
<body>
<main>
<header>
<h1>{title}</h1>
<p>{}</p>
</header>
"#,
        escape(&report.lead)
    );
    figures(&report.figures, &mut out);
    for part in &report.sections {
        section(part, &mut out);
    }
    let _ = writeln!(
        out,
        "<footer>{}</footer>\n</main>\n</body>\n</html>",
        escape(&report.footer)
    );
    out
}

fn figures(figures: &[Figure], out: &mut String) {
    if figures.is_empty() {
        return;
    }
    *out += "<dl class=\"figures\">\n";
    for Figure { value, label } in figures {
        let (value, label) = (escape(value), escape(label));
        let _ = writeln!(out, "<div><dt>{label}</dt><dd>{value}</dd></div>");
    }
    *out += "</dl>\n";
}

fn section(section: &Section, out: &mut String) {
    let _ = writeln!(out, "<section>\n<h2>{}</h2>", escape(&section.heading));
    for paragraph in &section.text {
        let _ = writeln!(out, "<p>{}</p>", escape(paragraph));
    }
    match section.charts.as_slice() {
        [] => {}
        [only] => {
            chart::legend(only, out);
            chart::draw(only, out);
        }
        several => charts(several, out),
    }
    if let Some(drawing) = &section.bars {
        bars::draw(drawing, out);
    }
    if let Some(map) = &section.heat_map {
        heat_map::draw(map, out);
    }
    if let Some(numbers) = &section.table {
        table(numbers, out);
    }
    *out += "</section>\n";
}

/// One legend for all that have the same.
fn charts(charts: &[Chart], out: &mut String) {
    let mut keys = Vec::new();
    let mut is_open = false;
    for drawing in charts {
        if !is_open || drawing.keys() != keys {
            if is_open {
                *out += "</div>\n";
            }
            keys = drawing.keys();
            chart::legend(drawing, out);
            *out += "<div class=\"charts\">\n";
            is_open = true;
        }
        let title = escape(&drawing.title);
        let _ = writeln!(out, "<figure><figcaption>{title}</figcaption>");
        chart::draw(drawing, out);
        *out += "</figure>\n";
    }
    if is_open {
        *out += "</div>\n";
    }
}

fn table(table: &Table, out: &mut String) {
    *out += "<div class=\"table\"><table>\n<thead><tr>";
    for cell in &table.head {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escape(cell));
    }
    *out += "</tr></thead>\n<tbody>\n";
    for row in &table.rows {
        *out += "<tr>";
        for (column, cell) in row.iter().enumerate() {
            let cell = escape(cell);
            let _ = match column {
                0 => write!(out, "<th scope=\"row\">{cell}</th>"),
                _ => write!(out, "<td>{cell}</td>"),
            };
        }
        *out += "</tr>\n";
    }
    *out += "</tbody>\n</table></div>\n";
}

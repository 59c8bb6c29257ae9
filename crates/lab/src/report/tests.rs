use super::*;

fn report() -> Report {
    Report {
        title: "A <title> & more".into(),
        lead: "It \"works\".\u{0}".into(),
        figures: vec![Figure {
            value: "67.5 Mb/s".into(),
            label: "over both links".into(),
        }],
        sections: vec![
            Section {
                heading: "Over time".into(),
                text: vec!["What the links carry.".into()],
                chart: Some(chart()),
                table: None,
            },
            Section {
                heading: "Numbers".into(),
                table: Some(Table {
                    head: vec!["what".into(), "measured".into()],
                    rows: vec![vec!["stall".into(), "< 0.2 s".into()]],
                }),
                ..Section::default()
            },
        ],
        footer: "One machine.".into(),
    }
}

fn chart() -> Chart {
    let points = |values: [f64; 3]| (0..).map(f64::from).zip(values).collect();
    Chart {
        label: "throughput".into(),
        unit: "Mb/s".into(),
        seconds: 2.0,
        top: 80.0,
        areas: vec![
            Area {
                name: "vdsl".into(),
                points: points([0.0, 35.0, 35.0]),
            },
            Area {
                name: "lte".into(),
                points: points([0.0, 40.0, 0.0]),
            },
        ],
        lines: vec![Line {
            name: "program".into(),
            points: points([0.0, 70.0, 300.0]),
        }],
        rules: vec![Rule {
            value: 75.0,
            label: "both".into(),
        }],
        marks: vec![Mark {
            at: 1.5,
            label: "lte pulled".into(),
        }],
    }
}

#[test]
fn a_small_page() {
    let html = report().to_html();
    let (before, rest) = html.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    insta::assert_snapshot!(format!("{before}<style>…</style>{after}"));
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_else() {
    let html = report().to_html();
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..roxmltree::ParsingOptions::default()
    };
    let page = roxmltree::Document::parse_with_options(&html, options).unwrap();
    let text = |tag| {
        let found = page
            .descendants()
            .find(|node| node.tag_name().name() == tag);
        found
            .and_then(|node| node.text())
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(text("h1"), "A <title> & more");
    assert_eq!(text("td"), "< 0.2 s");
    let loads = page.descendants().flat_map(|node| node.attributes());
    let loads: Vec<_> = loads
        .filter(|it| ["src", "href"].contains(&it.name()))
        .collect();
    assert_eq!(loads, []);
    assert!(!html.contains("url(") && !html.contains("@import"));
}

#[test]
fn what_is_above_the_top_stays_inside() {
    let html = report().to_html();
    let line = html
        .lines()
        .find(|line| line.starts_with("<path class=\"line\""))
        .unwrap();
    let (_, last) = line.trim_end_matches("\"/>").rsplit_once(' ').unwrap();
    assert_eq!(last, "26.0");
}

#[test]
fn an_empty_chart_is_drawn_too() {
    let mut out = String::new();
    chart::draw(&Chart::default(), &mut out);
    assert!(!out.contains("NaN") && !out.contains("inf"), "{out}");
}

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
                charts: vec![chart()],
                ..Section::default()
            },
            Section {
                heading: "By kind".into(),
                heat_map: Some(heat_map()),
                ..Section::default()
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
        title: String::new(),
        size: Size::Wide,
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

/// Two groups of columns, one of rows.
fn heat_map() -> HeatMap {
    let group = |name: &str, members: &[&str]| Group {
        name: name.into(),
        members: members.iter().map(ToString::to_string).collect(),
    };
    let cell = |value| Cell {
        value,
        detail: "a < b".into(),
    };
    HeatMap {
        label: "ratios".into(),
        columns: Axis {
            name: "rate and queue".into(),
            groups: vec![
                group("5 Mb/s", &["30 ms", "1 s"]),
                group("20 Mb/s", &["1 s"]),
            ],
        },
        rows: Axis {
            name: "loss".into(),
            groups: vec![group("15 ms", &["0 %", "2 %"])],
        },
        cells: vec![
            vec![cell(Some(0.5)), cell(Some(0.969)), cell(Some(0.97))],
            vec![cell(Some(1.03)), cell(Some(2.0)), cell(None)],
        ],
        limits: [0.8, 0.9, 0.97, 1.03, 1.2, 1.5],
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
fn colours_follow_the_limits_and_low_values_are_marked() {
    let html = report().to_html();
    let cells = html
        .lines()
        .filter_map(|line| line.strip_prefix("<g class=\"cell ")?.split_once('"'));
    let classes: Vec<_> = cells.map(|(class, _)| class).collect();
    assert_eq!(classes, ["h0 low", "h2 low", "h3", "h4", "h6", "unknown"]);
}

#[test]
fn an_empty_drawing_is_drawn_too() {
    let mut out = String::new();
    chart::draw(&Chart::default(), &mut out);
    heat_map::draw(&HeatMap::default(), &mut out);
    assert!(!out.contains("NaN") && !out.contains("inf"), "{out}");
}

fn bars() -> Bars {
    let bar = |name: &str, value, quartiles| Bar {
        name: name.into(),
        is_ours: name == "ours",
        value,
        quartiles,
        text: format!("{value} ms"),
    };
    Bars {
        label: "latency".into(),
        unit: "ms".into(),
        groups: vec![BarGroup {
            name: "first byte".into(),
            bars: vec![
                bar("ours", 15.0, Some((14.0, 30.0))),
                bar("a & b", 60.0, None),
            ],
        }],
    }
}

#[test]
fn bars_have_one_scale() {
    let mut out = String::new();
    bars::draw(&bars(), &mut out);
    let page = roxmltree::Document::parse(&out).unwrap();
    let widths = page
        .descendants()
        .filter_map(|it| it.attribute("class").and(it.attribute("width")));
    let widths: Vec<f64> = widths.map(|width| width.parse().unwrap()).collect();
    assert_eq!(widths, [170.0, 680.0]);
    bars::draw(&Bars::default(), &mut out);
    assert!(!out.contains("NaN") && !out.contains("inf"), "{out}");
}

#[test]
fn charts_with_the_same_names_share_a_legend() {
    let half = |title: &str| Chart {
        title: title.into(),
        size: Size::Half,
        ..chart()
    };
    let other = Chart {
        lines: Vec::new(),
        ..half("other")
    };
    let mut page = report();
    page.sections[0].charts = vec![half("one"), half("two"), other];
    let html = page.to_html();
    let (section, _) = html.split_once("By kind").unwrap();
    assert_eq!(section.matches("<p class=\"legend\">").count(), 2);
    assert_eq!(section.matches("<figcaption>").count(), 3);
}

#[test]
fn a_picture_is_a_file_of_its_own() {
    let picture = Picture {
        title: "Both < one".into(),
        charts: vec![chart()],
        bars: Some(bars()),
    };
    let svg = picture.to_svg();
    let file = roxmltree::Document::parse(&svg).unwrap();
    let root = file.root_element();
    assert_eq!(root.attribute("aria-label"), Some("Both < one"));
    let height: f64 = root.attribute("height").unwrap().parse().unwrap();
    // All parts below each other.
    assert!(height > 300.0 + bars::height(&bars()), "{height}");
    assert!(svg.contains("prefers-color-scheme") && !svg.contains("url("));
}

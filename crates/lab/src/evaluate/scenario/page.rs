//! A page in a browser.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::{SMALL_ANSWERS, Scenario};
use crate::evaluate::browser::{Browser, Told};
use crate::evaluate::fixtures::Fixtures;
use crate::evaluate::package::{CHROMIUM, NGINX, OPENSSL, Package};
use crate::evaluate::quantity::{Better, Quantity, Value};
use crate::evaluate::site::Mode;
use crate::evaluate::stage::Stage;
use crate::evaluate::web::Web;
use crate::traffic::Content;

/// A page of many pictures in Chromium, and a file.
pub(super) struct Page;

const PICTURES: u64 = 100;
/// Each picture is so wide and high: 20 kB.
const SIDE: u32 = 82;
const FILE_BYTES: u64 = 30_000_000;
const LONGEST: Duration = Duration::from_secs(60);

const LOAD: Quantity = Quantity::new("load_ms", "page loaded", "ms", Better::Lower, 0);
const WORST_LOAD: Quantity = Quantity::new(
    "worst_load_ms",
    "page loaded, longest",
    "ms",
    Better::Lower,
    0,
);
const FILE: Quantity = Quantity::new(
    "file_mbps",
    "file of 30 MB, goodput",
    "Mb/s",
    Better::Higher,
    1,
);

impl Scenario for Page {
    fn key(&self) -> &'static str {
        "page"
    }

    fn title(&self) -> &'static str {
        "A page in Chromium"
    }

    fn text(&self) -> &'static [&'static str] {
        &[
            "Chromium, without a screen, loads a page with 100 pictures of 20 kB from nginx by HTTP/1.1. The \
             time is the browser's own, from the start of the navigation to the load event. In aggregation \
             each load is that of a new browser, and a page fetches a file of 30 MB, too; in the mode backup \
             one browser loads the page again and again, while vdsl is pulled and comes back.",
        ]
    }

    fn packages(&self) -> &'static [Package] {
        &[CHROMIUM, NGINX, OPENSSL]
    }

    fn decisive(&self, mode: Mode) -> Quantity {
        match mode {
            Mode::Aggregation => LOAD,
            Mode::Backup => WORST_LOAD,
        }
    }

    fn why_behind(&self, mode: Mode) -> Option<&'static str> {
        match mode {
            Mode::Aggregation => Some(SMALL_ANSWERS),
            Mode::Backup => None,
        }
    }

    fn prepare(&self, fixtures: &Fixtures) -> anyhow::Result<()> {
        fixtures.document("page/file", FILE_BYTES, 3)?;
        let write = |name: &str, bytes: &[u8]| {
            let path = fixtures.documents().join("page").join(name);
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
        };
        write("index.html", include_bytes!("pages/page.html"))?;
        write("file.html", include_bytes!("pages/file.html"))?;
        (0..PICTURES).try_for_each(|number| write(&format!("{number}.bmp"), &picture(SIDE, number)))
    }

    fn run(&self, stage: &Stage<'_>) -> anyhow::Result<Vec<Value>> {
        let folder = stage.folder()?;
        let web = stage.web(folder.path())?;
        match stage.mode {
            Mode::Aggregation => {
                let count = if stage.quick() { 2 } else { 7 };
                let (loads, _) = stage.record(|| new_browsers(stage, &web, count))?;
                let rate = file(stage, &web)?;
                Ok(vec![LOAD.median(loads)?, FILE.one(rate)])
            }
            Mode::Backup => {
                let browser = Browser::open(stage, folder.path(), &Web::url("page/?again"))?;
                browser.wait_for_reports(&web, 1, LONGEST)?;
                let (loads, _) = stage.record(|| again_and_again(stage, &web, &browser))?;
                Ok(vec![WORST_LOAD.greatest(&loads)?, LOAD.median(loads)?])
            }
        }
    }
}

fn new_browsers(stage: &Stage<'_>, web: &Web, count: usize) -> anyhow::Result<Vec<f64>> {
    for number in 1..=count {
        let folder = stage.folder()?;
        let browser = Browser::open(stage, folder.path(), &Web::url("page/"))?;
        browser.wait_for_reports(web, number, LONGEST)?;
    }
    web.told()?.iter().map(load).collect()
}

/// Without the first one.
fn again_and_again(stage: &Stage<'_>, web: &Web, browser: &Browser) -> anyhow::Result<Vec<f64>> {
    let start = Instant::now();
    let mut count = web.told()?.len();
    while start.elapsed() < stage.length() {
        count = browser.wait_for_reports(web, count + 1, LONGEST)?.len();
    }
    web.told()?.iter().skip(1).map(load).collect()
}

/// In milliseconds.
fn load(told: &Told) -> anyhow::Result<f64> {
    let pictures = told.get("images")?;
    anyhow::ensure!(
        pictures == PICTURES as f64,
        "the page has only {pictures} pictures"
    );
    told.get("load")
}

/// In megabits per second.
fn file(stage: &Stage<'_>, web: &Web) -> anyhow::Result<f64> {
    let (folder, before) = (stage.folder()?, web.told()?.len());
    let browser = Browser::open(stage, folder.path(), &Web::url("page/file.html"))?;
    let told = browser.wait_for_reports(web, before + 1, LONGEST)?;
    let told = told.last().context("the page told nothing")?;
    let source = fs::read(stage.fixtures.documents().join("page/file"))?;
    let is_whole = told.get("bytes")? == FILE_BYTES as f64;
    anyhow::ensure!(
        is_whole && told.get("sum")? == f64::from(sum(&source)),
        "the file came with wrong bytes"
    );
    Ok(FILE_BYTES as f64 * 8.0 / told.get("file")? / 1e3)
}

/// As the page counts.
fn sum(bytes: &[u8]) -> u32 {
    let add = |sum: u32, byte: &u8| sum.wrapping_mul(31).wrapping_add(u32::from(*byte));
    bytes.iter().fold(0, add)
}

/// A square of noise, as a bitmap of 24 bits a pixel (BITMAPFILEHEADER and BITMAPINFOHEADER of Windows).
fn picture(side: u32, number: u64) -> Vec<u8> {
    let row = (side * 3).next_multiple_of(4);
    let (head, pixels) = (54, row * side);
    let mut bytes = b"BM".to_vec();
    for value in [
        head + pixels,
        0,
        head,
        40,
        side,
        side,
        1 | 24 << 16,
        0,
        pixels,
        2835,
        2835,
        0,
        0,
    ] {
        bytes.extend(value.to_le_bytes());
    }
    let noise = Content::at(number * 104_729).peek(u64::from(pixels));
    bytes.extend_from_slice(noise);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_as_long_as_its_head_says() {
        let bytes = picture(SIDE, 1);
        assert_eq!(bytes.len(), 54 + 248 * 82);
        assert_eq!(bytes[2..6], (bytes.len() as u32).to_le_bytes());
        assert_eq!(bytes[26..30], [1, 0, 24, 0]);
    }

    #[test]
    fn the_sum_is_that_of_the_page() {
        assert_eq!(sum(&[1, 2]), 33);
    }
}

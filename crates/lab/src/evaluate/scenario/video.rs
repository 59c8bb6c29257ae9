//! A film, in steps of quality.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;

use super::Scenario;
use crate::compare::peers_folder;
use crate::evaluate::browser::Browser;
use crate::evaluate::fixtures::Fixtures;
use crate::evaluate::package::{CHROMIUM, FFMPEG, NGINX, OPENSSL, Package};
use crate::evaluate::quantity::{Better, Quantity, Value};
use crate::evaluate::site::Mode;
use crate::evaluate::stage::Stage;
use crate::evaluate::tool::output;
use crate::evaluate::web::Web;

/// HLS by ffmpeg, played by hls.js in Chromium.
pub(super) struct Video;

/// Megabits per second of each step. A player takes one that is well below what it gets: the last one
/// needs more than any link has.
const STEPS: [u64; 5] = [3, 8, 16, 24, 44];
const SEGMENT: u64 = 2;
/// The browser has to start and to tell.
const SLACK: Duration = Duration::from_secs(30);

const RATE: Quantity = Quantity::new("quality_mbps", "quality shown", "Mb/s", Better::Higher, 1);
const STARTUP: Quantity = Quantity::new("startup_ms", "until it plays", "ms", Better::Lower, 0);
const STALLED: Quantity = Quantity::new("stalled_s", "stood still", "s", Better::Lower, 2);
const STALLS: Quantity = Quantity::new("stalls", "stalls", "", Better::Lower, 0);

/// hls.js is not there. The message is the line that fetches it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the scenario video needs the player hls.js; fetch it once with: npm install --prefix {} hls.js@1.7.4",
    self.0.display()
)]
struct MissingPlayer(PathBuf);

impl Scenario for Video {
    fn key(&self) -> &'static str {
        "video"
    }

    fn title(&self) -> &'static str {
        "A film is watched"
    }

    fn text(&self) -> &'static [&'static str] {
        &[
            "ffmpeg has made a film with H.264 in steps of 3, 8, 16, 24 and 44 Mb/s, in segments of 2 s (HLS). \
             The player hls.js, with 8 s in store at most, plays it in Chromium from nginx and chooses the steps. \
             Quality is the mean of what was shown. In the mode backup vdsl is pulled meanwhile and comes \
             back; what the player has in store carries it over much of that.",
        ]
    }

    fn packages(&self) -> &'static [Package] {
        &[CHROMIUM, FFMPEG, NGINX, OPENSSL]
    }

    fn check(&self) -> anyhow::Result<()> {
        let folder = peers_folder().join("hls");
        anyhow::ensure!(player().is_file(), MissingPlayer(folder));
        Ok(())
    }

    fn decisive(&self, _: Mode) -> Quantity {
        RATE
    }

    fn prepare(&self, fixtures: &Fixtures) -> anyhow::Result<()> {
        let folder = fixtures.documents().join("video");
        fs::create_dir_all(&folder)?;
        fs::copy(player(), folder.join("hls.js")).context("cannot copy hls.js")?;
        fs::write(
            folder.join("index.html"),
            include_bytes!("pages/video.html"),
        )?;
        let mut list = "#EXTM3U\n".to_owned();
        for rate in STEPS {
            encode(
                &folder.join(rate.to_string()),
                rate,
                seconds(fixtures.quick()),
            )?;
            list += &format!(
                "#EXT-X-STREAM-INF:BANDWIDTH={rate}000000,RESOLUTION=640x360\n{rate}/index.m3u8\n"
            );
        }
        fs::write(folder.join("master.m3u8"), list).context("cannot write the film's list")
    }

    fn run(&self, stage: &Stage<'_>) -> anyhow::Result<Vec<Value>> {
        let folder = stage.folder()?;
        let web = stage.web(folder.path())?;
        let watch = seconds(stage.quick()) - 2 * SEGMENT;
        let url = Web::url(&format!("video/?{watch}"));
        let limit = Duration::from_secs(watch) + SLACK;
        let (told, _) = stage.record(|| {
            let browser = Browser::open(stage, folder.path(), &url)?;
            browser.wait_for_reports(&web, 1, limit)
        })?;
        let told = told.first().context("the player told nothing")?;
        anyhow::ensure!(told.get("played")? > 0.0, "nothing was played");
        Ok(vec![
            RATE.one(told.get("rate")? / 1e6),
            STARTUP.one(told.get("startup")?),
            STALLED.one(told.get("stalled")? / 1e3),
            STALLS.one(told.get("stalls")?),
        ])
    }
}

/// How long the film is.
const fn seconds(quick: bool) -> u64 {
    if quick { 12 } else { 30 }
}

/// Where npm puts it.
fn player() -> PathBuf {
    peers_folder().join("hls/node_modules/hls.js/dist/hls.min.js")
}

/// One step, filled up to its rate.
fn encode(folder: &std::path::Path, rate: u64, seconds: u64) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let mut command = Command::new("ffmpeg");
    command
        .args(film(rate, seconds, FRAMES * SEGMENT))
        .args(["-f", "hls", "-hls_playlist_type", "vod", "-hls_time"])
        .arg(SEGMENT.to_string())
        .arg("-hls_segment_filename")
        .arg(folder.join("%d.ts"))
        .arg(folder.join("index.m3u8"));
    output(&mut command).map(drop)
}

/// ffmpeg's arguments for a film of exactly so many megabits per second, with a key frame in so many
/// frames.
pub(super) fn film(rate: u64, seconds: u64, key_frame: u64) -> Vec<String> {
    let text = format!(
        "-nostdin -v error -f lavfi -i testsrc2=size=640x360:rate={FRAMES} -t {seconds} -c:v libx264 \
         -preset ultrafast -pix_fmt yuv420p -g {key_frame} -sc_threshold 0 -b:v {rate}M -minrate {rate}M \
         -maxrate {rate}M -bufsize {rate}M -x264-params nal-hrd=cbr"
    );
    text.split(' ').map(str::to_owned).collect()
}

/// In a second.
pub(super) const FRAMES: u64 = 25;

//! Somebody is on the air.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::Scenario;
use super::video::{FRAMES, film};
use crate::evaluate::fixtures::Fixtures;
use crate::evaluate::package::{FFMPEG, NGINX, Package};
use crate::evaluate::quantity::{Better, Quantity, Value};
use crate::evaluate::site::{Mode, Site};
use crate::evaluate::stage::Stage;
use crate::evaluate::tool::{Listened, output};
use crate::rig::Process;
use crate::traffic::Direction;

/// RTMP by ffmpeg to nginx.
pub(super) struct Live;

const PORT: u16 = 1935;
const MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";
const RTMP: Package = Package::new("libnginx-mod-rtmp", MODULE);

/// Megabits per second: more than lte takes up (20), less than both links do (30).
const HIGH: u64 = 24;
/// There is one in so many frames.
const KEY_FRAME: u64 = FRAMES / 2;
/// Less than vdsl takes up (10).
const LOW: u64 = 7;
/// Who sees no frame for so long sees none any more.
const SILENCE: Duration = Duration::from_secs(2);
const SLACK: Duration = Duration::from_secs(30);

const DROPPED: Quantity = Quantity::new("dropped_percent", "frames lost", "%", Better::Lower, 1);
const LAG: Quantity = Quantity::new("lag_ms", "delay beyond the least", "ms", Better::Lower, 0);
const WORST: Quantity = Quantity::new(
    "worst_lag_ms",
    "longest delay beyond the least",
    "ms",
    Better::Lower,
    0,
);
const PAUSE: Quantity = Quantity::new("pause_ms", "longest pause", "ms", Better::Lower, 0);

impl Scenario for Live {
    fn key(&self) -> &'static str {
        "live"
    }

    fn title(&self) -> &'static str {
        "Live streaming"
    }

    fn text(&self) -> &'static [&'static str] {
        &[
            "ffmpeg pushes a film with H.264, 25 frames a second, by RTMP to nginx, in its own time; ffmpeg at \
             the origin watches. In aggregation the film has 24 Mb/s, more than one link takes up (10 and 20) \
             and less than both do; in the mode backup it has 7, and vdsl is pulled and comes back. Who \
             pushes drops frames when 60 of them wait. Delay is that of a frame at the viewer over the \
             quickest frame's.",
        ]
    }

    fn packages(&self) -> &'static [Package] {
        &[FFMPEG, NGINX, RTMP]
    }

    fn direction(&self) -> Direction {
        Direction::Up
    }

    fn decisive(&self, mode: Mode) -> Quantity {
        match mode {
            Mode::Aggregation => WORST,
            Mode::Backup => PAUSE,
        }
    }

    fn prepare(&self, fixtures: &Fixtures) -> anyhow::Result<()> {
        [HIGH, LOW].into_iter().try_for_each(|rate| {
            let mut command = Command::new("ffmpeg");
            command
                .args(film(rate, LENGTH, KEY_FRAME))
                .arg("-y")
                .arg(file(fixtures, rate));
            output(&mut command).map(drop)
        })
    }

    fn run(&self, stage: &Stage<'_>) -> anyhow::Result<Vec<Value>> {
        let folder = stage.folder()?;
        let _server = server(stage, folder.path())?;
        let viewer = viewer(stage)?;
        let (sent, _) = stage.record(|| push(stage))?;
        let frames = frames(&viewer.shown);
        anyhow::ensure!(!frames.is_empty(), "the viewer saw nothing");
        let got: BTreeSet<u64> = frames.iter().map(|frame| frame.number).collect();
        let lags = lags(&frames)?;
        // A viewer begins with a key frame.
        let first = got.first().copied().unwrap_or_default();
        let lost = 1.0 - got.len() as f64 / (sent - first) as f64;
        Ok(vec![
            DROPPED.one(lost.max(0.0) * 100.0),
            WORST.greatest(&lags)?,
            PAUSE.greatest(&pauses(&frames))?,
            LAG.median(lags)?,
        ])
    }
}

/// Of the films, in seconds: longer than anything that is done with them.
const LENGTH: u64 = 16;

fn file(fixtures: &Fixtures, rate: u64) -> PathBuf {
    fixtures.path(&format!("live-{rate}.flv"))
}

fn url() -> String {
    format!("rtmp://{}:{PORT}/live/show", Site::origin_address())
}

/// nginx on the origin.
fn server(stage: &Stage<'_>, folder: &Path) -> anyhow::Result<Process> {
    let file = folder.join("nginx.conf");
    let text = format!(
        "load_module {MODULE}; daemon off; master_process off; user root; pid {folder}/pid;
         events {{ worker_connections 256; }}
         rtmp {{ access_log off; server {{
           listen {PORT}; chunk_size 65536; out_queue 4096;
           application live {{ live on; record off; wait_key on; }}
         }} }}",
        folder = folder.display()
    );
    fs::write(&file, text).context("cannot write nginx' settings")?;
    let mut command = stage.site.lasting_origin("nginx");
    command.args(["-e", "stderr", "-c"]).arg(&file);
    let process = Process::start("nginx", command, &folder.join("nginx.log"))?;
    stage.site.wait_for_origin(&process, PORT)?;
    Ok(process)
}

/// Says of each frame when it should be shown, as it comes.
fn viewer(stage: &Stage<'_>) -> anyhow::Result<Listened> {
    let mut command = stage.site.lasting_origin("ffmpeg");
    command
        .args([
            "-nostdin",
            "-v",
            "error",
            "-fflags",
            "nobuffer",
            "-probesize",
            "32",
            "-i",
        ])
        .arg(url())
        .args([
            "-map",
            "0:v",
            "-c",
            "copy",
            "-flush_packets",
            "1",
            "-f",
            "framecrc",
            "-",
        ]);
    Listened::start("ffmpeg", command, None)
}

/// How many frames were sent.
fn push(stage: &Stage<'_>) -> anyhow::Result<u64> {
    let rate = match stage.mode {
        Mode::Aggregation => HIGH,
        Mode::Backup => LOW,
    };
    let seconds = (stage.length().as_secs() + 2).min(LENGTH);
    let mut command = stage.site.client("ffmpeg", stage.length() + SLACK);
    command
        .args(["-nostdin", "-v", "error", "-re", "-i"])
        .arg(file(stage.fixtures, rate))
        .args(["-t", &seconds.to_string(), "-map", "0:v", "-c", "copy"])
        .args(["-f", "fifo", "-fifo_format", "flv", "-queue_size", "60"])
        .args(["-drop_pkts_on_overflow", "1"])
        .arg(url());
    output(&mut command)?;
    Ok(seconds * FRAMES)
}

/// A frame that has come.
#[derive(Debug, Clone, Copy)]
struct Frame {
    number: u64,
    at: Instant,
}

/// Until none comes any more.
fn frames(shown: &Receiver<(Instant, Vec<u8>)>) -> Vec<Frame> {
    let (mut frames, mut text) = (Vec::new(), Vec::new());
    while let Ok((at, piece)) = shown.recv_timeout(SILENCE) {
        for byte in piece {
            if byte == b'\n' {
                let line = String::from_utf8_lossy(&text);
                frames.extend(frame_number(&line).map(|number| Frame { number, at }));
                text.clear();
            } else {
                text.push(byte);
            }
        }
    }

    frames
}

/// A line of ffmpeg's framecrc: stream, decoding time, time, duration, size, checksum. RTMP's times are in
/// milliseconds.
fn frame_number(line: &str) -> Option<u64> {
    let time = line.split(',').nth(1)?.trim().parse::<u64>().ok()?;
    Some((time as f64 / 1e3 * FRAMES as f64).round() as u64)
}

/// In milliseconds, over that of the quickest frame.
fn lags(frames: &[Frame]) -> anyhow::Result<Vec<f64>> {
    let first = frames.first().context("the viewer saw nothing")?;
    let lag = |frame: &Frame| {
        let came = (frame.at - first.at).as_secs_f64();
        let due = (frame.number as f64 - first.number as f64) / FRAMES as f64;
        (came - due) * 1e3
    };
    let lags: Vec<f64> = frames.iter().map(lag).collect();
    let least = lags.iter().copied().fold(f64::INFINITY, f64::min);
    Ok(lags.into_iter().map(|lag| lag - least).collect())
}

/// Between two frames, in milliseconds.
fn pauses(frames: &[Frame]) -> Vec<f64> {
    let pairs = frames.windows(2);
    pairs
        .map(|pair| (pair[1].at - pair[0].at).as_secs_f64() * 1e3)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_viewer_is_read() {
        assert_eq!(
            frame_number("0,        400,        440,        40,    9000, 0x1"),
            Some(10)
        );
        assert_eq!(frame_number("#tb 0: 1/1000"), None);
    }

    #[test]
    fn a_late_frame_has_a_lag() {
        let start = Instant::now();
        let frame = |number, milliseconds| Frame {
            number,
            at: start + Duration::from_millis(milliseconds),
        };
        let frames = [frame(0, 0), frame(1, 40), frame(2, 180)];
        let lags = lags(&frames).unwrap();
        assert!((lags[2] - 100.0).abs() < 1.0 && lags[0].abs() < 1.0);
        assert_eq!(pauses(&frames), [40.0, 140.0]);
    }
}

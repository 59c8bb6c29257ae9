//! Somebody is on the air, as players in browsers need it: segments of a film, and a list of them.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;

use super::Scenario;
use super::video::{FRAMES, film};
use crate::evaluate::fixtures::Fixtures;
use crate::evaluate::package::{FFMPEG, NGINX, OPENSSL, Package};
use crate::evaluate::quantity::{Better, Quantity, Value};
use crate::evaluate::site::Mode;
use crate::evaluate::stage::Stage;
use crate::evaluate::tool::output;
use crate::evaluate::web::Web;
use crate::traffic::Direction;

/// HLS by ffmpeg to nginx: a PUT for each segment, and one for the list that names it.
pub(super) struct LiveHls;

/// Megabits per second: more than lte takes up (20), less than both links do (30). MPEG-TS adds 4 %.
const HIGH: u64 = 22;
/// Less than vdsl takes up (10).
const LOW: u64 = 7;
/// Of the films, in seconds: longer than anything that is done with them.
const LENGTH: u64 = 16;
/// In seconds. Each begins with a key frame.
const SEGMENT: u64 = 1;
/// Players begin three segments from the end of the list (RFC 8216 section 6.3.3), so one that is listed
/// later than this after its end is not there when it is to be shown.
const LATE_AFTER: Duration = Duration::from_secs(2 * SEGMENT);

const LIST: &str = "show.m3u8";
/// Between two looks at the list.
const LOOK: Duration = Duration::from_millis(10);
/// For what is still on its way when ffmpeg has written all.
const PATIENCE: Duration = Duration::from_secs(15);
/// One link alone needs three times as long as the film has.
const SLACK: Duration = Duration::from_secs(45);

const DELAY: Quantity = Quantity::new(
    "delay_ms",
    "end of a segment until it is listed",
    "ms",
    Better::Lower,
    0,
);
const WORST: Quantity = Quantity::new(
    "worst_delay_ms",
    "end of a segment until it is listed, longest",
    "ms",
    Better::Lower,
    0,
);
const LATE: Quantity = Quantity::new("late_percent", "segments late", "%", Better::Lower, 0);
const LOST: Quantity = Quantity::new("lost_percent", "segments lost", "%", Better::Lower, 0);

impl Scenario for LiveHls {
    fn key(&self) -> &'static str {
        "live-hls"
    }

    fn title(&self) -> &'static str {
        "Live streaming by HLS"
    }

    fn text(&self) -> &'static [&'static str] {
        &[
            "ffmpeg pushes a film with H.264, 25 frames a second, in its own time to nginx: segments of one \
             second by HTTP PUT on a kept connection, and after each the list that names it. In aggregation the \
             film has 22 Mb/s, more than one link takes up (10 and 20) and less than both do; in the mode backup \
             it has 7, and vdsl is pulled and comes back. ffmpeg drops nothing: what can't be sent in time comes \
             late.",
            "The list at nginx is looked at every 10 ms. Delay is from the end of a segment, by the time that \
             ffmpeg has noted in the list, until a player could fetch it. Later than 2 s is late: a player that \
             keeps the usual distance of three segments would have stopped. What is not stored at the end is \
             lost.",
        ]
    }

    fn packages(&self) -> &'static [Package] {
        &[FFMPEG, NGINX, OPENSSL]
    }

    fn direction(&self) -> Direction {
        Direction::Up
    }

    fn decisive(&self, _: Mode) -> Quantity {
        WORST
    }

    fn prepare(&self, fixtures: &Fixtures) -> anyhow::Result<()> {
        [HIGH, LOW].into_iter().try_for_each(|rate| {
            let mut command = Command::new("ffmpeg");
            command
                .args(film(rate, LENGTH, FRAMES * SEGMENT))
                .arg("-y")
                .arg(file(fixtures, rate));
            output(&mut command).map(drop)
        })
    }

    fn run(&self, stage: &Stage<'_>) -> anyhow::Result<Vec<Value>> {
        let folder = stage.folder()?;
        let web = stage.web(folder.path())?;
        let seconds = (stage.length().as_secs() + 2).min(LENGTH);
        let (listed, _) = stage.record(|| watch(&web, push(stage, seconds)))?;
        let delays: Vec<f64> = listed.iter().map(Listed::delay).collect();
        let stored = listed.iter().filter(|it| it.segment.is_stored(&web));
        let late = delays
            .iter()
            .filter(|delay| **delay > LATE_AFTER.as_secs_f64() * 1e3);
        let share = |count: usize| count as f64 * SEGMENT as f64 / seconds as f64 * 100.0;
        Ok(vec![
            LATE.one(share(late.count())),
            LOST.one((100.0 - share(stored.count())).max(0.0)),
            WORST.greatest(&delays)?,
            DELAY.median(delays)?,
        ])
    }
}

fn file(fixtures: &Fixtures, rate: u64) -> PathBuf {
    fixtures.path(&format!("live-hls-{rate}.flv"))
}

fn push(stage: &Stage<'_>, seconds: u64) -> Command {
    let rate = match stage.mode {
        Mode::Aggregation => HIGH,
        Mode::Backup => LOW,
    };
    let mut command = stage.site.client("ffmpeg", stage.length() + SLACK);
    command
        .args(["-nostdin", "-v", "error", "-re", "-i"])
        .arg(file(stage.fixtures, rate))
        .args(["-t", &seconds.to_string(), "-map", "0:v", "-c", "copy"])
        .args(["-f", "hls", "-method", "PUT", "-http_persistent", "1"])
        .args(["-hls_time", &SEGMENT.to_string(), "-hls_list_size", "0"])
        .args(["-hls_flags", "program_date_time"])
        .args(["-ignore_io_errors", "1"])
        .arg(Web::url(&format!("upload/{LIST}")))
        // Of the times in the list.
        .env("TZ", "UTC0");
    command
}

/// A segment, as the list has it.
#[derive(Debug, Clone, PartialEq)]
struct Segment {
    name: String,
    /// When its last picture is over.
    end: SystemTime,
}

/// A segment that was seen in the list.
#[derive(Debug)]
struct Listed {
    segment: Segment,
    since: SystemTime,
}

impl Segment {
    fn is_stored(&self, web: &Web) -> bool {
        fs::metadata(web.uploaded(&self.name)).is_ok_and(|file| file.len() > 0)
    }
}

impl Listed {
    /// In milliseconds.
    fn delay(&self) -> f64 {
        let delay = self.since.duration_since(self.segment.end);
        delay.unwrap_or_default().as_secs_f64() * 1e3
    }
}

/// Runs `push` and looks at the list meanwhile, until it has its end or nothing more can come.
fn watch(web: &Web, mut push: Command) -> anyhow::Result<Vec<Listed>> {
    std::thread::scope(|scope| {
        let pushing = scope.spawn(move || output(&mut push));
        let mut listed: Vec<Listed> = Vec::new();
        let mut finished: Option<Instant> = None;
        loop {
            let list = read(web)?;
            let since = SystemTime::now();
            let new = segments(&list)?.into_iter().skip(listed.len());
            listed.extend(new.map(|segment| Listed { segment, since }));
            if pushing.is_finished() {
                let finished = finished.get_or_insert_with(Instant::now);
                if has_end(&list) || finished.elapsed() > PATIENCE {
                    break;
                }
            }
            std::thread::sleep(LOOK);
        }
        pushing
            .join()
            .unwrap_or_else(|cause| std::panic::resume_unwind(cause))?;
        Ok(listed)
    })
}

/// nginx puts a new list in the place of the old one as a whole.
fn read(web: &Web) -> anyhow::Result<String> {
    let path = web.uploaded(LIST);
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        list => list.with_context(|| format!("cannot read {}", path.display())),
    }
}

/// RFC 8216 section 4.3.3.4.
fn has_end(list: &str) -> bool {
    list.lines().any(|line| line == "#EXT-X-ENDLIST")
}

/// The tags of a segment stand before its name (RFC 8216 section 4.3.2).
fn segments(list: &str) -> anyhow::Result<Vec<Segment>> {
    let (mut begin, mut length) = (None, None);
    let mut segments = Vec::new();
    for line in list.lines() {
        if let Some(text) = line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:") {
            begin = Some(date(text)?);
        } else if let Some(text) = line.strip_prefix("#EXTINF:") {
            let seconds = text.split(',').next().and_then(|text| text.parse().ok());
            length = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        } else if !line.is_empty() && !line.starts_with('#') {
            let times = begin.take().zip(length.take());
            let (begin, length) = times.with_context(|| format!("{line} has no times"))?;
            segments.push(Segment {
                name: line.to_owned(),
                end: begin + length,
            });
        }
    }
    Ok(segments)
}

/// As ffmpeg writes it where the time is UTC: `2026-11-28T20:15:00.123+0000`.
fn date(text: &str) -> anyhow::Result<SystemTime> {
    let parsed = text
        .strip_suffix("+0000")
        .map(|text| humantime::parse_rfc3339(&format!("{text}Z")));
    parsed
        .and_then(Result::ok)
        .with_context(|| format!("the list has the time {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n\
        #EXTINF:1.000000,\n#EXT-X-PROGRAM-DATE-TIME:2026-11-28T20:15:00.250+0000\nshow0.ts\n\
        #EXTINF:0.500000,\n#EXT-X-PROGRAM-DATE-TIME:2026-11-28T20:15:01.250+0000\nshow1.ts\n";

    #[test]
    fn segments_are_read_with_their_ends() {
        let segments = segments(TEXT).unwrap();
        let end = |text| humantime::parse_rfc3339(text).unwrap();
        assert_eq!(segments.len(), 2);
        assert_eq!(segments[0].name, "show0.ts");
        assert_eq!(segments[0].end, end("2026-11-28T20:15:01.250Z"));
        assert_eq!(segments[1].end, end("2026-11-28T20:15:01.750Z"));
        let listed = Listed {
            segment: segments[1].clone(),
            since: end("2026-11-28T20:15:02.000Z"),
        };
        assert_eq!(listed.delay(), 250.0);
    }

    #[test]
    fn the_end_of_the_list_is_seen() {
        assert!(!has_end(TEXT));
        assert!(has_end(&format!("{TEXT}#EXT-X-ENDLIST\n")));
    }

    #[test]
    fn a_segment_without_times_is_an_error() {
        assert!(segments("#EXTINF:1.0,\nshow0.ts\n").is_err());
        assert!(segments(&TEXT.replace("+0000", "+0100")).is_err());
        assert_eq!(segments("").unwrap(), []);
    }
}

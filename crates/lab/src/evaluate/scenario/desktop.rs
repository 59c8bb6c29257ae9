//! Work on a computer elsewhere.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::Scenario;
use crate::evaluate::display::{Display, Screen};
use crate::evaluate::fixtures::Fixtures;
use crate::evaluate::package::{FFMPEG, Package};
use crate::evaluate::quantity::{Better, Quantity, Value};
use crate::evaluate::site::{Mode, Site};
use crate::evaluate::stage::Stage;
use crate::evaluate::tool::Listened;
use crate::rig::Process;

/// A desktop by VNC.
pub(super) struct Desktop;

const PACKAGES: &[Package] = &[
    FFMPEG,
    Package::new("tigervnc-standalone-server", "Xtigervnc"),
    Package::new("xtightvncviewer", "xtightvncviewer"),
    Package::new("xdotool", "xdotool"),
    Package::new("xterm", "xterm"),
    Package::new("xvfb", "Xvfb"),
];

const PORT: u16 = 5900;
const SIZE: (u32, u32) = (800, 600);
/// The moving picture is at the top left corner.
const PICTURE: (u32, u32) = (400, 300);
/// A line through its clock, which changes with each frame; so many pixels are looked at.
const LINE: (u64, u64, usize) = (0, 12, 110);
/// The terminal below.
const TERMINAL: &str = "80x14+0+380";
/// It tells of clicks (xterm's mode 9: six characters each), whichever window has the keyboard, and changes
/// the background (OSC 11).
const SCRIPT: &str = r#"c=white; printf "\e[?9h"; while read -rsn6; do
[[ $c = white ]] && c=black || c=white; printf "\e]11;$c\a"; done"#;
/// Where in it the pointer is.
const POINTER: (u64, u64) = (200, 480);
/// Where its colour is looked at: the pointer hides what is below.
const POINT: (u64, u64) = (300, 520);

/// Between two looks at the screen: a tenth of a frame.
const LOOK: Duration = Duration::from_millis(6);
/// What changes in so short a time is one picture, drawn in pieces.
const ONE_PICTURE: Duration = Duration::from_millis(15);
/// Between an answer and the next click.
const CLICK_PAUSE: Duration = Duration::from_millis(200);
/// Enough for some clicks where the mode asks for less.
const LEAST: Duration = Duration::from_secs(6);
const READY: Duration = Duration::from_secs(20);

const FRAMES: Quantity = Quantity::new("frames_per_s", "pictures a second", "", Better::Higher, 1);
const FREEZE: Quantity = Quantity::new("freeze_ms", "longest freeze", "ms", Better::Lower, 0);
const INPUT: Quantity = Quantity::new("input_ms", "click to picture", "ms", Better::Lower, 0);
const WORST_INPUT: Quantity = Quantity::new(
    "worst_input_ms",
    "click to picture, longest",
    "ms",
    Better::Lower,
    0,
);

impl Scenario for Desktop {
    fn key(&self) -> &'static str {
        "desktop"
    }

    fn title(&self) -> &'static str {
        "Remote desktop"
    }

    fn text(&self) -> &'static [&'static str] {
        &[
            "TigerVNC's server shows a moving picture of 400 × 300 pixels with 15 frames a second, and a terminal \
             that changes its colour at each click. TightVNC's viewer shows both on a screen without a monitor \
             (Xvfb), which is looked at every 6 ms. xdotool clicks there, once after each answer. In the mode \
             backup vdsl is pulled meanwhile and comes back.",
        ]
    }

    fn packages(&self) -> &'static [Package] {
        PACKAGES
    }

    fn decisive(&self, mode: Mode) -> Quantity {
        match mode {
            Mode::Aggregation => INPUT,
            Mode::Backup => FREEZE,
        }
    }

    fn why_behind(&self, mode: Mode) -> Option<&'static str> {
        match mode {
            Mode::Aggregation => Some(
                "Linux' scheduler of MPTCP sends what follows closely on something by the link that has less under \
                 way, however long its round trip is: some clicks and the rest of some pictures take lte's.",
            ),
            Mode::Backup => None,
        }
    }

    fn prepare(&self, _: &Fixtures) -> anyhow::Result<()> {
        Ok(())
    }

    fn run(&self, stage: &Stage<'_>) -> anyhow::Result<Vec<Value>> {
        let folder = stage.folder()?;
        let _server = Server::start(stage, folder.path())?;
        let mut viewer = Viewer::start(stage, folder.path())?;
        viewer.wait_until_ready()?;
        let length = stage.length().max(LEAST);
        let (seen, _) = stage.record(|| viewer.watch(length, Clicks::Made, |_| false))?;
        let pauses: Vec<f64> = seen.pauses(length);
        Ok(vec![
            FRAMES.one(seen.pictures.len() as f64 / length.as_secs_f64()),
            FREEZE.greatest(&pauses)?,
            WORST_INPUT.greatest(&seen.delays)?,
            INPUT.median(seen.delays)?,
        ])
    }
}

/// The computer elsewhere. Its programs end before its screen.
struct Server {
    _programs: [Process; 2],
    _display: Display,
}

impl Server {
    fn start(stage: &Stage<'_>, folder: &Path) -> anyhow::Result<Self> {
        let mut command = stage.site.lasting_origin("Xtigervnc");
        let (width, height) = SIZE;
        command
            .args(["-geometry", &format!("{width}x{height}"), "-depth", "24"])
            .args(["-SecurityTypes", "None", "-AlwaysShared", "-rfbport"])
            .arg(PORT.to_string());
        let display = Display::start("Xtigervnc", command, folder)?;
        let start = |name: &'static str, mut command: Command| {
            command.env("DISPLAY", display.name()).env("HOME", folder);
            Process::start(name, command, &folder.join(format!("{name}.log")))
        };
        let (width, height) = PICTURE;
        let mut picture = stage.site.lasting_origin("ffplay");
        picture
            .args([
                "-v",
                "error",
                "-noborder",
                "-left",
                "0",
                "-top",
                "0",
                "-f",
                "lavfi",
                "-i",
            ])
            .arg(format!("testsrc2=size={width}x{height}:rate=15"));
        let mut terminal = stage.site.lasting_origin("xterm");
        terminal
            .args(["-geometry", TERMINAL, "-e", "bash", "-c"])
            .arg(SCRIPT);
        let programs = [start("ffplay", picture)?, start("xterm", terminal)?];
        Ok(Self {
            _programs: programs,
            _display: display,
        })
    }
}

/// The user's screen, with the viewer on it.
struct Viewer {
    screen: Screen,
    mouse: Listened,
    viewer: Process,
    _display: Display,
}

/// What happens while it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clicks {
    None,
    /// One after the other's answer.
    Made,
}

/// What was seen on it.
#[derive(Debug)]
struct Seen {
    start: Instant,
    /// When the moving picture changed.
    pictures: Vec<Instant>,
    /// From a click to the terminal's other colour, in milliseconds.
    delays: Vec<f64>,
}

impl Viewer {
    fn start(stage: &Stage<'_>, folder: &Path) -> anyhow::Result<Self> {
        let mut command = stage.site.lasting_client("Xvfb");
        let (width, height) = SIZE;
        command
            .args(["-screen", "0", &format!("{width}x{height}x24"), "-fbdir"])
            .arg(folder);
        let display = Display::start("Xvfb", command, folder)?;
        let mut command = stage.site.lasting_client("xtightvncviewer");
        command
            .args(["-shared", "-encodings", "tight copyrect", "-geometry"])
            .arg(format!("{width}x{height}+0+0"))
            .arg(format!("{}::{PORT}", Site::origin_address()))
            .env("DISPLAY", display.name())
            .env("HOME", folder);
        let viewer = Process::start("xtightvncviewer", command, &folder.join("viewer.log"))?;
        let mut command = stage.site.lasting_client("xdotool");
        command.arg("-").env("DISPLAY", display.name());
        Ok(Self {
            screen: Screen::open(&display, folder)?,
            mouse: Listened::start("xdotool", command, None)?,
            viewer,
            _display: display,
        })
    }

    /// A click on a screen without the viewer would never be answered, so pictures come first.
    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let seen = self.watch(READY, Clicks::None, |seen| seen.pictures.len() >= 10)?;
        anyhow::ensure!(
            seen.pictures.len() >= 10,
            "the viewer shows no moving picture: {}",
            self.viewer.log_tail()
        );
        let seen = self.watch(READY, Clicks::Made, |seen| seen.delays.len() >= 2)?;
        anyhow::ensure!(seen.delays.len() >= 2, "no click is answered");
        Ok(())
    }

    /// Looks until `length` has passed or `enough` was seen.
    fn watch(
        &mut self,
        length: Duration,
        clicks: Clicks,
        enough: impl Fn(&Seen) -> bool,
    ) -> anyhow::Result<Seen> {
        let mut seen = Seen {
            start: Instant::now(),
            pictures: Vec::new(),
            delays: Vec::new(),
        };
        let (x, y) = POINTER;
        self.mouse
            .type_in(format!("mousemove {x} {y}\n").as_bytes())?;
        let mut line = self.line()?;
        let mut colour = self.colour()?;
        let mut clicked: Option<Instant> = None;
        let mut next_click = Instant::now() + CLICK_PAUSE;
        while seen.start.elapsed() < length {
            let now = Instant::now();
            let line_now = self.line()?;
            if line_now != line {
                line = line_now;
                seen.picture(now);
            }
            let colour_now = self.colour()?;
            if let Some(since) = clicked.filter(|_| colour_now != colour) {
                seen.delays.push((now - since).as_secs_f64() * 1e3);
                (clicked, next_click) = (None, now + CLICK_PAUSE);
            }
            colour = colour_now;
            if clicks == Clicks::Made && clicked.is_none() && now >= next_click {
                self.mouse.type_in(b"click 1\n")?;
                clicked = Some(now);
            }
            if enough(&seen) {
                return Ok(seen);
            }
            std::thread::sleep(LOOK);
        }
        Ok(seen)
    }

    fn colour(&self) -> anyhow::Result<Vec<u8>> {
        let (x, y) = POINT;
        self.screen.pixels(x, y, 1)
    }

    fn line(&self) -> anyhow::Result<Vec<u8>> {
        let (x, y, count) = LINE;
        self.screen.pixels(x, y, count)
    }
}

impl Seen {
    fn picture(&mut self, at: Instant) {
        let last = self.pictures.last();
        if last.is_none_or(|last| at - *last >= ONE_PICTURE) {
            self.pictures.push(at);
        }
    }

    /// Between two pictures, and at both ends, in milliseconds.
    fn pauses(&self, length: Duration) -> Vec<f64> {
        let (start, end) = (self.start, self.start + length);
        let since = std::iter::once(start).chain(self.pictures.iter().copied());
        let until = self.pictures.iter().copied().chain([end]);
        let pause = |(since, until): (Instant, Instant)| until.saturating_duration_since(since);
        since
            .zip(until)
            .map(|pair| pause(pair).as_secs_f64() * 1e3)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_in_pieces_is_one_and_a_freeze_is_a_pause() {
        let start = Instant::now();
        let mut seen = Seen {
            start,
            pictures: Vec::new(),
            delays: Vec::new(),
        };
        for milliseconds in [40, 46, 80, 580] {
            seen.picture(start + Duration::from_millis(milliseconds));
        }
        let pauses = seen.pauses(Duration::from_millis(600));
        assert_eq!(pauses, [40.0, 40.0, 500.0, 20.0]);
    }
}

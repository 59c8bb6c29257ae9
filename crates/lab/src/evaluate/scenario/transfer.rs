//! A file comes, or goes.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;

use super::Scenario;
use crate::evaluate::fixtures::{Fixtures, same};
use crate::evaluate::package::{CURL, NGINX, OPENSSL, Package};
use crate::evaluate::quantity::{Better, Quantity, Value};
use crate::evaluate::recording::Recording;
use crate::evaluate::site::Mode;
use crate::evaluate::stage::Stage;
use crate::evaluate::tool::output;
use crate::evaluate::web::Web;
use crate::traffic::Direction;

/// A file by curl, from nginx or to it.
pub(super) struct Transfer {
    direction: Direction,
    /// Megabytes, shortened and whole.
    megabytes: (u64, u64),
    /// What else is measured in aggregation.
    in_tls: &'static [(Quantity, Way)],
}

/// How a file travels.
#[derive(Debug, Clone, Copy)]
enum Way {
    Clear,
    Tls,
    Http2,
}

pub(super) const DOWNLOAD: Transfer = Transfer {
    direction: Direction::Down,
    megabytes: (12, 60),
    in_tls: &[(TLS, Way::Tls), (HTTP2, Way::Http2)],
};

pub(super) const UPLOAD: Transfer = Transfer {
    direction: Direction::Up,
    megabytes: (8, 20),
    in_tls: &[(TLS, Way::Tls)],
};

const PACKAGES: &[Package] = &[NGINX, CURL, OPENSSL];

/// Who takes longer has broken off: plain TCP alone needs 25 s at most, fault included.
const LONGEST: Duration = Duration::from_secs(90);

const RATE: Quantity = Quantity::new("goodput_mbps", "goodput", "Mb/s", Better::Higher, 1);
const TIME: Quantity = Quantity::new("time_s", "whole file", "s", Better::Lower, 1);
const STANDSTILL: Quantity = Quantity::new(
    "standstill_s",
    "standstill while the link is away",
    "s",
    Better::Lower,
    2,
);
const TLS: Quantity = Quantity::new(
    "tls_goodput_mbps",
    "goodput, HTTP/1.1 in TLS",
    "Mb/s",
    Better::Higher,
    1,
);
const HTTP2: Quantity = Quantity::new(
    "http2_goodput_mbps",
    "goodput, HTTP/2 in TLS",
    "Mb/s",
    Better::Higher,
    1,
);

impl Scenario for Transfer {
    fn key(&self) -> &'static str {
        match self.direction {
            Direction::Down => "download",
            Direction::Up => "upload",
        }
    }

    fn title(&self) -> &'static str {
        match self.direction {
            Direction::Down => "A file is downloaded",
            Direction::Up => "A file is uploaded",
        }
    }

    fn text(&self) -> &'static [&'static str] {
        match self.direction {
            Direction::Down => &[
                "curl fetches one file of 60 MB from nginx by HTTP/1.1, on one connection; the chart shows \
                 this one. In aggregation it does so again in TLS, by HTTP/1.1 and by HTTP/2. Every byte is \
                 compared. Goodput is the file by curl's own time, connection included.",
                STANDSTILL_TEXT,
            ],
            Direction::Up => &[
                "curl sends one file of 20 MB to nginx by HTTP/1.1 (PUT), on one connection; the chart shows this \
                 one. In aggregation it does so again in TLS. Every byte is compared. Goodput is the file by curl's \
                 own time, until nginx has answered.",
                STANDSTILL_TEXT,
            ],
        }
    }

    fn packages(&self) -> &'static [Package] {
        PACKAGES
    }

    fn direction(&self) -> Direction {
        self.direction
    }

    fn decisive(&self, mode: Mode) -> Quantity {
        match mode {
            Mode::Aggregation => RATE,
            Mode::Backup => STANDSTILL,
        }
    }

    fn prepare(&self, fixtures: &Fixtures) -> anyhow::Result<()> {
        let bytes = self.bytes(fixtures.quick());
        fixtures.document(self.key(), bytes, 1).map(drop)
    }

    fn run(&self, stage: &Stage<'_>) -> anyhow::Result<Vec<Value>> {
        let folder = stage.folder()?;
        let web = stage.web(folder.path())?;
        let once = |way| match self.direction {
            Direction::Down => self.fetch(stage, folder.path(), way),
            Direction::Up => self.send(stage, &web, way),
        };
        let (seconds, recording) = stage.record(|| once(Way::Clear))?;
        let mut values = vec![
            RATE.one(self.rate(stage.quick(), seconds)),
            TIME.one(seconds),
        ];
        match stage.mode {
            Mode::Backup => values.push(STANDSTILL.one(standstill(&recording, self.direction)?)),
            Mode::Aggregation => {
                for (quantity, way) in self.in_tls {
                    values.push(quantity.one(self.rate(stage.quick(), once(*way)?)));
                }
            }
        }
        Ok(values)
    }
}

const STANDSTILL_TEXT: &str = "In the mode backup vdsl is pulled and comes back. Standstill is how long the \
links together carried less than half of what lte can meanwhile.";

impl Transfer {
    const fn bytes(&self, quick: bool) -> u64 {
        let (short, whole) = self.megabytes;
        (if quick { short } else { whole }) * 1_000_000
    }

    /// Megabits per second.
    fn rate(&self, quick: bool, seconds: f64) -> f64 {
        self.bytes(quick) as f64 * 8.0 / seconds / 1e6
    }

    /// In so many seconds.
    fn fetch(&self, stage: &Stage<'_>, folder: &Path, way: Way) -> anyhow::Result<f64> {
        let (name, target) = (self.key(), folder.join("fetched"));
        let mut command = curl(stage, way);
        command.arg("--output").arg(&target).arg(way.url(name));
        let seconds = output(&mut command)?;
        let source = stage.fixtures.documents().join(name);
        anyhow::ensure!(same(&source, &target)?, "the file came with wrong bytes");
        seconds.parse().context("curl told no time")
    }

    /// In so many seconds.
    fn send(&self, stage: &Stage<'_>, web: &Web, way: Way) -> anyhow::Result<f64> {
        let source = stage.fixtures.documents().join(self.key());
        // Each has a file of its own, so that none is taken for another.
        let name = format!("{}-{way:?}", self.key());
        let mut command = curl(stage, way);
        command
            .arg("--upload-file")
            .arg(&source)
            .arg(way.url(&format!("upload/{name}")));
        let seconds = output(&mut command)?;
        let target = web.uploaded(&name);
        anyhow::ensure!(same(&source, &target)?, "the file came with wrong bytes");
        seconds.parse().context("curl told no time")
    }
}

impl Way {
    fn url(self, path: &str) -> String {
        match self {
            Self::Clear => Web::url(path),
            Self::Tls | Self::Http2 => Web::tls_url(path),
        }
    }

    /// curl's option.
    const fn version(self) -> &'static str {
        match self {
            Self::Clear | Self::Tls => "--http1.1",
            Self::Http2 => "--http2",
        }
    }
}

/// It tells its time.
fn curl(stage: &Stage<'_>, way: Way) -> Command {
    let mut command = stage.site.client("curl", LONGEST);
    command
        .args(["--silent", "--show-error", "--fail", "--insecure"])
        .arg(way.version())
        .args(["--write-out", "%{time_total}"]);
    command
}

/// In seconds.
fn standstill(recording: &Recording, direction: Direction) -> anyhow::Result<f64> {
    let standstill = recording.standstill(direction);
    Ok(standstill.context("no link was pulled")?.as_secs_f64())
}

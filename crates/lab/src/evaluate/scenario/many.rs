//! Many small things.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::{SMALL_ANSWERS, Scenario};
use crate::evaluate::fixtures::Fixtures;
use crate::evaluate::package::{CURL, GIT, NGINX, OPENSSL, Package};
use crate::evaluate::quantity::{Better, Quantity, Value};
use crate::evaluate::site::{Mode, Site};
use crate::evaluate::stage::Stage;
use crate::evaluate::tool::output;
use crate::evaluate::web::Web;
use crate::rig::Process;

/// Many objects by curl, from nginx.
pub(super) struct Objects;

/// A repository by git.
pub(super) struct Repository;

const LONGEST: Duration = Duration::from_secs(60);

const OBJECTS: usize = 100;
const OBJECT_BYTES: u64 = 20_000;
/// As many as a browser opens to one server.
const CONNECTIONS: &str = "6";

const LOAD: Quantity = Quantity::new("load_ms", "all 100 objects", "ms", Better::Lower, 0);
const WORST_LOAD: Quantity = Quantity::new(
    "worst_load_ms",
    "all 100 objects, longest",
    "ms",
    Better::Lower,
    0,
);

impl Scenario for Objects {
    fn key(&self) -> &'static str {
        "objects"
    }

    fn title(&self) -> &'static str {
        "A hundred small files"
    }

    fn text(&self) -> &'static [&'static str] {
        &[
            "curl fetches 100 objects of 20 kB from nginx over six new HTTP/1.1 connections at a time, as \
             apt or a browser does, and begins again at once. Times are from the start of curl to its end. \
             In the mode backup vdsl is pulled meanwhile and comes back: the longest time tells of it.",
        ]
    }

    fn packages(&self) -> &'static [Package] {
        &[NGINX, CURL, OPENSSL]
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
        (0..OBJECTS).try_for_each(|number| {
            let name = format!("objects/{number}");
            fixtures
                .document(&name, OBJECT_BYTES, number as u64)
                .map(drop)
        })
    }

    fn run(&self, stage: &Stage<'_>) -> anyhow::Result<Vec<Value>> {
        let folder = stage.folder()?;
        let _web = stage.web(folder.path())?;
        let (times, _) = stage.record(|| {
            let start = Instant::now();
            let mut times = Vec::new();
            while start.elapsed() < stage.length() {
                times.push(fetch_all(stage, folder.path())?);
            }
            Ok(times)
        })?;
        Ok(vec![WORST_LOAD.greatest(&times)?, LOAD.median(times)?])
    }
}

/// In milliseconds.
fn fetch_all(stage: &Stage<'_>, folder: &Path) -> anyhow::Result<f64> {
    let mut command = stage.site.client("curl", LONGEST);
    command
        .args(["--silent", "--show-error", "--fail", "--http1.1"])
        .args([
            "--parallel",
            "--parallel-immediate",
            "--parallel-max",
            CONNECTIONS,
        ])
        .arg("--output")
        .arg(folder.join("object-#1"))
        .arg(Web::url(&format!("objects/[0-{}]", OBJECTS - 1)));
    let start = Instant::now();
    output(&mut command)?;
    let time = start.elapsed().as_secs_f64() * 1e3;
    for number in 0..OBJECTS {
        let size = fs::metadata(folder.join(format!("object-{number}")));
        let size = size.with_context(|| format!("object {number} did not come"))?;
        anyhow::ensure!(
            size.len() == OBJECT_BYTES,
            "object {number} came with {} bytes",
            size.len()
        );
    }
    Ok(time)
}

const CLONE: Quantity = Quantity::new("clone_s", "git clone", "s", Better::Lower, 2);
const FILES: usize = 2_000;
const FILE_BYTES: u64 = 8_000;
const GIT_PORT: u16 = 9418;

impl Scenario for Repository {
    fn key(&self) -> &'static str {
        "clone"
    }

    fn title(&self) -> &'static str {
        "A repository is cloned"
    }

    fn text(&self) -> &'static [&'static str] {
        &[
            "git clones a repository of 2,000 files with 16 MB altogether from git daemon. The time is that \
             of git, until all objects are there. It writes no working copy and does not wait for the disk: that \
             has nothing to do with the network, and takes longer at times.",
        ]
    }

    fn packages(&self) -> &'static [Package] {
        &[GIT]
    }

    fn modes(&self) -> &'static [Mode] {
        &[Mode::Aggregation]
    }

    fn decisive(&self, _: Mode) -> Quantity {
        CLONE
    }

    fn prepare(&self, fixtures: &Fixtures) -> anyhow::Result<()> {
        let tree = fixtures.path("tree");
        for number in 0..FILES {
            let name = format!("../tree/{}/{number}", number % 40);
            fixtures.document(&name, FILE_BYTES, 1000 + number as u64)?;
        }
        let git = |arguments: &[&str]| {
            let mut command = plain_git();
            command.arg("-C").arg(&tree).args(arguments);
            output(&mut command)
        };
        git(&["init", "--quiet", "."])?;
        git(&["add", "."])?;
        git(&[
            "-c",
            "user.name=lab",
            "-c",
            "user.email=lab@localhost",
            "commit",
            "--quiet",
            "--message",
            "all",
        ])?;
        git(&["repack", "-a", "-d", "--quiet"]).map(drop)
    }

    fn run(&self, stage: &Stage<'_>) -> anyhow::Result<Vec<Value>> {
        let folder = stage.folder()?;
        let _daemon = daemon(stage, folder.path())?;
        let rounds = if stage.quick() { 1 } else { 3 };
        let (times, _) = stage.record(|| {
            (0..rounds)
                .map(|round| clone(stage, &folder.path().join(format!("clone-{round}"))))
                .collect()
        })?;
        Ok(vec![CLONE.median(times)?])
    }
}

/// git daemon on the origin. Not by way of `git daemon`, which starts it as a child that would outlive it.
fn daemon(stage: &Stage<'_>, folder: &Path) -> anyhow::Result<Process> {
    let programs = output(plain_git().arg("--exec-path"))?;
    let program = Path::new(programs.trim()).join("git-daemon");
    let mut command = stage.site.lasting_origin(&program.display().to_string());
    command
        .envs([
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "safe.directory"),
            ("GIT_CONFIG_VALUE_0", "*"),
        ])
        .args(["--export-all", "--reuseaddr"])
        .arg(format!("--port={GIT_PORT}"))
        .arg(format!("--base-path={}", stage.fixtures.path("").display()));
    let process = Process::start("git daemon", command, &folder.join("daemon.log"))?;
    stage.site.wait_for_origin(&process, GIT_PORT)?;
    Ok(process)
}

/// In seconds.
fn clone(stage: &Stage<'_>, target: &Path) -> anyhow::Result<f64> {
    let origin: IpAddr = Site::origin_address();
    let mut command = stage.site.client("git", LONGEST);
    command
        .args(["-c", "core.fsync=none"])
        .args(["clone", "--quiet", "--no-checkout"])
        .arg(format!("git://{origin}:{GIT_PORT}/tree/.git"))
        .arg(target);
    let start = Instant::now();
    output(&mut command)?;
    let time = start.elapsed().as_secs_f64();
    let mut list = plain_git();
    list.arg("-C").arg(target);
    list.args(["ls-tree", "-r", "--name-only", "HEAD"]);
    let files = output(&mut list)?;
    anyhow::ensure!(
        files.lines().count() == FILES,
        "files are missing in the clone"
    );
    Ok(time)
}

/// Without the settings of whoever runs this.
fn plain_git() -> Command {
    let mut command = Command::new("git");
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null");
    command
}

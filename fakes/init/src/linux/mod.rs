//! Everything.

mod ports;
mod system;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{WaitOptions, wait};

/// As `wsl.exe --exec` starts it (`host::wsl`).
const EDGE: &str = "/usr/bin/manypath";
const ARGUMENTS: [&str; 2] = ["edge", "--stdio"];

/// Where `XDG_RUNTIME_DIR` and such are missing, as in WSL without a login.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Between two looks at the edge's memory.
const PAUSE: Duration = Duration::from_millis(500);

pub fn main() {
    if let Err(error) = run() {
        // The kernel's console.
        eprintln!("init: {error:#}");
    }
    system::end();
}

fn run() -> anyhow::Result<()> {
    system::mount_all()?;
    system::load_modules()?;
    system::connect_to_host()?;
    let mut report = ports::open("report")?;
    let edge = start()?;
    let watched = report.try_clone().context("the report")?;
    let id = edge.id();
    thread::spawn(move || watch(id, watched));
    let orders = ports::open("orders")?;
    thread::spawn(move || obey(orders));
    let code = reap(edge)?;
    writeln!(report, "ended {code}").context("the report")
}

fn start() -> anyhow::Result<Child> {
    Command::new(EDGE)
        .args(ARGUMENTS)
        .env_clear()
        .env("PATH", PATH)
        .stdin(ports::open("stdin")?)
        .stdout(ports::open("stdout")?)
        .stderr(ports::open("stderr")?)
        .spawn()
        .with_context(|| format!("cannot start {EDGE}"))
}

/// Waits for the edge, and for whatever else has lost its parent. Returns the edge's exit code, 128 and more
/// for a signal.
fn reap(edge: Child) -> anyhow::Result<i32> {
    loop {
        let ended = wait(WaitOptions::empty()).context("cannot wait for the edge")?;
        let Some((id, status)) = ended else { continue };
        if id.as_raw_nonzero().get().unsigned_abs() == edge.id() {
            let signal = status.terminating_signal().map(|signal| 128 + signal);
            return Ok(status.exit_status().or(signal).unwrap_or(-1));
        }
    }
}

/// Each line of the host's is a number of seconds that its PC has slept, during which a VM stands still: only its wall
/// clock is set by them afterwards.
fn obey(orders: File) {
    for line in BufReader::new(orders).lines().map_while(Result::ok) {
        let set = line.parse().map(system::set_clock_ahead);
        if !matches!(set, Ok(Ok(()))) {
            eprintln!("init: {line:?}: {set:?}");
        }
    }
}

/// Tells how much memory the edge has, as long as it lives.
fn watch(id: u32, mut report: File) {
    while let Ok(status) = fs::read_to_string(format!("/proc/{id}/status")) {
        let mut line = String::new();
        for (word, key) in [("resident", "VmRSS:"), ("threads", "Threads:")] {
            let value = status.lines().find_map(|line| line.strip_prefix(key));
            let value = value.unwrap_or_default().split_whitespace().next();
            let _ = write!(line, "{word} {} ", value.unwrap_or("0"));
        }
        if writeln!(report, "{}", line.trim_end()).is_err() {
            return;
        }
        thread::sleep(PAUSE);
    }
}

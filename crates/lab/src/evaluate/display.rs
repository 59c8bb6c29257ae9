//! X servers: screens without a monitor.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;

use crate::compare::wait_until;
use crate::rig::Process;

/// Numbers below may be somebody's.
const FIRST: u32 = 70;
const LAST: u32 = 170;
const STOP: Duration = Duration::from_secs(2);

/// An X server, until dropped.
#[derive(Debug)]
pub(super) struct Display {
    number: u32,
    process: Option<Process>,
}

impl Display {
    /// Starts `command`, which gets the display as its last argument, and waits until programs can use it.
    pub(super) fn start(
        name: &'static str,
        mut command: Command,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let is_free = |number: &u32| {
            let lock = PathBuf::from(format!("/tmp/.X{number}-lock"));
            !lock.exists() && !socket(*number).exists()
        };
        let number = (FIRST..LAST).find(is_free);
        let number = number.context("no number for an X server is free; look at /tmp/.X*-lock")?;
        command.arg(format!(":{number}"));
        let log = folder.join(format!("{name}.log"));
        let process = Process::start(name, command, &log)?;
        wait_until(&process, "open a display", || socket(number).exists())?;
        Ok(Self {
            number,
            process: Some(process),
        })
    }

    /// For DISPLAY.
    pub(super) fn name(&self) -> String {
        format!(":{}", self.number)
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // By a signal it takes its lock and its socket away.
        if let Some(process) = self.process.take() {
            drop(process.stop(STOP));
        }
    }
}

fn socket(number: u32) -> PathBuf {
    format!("/tmp/.X11-unix/X{number}").into()
}

/// What an Xvfb shows, read from its own memory (option `-fbdir`): looking costs the X server nothing.
#[derive(Debug)]
pub(super) struct Screen {
    file: File,
    /// Where the pixels begin.
    start: u64,
    bytes_per_line: u64,
}

/// XWDFile.h of X11: all fields are 32 bits, big-endian.
const HEADER_SIZE: usize = 0;
const LINES: usize = 5;
const BYTES_PER_LINE: usize = 12;
const COLOURS: usize = 19;
const COLOUR_BYTES: u64 = 12;
const PIXEL_BYTES: u64 = 4;

impl Screen {
    /// Of the X server whose `-fbdir` it is. Its file is whole some time after its start.
    pub(super) fn open(display: &Display, folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("Xvfb_screen0");
        let is_whole = || Self::read(&path).is_ok();
        let process = display.process.as_ref().context("the X server has gone")?;
        wait_until(process, "write its screen to a file", is_whole)?;
        Self::read(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path)?;
        let field = |number: usize| {
            let mut bytes = [0; 4];
            file.read_exact_at(&mut bytes, number as u64 * 4)?;
            std::io::Result::Ok(u64::from(u32::from_be_bytes(bytes)))
        };
        let start = field(HEADER_SIZE)? + field(COLOURS)? * COLOUR_BYTES;
        let (bytes_per_line, lines) = (field(BYTES_PER_LINE)?, field(LINES)?);
        let length = file.metadata()?.len();
        anyhow::ensure!(
            lines > 0 && length >= start + lines * bytes_per_line,
            "has only {length} bytes"
        );
        Ok(Self {
            file,
            start,
            bytes_per_line,
        })
    }

    /// Some pixels of a line, four bytes each.
    pub(super) fn pixels(&self, x: u64, y: u64, count: usize) -> anyhow::Result<Vec<u8>> {
        let mut bytes = vec![0; count * PIXEL_BYTES as usize];
        let at = self.start + y * self.bytes_per_line + x * PIXEL_BYTES;
        self.file
            .read_exact_at(&mut bytes, at)
            .context("cannot read the screen")?;
        Ok(bytes)
    }
}

//! `manypath logs`

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use host::windows::Folders;

use crate::Failure;

/// How often it is looked whether there is more.
const LOOK: Duration = Duration::from_millis(250);

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// So many of the newest lines.
    #[arg(long, short = 'n', default_value_t = 100)]
    lines: usize,
    /// Go on with what is logged from now on, until Ctrl+C.
    #[arg(long, short)]
    follow: bool,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let folder = Folders::find()?.logs;
    let newest = newest(&folder)?;
    let mut lines = BufReader::new(
        File::open(&newest).with_context(|| format!("cannot read {}", newest.display()))?,
    );
    let mut last = VecDeque::new();
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        last.push_back(std::mem::take(&mut line));
        if last.len() > arguments.lines {
            last.pop_front();
        }
    }
    for line in last {
        print!("{line}");
    }
    if !arguments.follow {
        return Ok(());
    }
    loop {
        match lines.read_line(&mut line)? {
            0 => thread::sleep(LOOK),
            _ => print!("{}", std::mem::take(&mut line)),
        }
    }
}

/// Files are named by their day.
fn newest(folder: &Path) -> anyhow::Result<PathBuf> {
    let files = std::fs::read_dir(folder).with_context(|| {
        format!(
            "cannot look into {}; run this in a terminal that was started as administrator",
            folder.display()
        )
    })?;
    let files = files.filter_map(|file| Some(file.ok()?.path()));
    files.max().context("nothing was logged yet")
}

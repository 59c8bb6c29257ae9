//! The host's pipes.

use std::fs::{self, File};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long the driver may take to find them.
const LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

/// Opens the port that the host calls so.
pub fn open(name: &str) -> anyhow::Result<File> {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(device) = find(name) {
            let mut options = File::options();
            let port = options.read(true).write(true).open(&device);
            let port = port.with_context(|| format!("cannot open {}", device.display()))?;
            wait_for_host(&port)?;
            return Ok(port);
        }
        if Instant::now() > deadline {
            bail!("the host has no port {name:?}");
        }
        thread::sleep(PAUSE);
    }
}

/// As long as the driver has not heard that the host holds the other end, there is nothing but the end to read.
fn wait_for_host(port: &File) -> anyhow::Result<()> {
    let deadline = Instant::now() + LIMIT;
    loop {
        let mut ports = [PollFd::new(port, PollFlags::empty())];
        poll(&mut ports, Some(&Timespec::default())).context("a port")?;
        if !ports[0].revents().contains(PollFlags::HUP) {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("the host does not hold its end of a port");
        }
        thread::sleep(PAUSE);
    }
}

fn find(name: &str) -> Option<PathBuf> {
    let ports = fs::read_dir("/sys/class/virtio-ports").ok()?;
    let port = ports.flatten().find(|port| {
        let called = fs::read_to_string(port.path().join("name"));
        called.is_ok_and(|called| called.trim() == name)
    })?;
    let device = PathBuf::from("/dev").join(port.file_name());
    device.exists().then_some(device)
}

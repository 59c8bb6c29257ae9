//! What the contenders' programs have in common.

use std::ffi::OsStr;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use netcfg::NetNs;

use crate::rig::Process;

/// How long a program may take to be ready. They need some 10 ms; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often a question is asked where the kernel gives no event.
const POLL: Duration = Duration::from_millis(10);

/// Clock ticks in a second: USER_HZ, which Linux has fixed for programs.
const TICKS: f64 = 100.0;

/// Starts a program; what it says goes to a file in `folder`, which is also its working directory.
pub(super) fn start<A: AsRef<OsStr>>(
    name: &'static str,
    namespace: &NetNs,
    file: &Path,
    arguments: impl IntoIterator<Item = A>,
    folder: &Path,
) -> anyhow::Result<Process> {
    let mut command = namespace.command(file);
    command.args(arguments).current_dir(folder);
    Ok(Process::start(
        name,
        command,
        &folder.join(format!("{name}.log")),
    )?)
}

/// Waits until `process` accepts connections on `address` in its namespace.
pub(super) fn wait_for_port(
    process: &Process,
    namespace: &NetNs,
    address: SocketAddr,
) -> anyhow::Result<()> {
    wait_until(process, "listen", || {
        namespace.run(|| TcpStream::connect(address).is_ok())
    })
}

/// Asks `is_ready` until it says so; an error if the process ends or takes too long.
pub(crate) fn wait_until(
    process: &Process,
    what: &str,
    is_ready: impl Fn() -> bool,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_ready() {
        let ended = process.has_ended();
        if ended || Instant::now() > deadline {
            let how = if ended { "has ended" } else { "is too slow" };
            anyhow::bail!(
                "{} did not {what} and {how}: {}",
                process.name(),
                last_line(process)
            );
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

fn last_line(process: &Process) -> String {
    let log = process.log_tail();
    let last = log.lines().rev().find(|line| !line.trim().is_empty());
    last.unwrap_or("it said nothing").to_owned()
}

/// Resident memory of a process in KiB.
pub(super) fn resident(process: &Process) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("no VmRSS in /proc/PID/status")?.parse()?)
}

/// CPU time that a process has used so far, user and system, in seconds.
pub(super) fn cpu_seconds(process: &Process) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id()))?;
    // proc(5): the name in brackets may hold anything; utime and stime are fields 14 and 15.
    let (_, after_name) = stat.rsplit_once(')').context("no name in /proc/PID/stat")?;
    let mut ticks = 0;
    for field in after_name.split_whitespace().skip(11).take(2) {
        ticks += field.parse::<u64>()?;
    }
    Ok(ticks as f64 / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, folder: &Path) -> Process {
        let here = NetNs::current().unwrap();
        start(
            "script",
            &here,
            Path::new("/bin/sh"),
            ["-c", script],
            folder,
        )
        .unwrap()
    }

    #[test]
    fn a_program_that_ends_early_is_reported_with_its_last_line() {
        let folder = tempfile::tempdir().unwrap();
        let process = shell("echo no such luck; exit 3", folder.path());
        let error = wait_until(&process, "wait", || false)
            .unwrap_err()
            .to_string();
        assert_eq!(error, "script did not wait and has ended: no such luck");
    }

    #[test]
    fn cpu_time_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let busy = shell("while :; do :; done", folder.path());
        wait_until(&busy, "work", || cpu_seconds(&busy).unwrap() >= 0.1).unwrap();
        let idle = shell("exec sleep 60", folder.path());
        assert!(cpu_seconds(&idle).unwrap() < 0.1);
    }

    #[test]
    fn memory_is_read() {
        let folder = tempfile::tempdir().unwrap();
        assert!(resident(&shell("exec sleep 60", folder.path())).unwrap() > 0);
    }
}

//! A program of the rig's own: never one that somebody else has started.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal, set_parent_process_death_signal,
};

/// How much of a log an error shows.
const TAIL: usize = 60;

/// A running program whose standard error goes into a file. Dropping it kills it, and so does the
/// end of this process, however that comes.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    pid: Pid,
    pidfd: OwnedFd,
    keeper: Option<JoinHandle<io::Result<ExitStatus>>>,
    log: PathBuf,
}

/// Why a program could not be started or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It can't be started.
    #[error("cannot start the {name}")]
    Start {
        /// Which.
        name: &'static str,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It ended with an error, or by a signal, or had to be killed.
    #[error("the {name} {how}; the end of its log:\n{log}")]
    End {
        /// Which.
        name: &'static str,
        /// How it ended.
        how: Stopped,
        /// The end of its log.
        log: String,
    },
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// By itself.
    Ended(ExitStatus),
    /// By SIGKILL: it did not react to SIGTERM in time.
    Killed,
}

impl Process {
    /// Starts `command`; its output goes into the file `log`.
    ///
    /// # Errors
    /// [`ProcessError::Start`].
    pub fn start(name: &'static str, command: Command, log: &Path) -> Result<Self, ProcessError> {
        let failed = |source| ProcessError::Start { name, source };
        let (started, wait) = mpsc::sync_channel(1);
        let output = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(failed)?;
        // The kernel sends the death signal when the thread ends that made the child, not the
        // process: so that thread stays until the child has ended.
        let keeper = std::thread::Builder::new()
            .name(format!("keep {name}"))
            .spawn(move || keep(command, output, &started))
            .map_err(failed)?;
        let (pid, pidfd) = match wait.recv() {
            Ok(child) => child,
            Err(_) => {
                return Err(failed(
                    joined(keeper)
                        .err()
                        .unwrap_or_else(|| io::ErrorKind::Other.into()),
                ));
            }
        };
        Ok(Self {
            name,
            pid,
            pidfd,
            keeper: Some(keeper),
            log: log.to_owned(),
        })
    }

    /// What it is called in messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its process id, valid while it has not ended.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Whether it has ended by itself.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ends_within(Duration::ZERO)
    }

    /// The file with its output.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of its output.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }

    /// Sends SIGTERM, waits at most `limit`, then sends SIGKILL.
    ///
    /// # Errors
    /// [`ProcessError::End`] unless it ended by itself with exit code 0.
    pub fn stop(mut self, limit: Duration) -> Result<(), ProcessError> {
        self.signal(Signal::TERM);
        let in_time = self.ends_within(limit);
        let status = self.end();
        let how = match status {
            Some(status) if in_time && status.success() => return Ok(()),
            Some(status) if in_time => Stopped::Ended(status),
            _ => Stopped::Killed,
        };
        Err(ProcessError::End {
            name: self.name,
            how,
            log: self.log_tail(),
        })
    }

    /// Sends SIGKILL and waits for the end.
    pub fn kill(mut self) {
        self.end();
    }

    fn signal(&self, signal: Signal) {
        // It may have ended already.
        let _ = pidfd_send_signal(&self.pidfd, signal);
    }

    fn ends_within(&self, limit: Duration) -> bool {
        let limit = Timespec::try_from(limit).ok();
        let mut ended = [PollFd::new(&self.pidfd, PollFlags::IN)];
        poll(&mut ended, limit.as_ref()).is_ok_and(|count| count > 0)
    }

    fn end(&mut self) -> Option<ExitStatus> {
        self.signal(Signal::KILL);
        joined(self.keeper.take()?).ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(status) => write!(f, "ended with {status}"),
            Self::Killed => f.write_str("did not stop in time and was killed"),
        }
    }
}

/// Starts the child and waits for its end.
fn keep(
    mut command: Command,
    output: File,
    started: &mpsc::SyncSender<(Pid, OwnedFd)>,
) -> io::Result<ExitStatus> {
    command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    die_with_parent(&mut command);
    let mut child = command.spawn()?;
    let pid = Pid::from_child(&child);
    match pidfd_open(pid, PidfdFlags::empty()) {
        // The receiver waits for it.
        Ok(pidfd) => drop(started.send((pid, pidfd))),
        Err(error) => return Err(abandon(&mut child, error.into())),
    }
    child.wait()
}

fn abandon(child: &mut Child, error: io::Error) -> io::Error {
    // It can only have ended already.
    let _ = child.kill();
    let _ = child.wait();
    error
}

#[expect(unsafe_code, reason = "only the child itself can ask for the signal")]
fn die_with_parent(command: &mut Command) {
    // SAFETY: between fork and exec only async-signal-safe code may run. The closure makes one system
    // call; it takes no lock and allocates nothing.
    unsafe {
        command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
    }
}

fn joined(keeper: JoinHandle<io::Result<ExitStatus>>) -> io::Result<ExitStatus> {
    keeper
        .join()
        .unwrap_or_else(|cause| std::panic::resume_unwind(cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str) -> (tempfile::TempDir, Process) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        let process = Process::start("script", command, &folder.path().join("log")).unwrap();
        (folder, process)
    }

    /// The script says when its trap is set.
    fn wait_for_output(process: &Process) {
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while process.log_tail().is_empty() {
            assert!(std::time::Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_clean_end_is_success_and_an_error_shows_the_log() {
        let clean = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done";
        let (_folder, process) = start(clean);
        wait_for_output(&process);
        process.stop(Duration::from_secs(10)).unwrap();

        let (_folder, process) = start(&clean.replace("exit 0", "echo broken; exit 3"));
        wait_for_output(&process);
        let error = process
            .stop(Duration::from_secs(10))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("exit status: 3") && error.ends_with("broken"),
            "{error}"
        );
    }

    #[test]
    fn what_does_not_stop_is_killed() {
        let (_folder, process) = start("trap '' TERM; echo ready; while :; do sleep 0.01; done");
        wait_for_output(&process);
        assert!(!process.has_ended());
        let error = process.stop(Duration::from_millis(50)).unwrap_err();
        assert!(
            matches!(
                error,
                ProcessError::End {
                    how: Stopped::Killed,
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let command = Command::new("/nonexistent/program");
        let error = Process::start("x", command, &folder.path().join("log")).unwrap_err();
        assert!(matches!(error, ProcessError::Start { .. }));
    }
}

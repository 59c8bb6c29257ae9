//! Typing.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::Scenario;
use crate::evaluate::fixtures::Fixtures;
use crate::evaluate::package::{CURL, NGINX, OPENSSL, Package, SSH, SSHD};
use crate::evaluate::quantity::{Better, Quantity, Value, quantile};
use crate::evaluate::site::{Mode, Site};
use crate::evaluate::stage::Stage;
use crate::evaluate::tool::{Listened, output};
use crate::evaluate::web::Web;
use crate::rig::Process;

/// A session by ssh, beside a download.
pub(super) struct Interactive;

const PORT: u16 = 2222;
const BULK: &str = "bulk";
/// More than both links carry in the longest run.
const BULK_BYTES: u64 = 400_000_000;

/// A key is pressed so often.
const EVERY: Duration = Duration::from_millis(50);
/// Who waits longer for a letter gives up.
const PATIENCE: Duration = Duration::from_secs(20);
const READY: &str = "type";

const ECHO: Quantity = Quantity::new("echo_ms", "echo of a key", "ms", Better::Lower, 0);
const LATE: Quantity = Quantity::new(
    "echo_p95_ms",
    "echo of a key, 95 of 100 within",
    "ms",
    Better::Lower,
    0,
);
const WORST: Quantity = Quantity::new("worst_echo_ms", "longest echo", "ms", Better::Lower, 0);

impl Scenario for Interactive {
    fn key(&self) -> &'static str {
        "interactive"
    }

    fn title(&self) -> &'static str {
        "Typing beside a download"
    }

    fn text(&self) -> &'static [&'static str] {
        &[
            "A session by ssh with a real sshd; a key is pressed every 50 ms, and the terminal at the other \
             end echoes it. Beside it curl downloads without end from nginx. Echo is from the key until the \
             letter comes back. In the mode backup vdsl is pulled meanwhile and comes back.",
        ]
    }

    fn packages(&self) -> &'static [Package] {
        &[SSH, SSHD, NGINX, CURL, OPENSSL]
    }

    fn decisive(&self, mode: Mode) -> Quantity {
        match mode {
            Mode::Aggregation => ECHO,
            Mode::Backup => WORST,
        }
    }

    fn prepare(&self, fixtures: &Fixtures) -> anyhow::Result<()> {
        let path = fixtures.documents().join(BULK);
        // Nobody looks at what is in it, so it takes no room: zeros that are not written.
        let file = fs::File::create(&path).and_then(|file| file.set_len(BULK_BYTES));
        file.with_context(|| format!("cannot write {}", path.display()))?;
        ["host", "user"].into_iter().try_for_each(|name| {
            let mut command = Command::new("ssh-keygen");
            command
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(fixtures.path(&format!("{name}.key")));
            output(&mut command).map(drop)
        })
    }

    fn run(&self, stage: &Stage<'_>) -> anyhow::Result<Vec<Value>> {
        let folder = stage.folder()?;
        let _web = stage.web(folder.path())?;
        let _sshd = sshd(stage, folder.path())?;
        let mut session = Session::open(stage, folder.path())?;
        let _download = download(stage, folder.path())?;
        let count = stage.length().as_millis() / EVERY.as_millis();
        let (mut delays, _) = stage.record(|| session.type_keys(count as usize))?;
        delays.sort_by(f64::total_cmp);
        Ok(vec![
            LATE.one(quantile(&delays, 0.95)?),
            WORST.greatest(&delays)?,
            ECHO.median(delays)?,
        ])
    }
}

fn sshd(stage: &Stage<'_>, folder: &Path) -> anyhow::Result<Process> {
    // Debian's sshd wants this folder, which its service makes.
    fs::create_dir_all("/run/sshd").context("cannot make /run/sshd")?;
    let fixture = |name: &str| stage.fixtures.path(name).display().to_string();
    let text = format!(
        "Port {PORT}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nPidFile none\nUsePAM no\n\
         PermitRootLogin prohibit-password\nPrintMotd no\nPrintLastLog no\n",
        fixture("host.key"),
        fixture("user.key.pub"),
    );
    let file = folder.join("sshd_config");
    fs::write(&file, text).context("cannot write sshd's settings")?;
    // It wants to be called by its path.
    let mut command = stage.site.lasting_origin("sshd");
    command.args(["-D", "-e", "-f"]).arg(&file);
    let process = Process::start("sshd", command, &folder.join("sshd.log"))?;
    stage.site.wait_for_origin(&process, PORT)?;
    Ok(process)
}

/// Goes on until it is dropped.
fn download(stage: &Stage<'_>, folder: &Path) -> anyhow::Result<Process> {
    let mut command = stage.site.lasting_client("curl");
    command
        .args(["--silent", "--show-error", "--output", "/dev/null"])
        .arg(Web::url(BULK));
    Ok(Process::start("curl", command, &folder.join("curl.log"))?)
}

/// A session with a terminal at the other end.
struct Session(Listened);

impl Session {
    /// Opens it and waits for the terminal.
    fn open(stage: &Stage<'_>, folder: &Path) -> anyhow::Result<Self> {
        let mut command = stage.site.lasting_client("ssh");
        command
            .args(["-tt", "-F", "/dev/null", "-o", "BatchMode=yes"])
            .args([
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "UserKnownHostsFile=/dev/null",
            ])
            .args(["-o", "IdentitiesOnly=yes", "-p", &PORT.to_string(), "-i"])
            .arg(stage.fixtures.path("user.key"))
            .arg(format!("root@{}", Site::origin_address()))
            .arg(format!("echo {READY}; exec sleep 600"));
        let log = folder.join("ssh.log");
        let ssh = Listened::start("ssh", command, Some(&log))?;
        let mut text = Vec::new();
        while !text.ends_with(format!("{READY}\r\n").as_bytes()) {
            let piece = ssh.shown.recv_timeout(PATIENCE);
            let piece = piece.with_context(|| {
                let log = fs::read_to_string(&log).unwrap_or_default();
                format!("ssh shows no terminal: {}", log.trim_end())
            })?;
            text.extend(piece.1);
        }
        Ok(Self(ssh))
    }

    /// Presses keys in a steady stream, whether echoes come or not; each one's delay in milliseconds.
    fn type_keys(&mut self, count: usize) -> anyhow::Result<Vec<f64>> {
        let start = Instant::now();
        let mut pressed = Vec::new();
        let mut delays = Vec::new();
        while delays.len() < count {
            let next = start + EVERY * u32::try_from(pressed.len())?;
            let now = Instant::now();
            if pressed.len() < count && now >= next {
                self.0.type_in(&[key(pressed.len())])?;
                pressed.push(now);
                continue;
            }
            let wait = if pressed.len() < count {
                next - now
            } else {
                PATIENCE
            };
            match self.0.shown.recv_timeout(wait) {
                Ok((at, letters)) => {
                    for letter in letters {
                        let number = delays.len();
                        let since = pressed.get(number).context("a letter came too early")?;
                        anyhow::ensure!(letter == key(number), "a wrong letter came back");
                        delays.push((at - *since).as_secs_f64() * 1e3);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    anyhow::ensure!(wait < PATIENCE, "letters did not come back any more");
                }
                Err(RecvTimeoutError::Disconnected) => anyhow::bail!("the session broke"),
            }
        }
        Ok(delays)
    }
}

/// Letters only: others mean something to a terminal.
fn key(number: usize) -> u8 {
    b'a' + (number % 26) as u8
}

//! Has an edge that runs go by settings that have changed.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// How long the edge may take to answer, and to read its settings: it may be in the middle of a round.
const ANSWER: Duration = Duration::from_secs(10);

/// Between two looks at its status.
const POLL: Duration = Duration::from_millis(50);

/// Why no edge goes by the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReloaded {
    /// None answers.
    NotRunning,
    /// It finds something wrong with the settings, and goes by its former ones.
    Refuses {
        /// Line, key and error.
        error: String,
    },
    /// It can't be told from here.
    Untold {
        /// Why.
        why: String,
        /// What to run instead.
        command: &'static str,
    },
    /// It has another settings file.
    OtherSettings {
        /// That file.
        file: PathBuf,
    },
}

/// Tells the edge that answers on `socket` to read its settings again, and waits until it has. `file` is what
/// has changed. Gives the time at which it was told.
pub async fn reload(socket: &Path, file: &Path) -> Result<Instant, NotReloaded> {
    let stream = UnixStream::connect(socket).await.map_err(not_reached)?;
    // Whoever listens; and no other process gets its number before it has answered.
    let process = stream.peer_cred().ok().and_then(|peer| peer.pid());
    let process = process
        .and_then(Pid::from_raw)
        .ok_or_else(|| NotReloaded::untold("it is in a container or belongs to another system"))?;
    let process = pidfd_open(process, PidfdFlags::empty())
        .map_err(|error| NotReloaded::untold(&format!("its process is not found ({error})")))?;
    let before = answer(stream).await?;
    let Some(count) = before["settings"]["count"].as_u64() else {
        // The signal would end it.
        return Err(NotReloaded::Untold {
            why: "it is an older version".to_owned(),
            command: RESTART,
        });
    };
    let its_file = PathBuf::from(before["settings"]["file"].as_str().unwrap_or_default());
    if !is_same(&its_file, file) {
        return Err(NotReloaded::OtherSettings { file: its_file });
    }
    let told = Instant::now();
    pidfd_send_signal(&process, Signal::HUP).map_err(|error| match error {
        Errno::PERM => NotReloaded::untold("this user may not signal it"),
        error => NotReloaded::untold(&error.to_string()),
    })?;
    // Any reading from now on has seen the change.
    let has_read = |status: &Value| status["settings"]["count"].as_u64() > Some(count);
    let status = poll(socket, ANSWER, has_read).await?;
    if !has_read(&status) {
        return Err(NotReloaded::untold("it does not read its settings"));
    }
    match status["settings"]["error"].as_str() {
        Some(error) => Err(NotReloaded::Refuses {
            error: error.to_owned(),
        }),
        None => Ok(told),
    }
}

fn not_reached(error: io::Error) -> NotReloaded {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => NotReloaded::NotRunning,
        io::ErrorKind::PermissionDenied => NotReloaded::untold("this user may not ask it"),
        _ => NotReloaded::untold(&error.to_string()),
    }
}

/// Asks until it `is_so`, or the time is over. Gives the last answer.
pub async fn poll(
    socket: &Path,
    limit: Duration,
    is_so: impl Fn(&Value) -> bool,
) -> Result<Value, NotReloaded> {
    let deadline = Instant::now() + limit;
    loop {
        let stream = UnixStream::connect(socket).await;
        let status = answer(stream.map_err(|_| NotReloaded::NotRunning)?).await?;
        if is_so(&status) || Instant::now() > deadline {
            return Ok(status);
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn answer(mut stream: UnixStream) -> Result<Value, NotReloaded> {
    let mut text = Vec::new();
    let read = timeout(ANSWER, stream.read_to_end(&mut text)).await;
    match read {
        Ok(Ok(_)) => {
            serde_json::from_slice(&text).map_err(|_| NotReloaded::untold("its answer is cut"))
        }
        Ok(Err(error)) => Err(NotReloaded::untold(&error.to_string())),
        Err(_elapsed) => Err(NotReloaded::untold("it does not answer")),
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| std::fs::canonicalize(path).ok();
    one == other || whole(one).is_some_and(|one| Some(one) == whole(other))
}

impl NotReloaded {
    fn untold(why: &str) -> Self {
        Self::Untold {
            why: why.to_owned(),
            command: RELOAD,
        }
    }
}

impl fmt::Display for NotReloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => f.write_str("no edge runs"),
            Self::Refuses { error } => {
                write!(f, "the edge goes by its former settings: {error}")
            }
            Self::Untold { why, command } => write!(
                f,
                "an edge runs, and can't be told of it: {why}. Run: {command}"
            ),
            Self::OtherSettings { file } => write!(
                f,
                "the edge that runs has other settings: {}",
                file.display()
            ),
        }
    }
}

const RELOAD: &str = "systemctl reload manypath-edge";

const RESTART: &str = "systemctl restart manypath-edge";

//! Has an edge that runs go by the link.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::{Value, json};
use settings::HubLink;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// How long the edge may take to answer, and to read its settings: it may be in the middle of a round.
const ANSWER: Duration = Duration::from_secs(10);

/// How long it may take to be connected. The hub was reached a moment ago.
const CONNECTED: Duration = Duration::from_secs(20);

/// Between two looks at its status.
const POLL: Duration = Duration::from_millis(50);

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edge {
    /// None answers.
    NotRunning,
    /// It uses the link.
    Connected {
        /// From the signal on.
        after: Duration,
    },
    /// It uses the link, and there is no connection to the hub yet.
    NotConnected {
        /// What keeps it from that.
        trouble: Option<String>,
    },
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

/// Tells the edge that answers on `socket` to read its settings again, and waits until it is connected
/// to the link's hub. `file` is what the link was written into.
pub async fn take_over(socket: &Path, file: &Path, link: &HubLink) -> Edge {
    match tell(socket, file, link).await {
        Ok(edge) | Err(edge) => edge,
    }
}

/// An end before the last step is an error, for `?`.
async fn tell(socket: &Path, file: &Path, link: &HubLink) -> Result<Edge, Edge> {
    let stream = UnixStream::connect(socket).await.map_err(not_reached)?;
    // Whoever listens; and no other process gets its number before it has answered.
    let process = stream.peer_cred().ok().and_then(|peer| peer.pid());
    let process = process
        .and_then(Pid::from_raw)
        .ok_or_else(|| Edge::untold("it is in a container or belongs to another system"))?;
    let process = pidfd_open(process, PidfdFlags::empty())
        .map_err(|error| Edge::untold(&format!("its process is not found ({error})")))?;
    let before = answer(stream).await?;
    let Some(count) = before["settings"]["count"].as_u64() else {
        // The signal would end it.
        return Err(Edge::Untold {
            why: "it is an older version".to_owned(),
            command: RESTART,
        });
    };
    let its_file = PathBuf::from(before["settings"]["file"].as_str().unwrap_or_default());
    if !is_same(&its_file, file) {
        return Err(Edge::OtherSettings { file: its_file });
    }
    let began = Instant::now();
    pidfd_send_signal(&process, Signal::HUP).map_err(|error| match error {
        Errno::PERM => Edge::untold("this user may not signal it"),
        error => Edge::untold(&error.to_string()),
    })?;
    // Any reading from now on has seen the link.
    let has_read = |status: &Value| status["settings"]["count"].as_u64() > Some(count);
    let status = poll(socket, ANSWER, has_read).await?;
    if !has_read(&status) {
        return Err(Edge::untold("it does not read its settings"));
    }
    if let Some(error) = status["settings"]["error"].as_str() {
        let error = error.to_owned();
        return Err(Edge::Refuses { error });
    }
    let hub = link.destination.to_string();
    let is_connected = |status: &Value| {
        let connections = &status["hub_connections"];
        connections["state"] == "connected" && connections["address"] == hub.as_str()
    };
    let status = poll(socket, CONNECTED, is_connected).await?;
    match is_connected(&status) {
        true => Ok(Edge::Connected {
            after: began.elapsed(),
        }),
        false => {
            let trouble = status["hub_connections"]["trouble"].as_str();
            let trouble = trouble.map(str::to_owned);
            Ok(Edge::NotConnected { trouble })
        }
    }
}

fn not_reached(error: io::Error) -> Edge {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Edge::NotRunning,
        io::ErrorKind::PermissionDenied => Edge::untold("this user may not ask it"),
        _ => Edge::untold(&error.to_string()),
    }
}

/// Asks until it `is_so`, or the time is over. Gives the last answer.
async fn poll(
    socket: &Path,
    limit: Duration,
    is_so: impl Fn(&Value) -> bool,
) -> Result<Value, Edge> {
    let deadline = Instant::now() + limit;
    loop {
        let stream = UnixStream::connect(socket).await;
        let status = answer(stream.map_err(|_| Edge::NotRunning)?).await?;
        if is_so(&status) || Instant::now() > deadline {
            return Ok(status);
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn answer(mut stream: UnixStream) -> Result<Value, Edge> {
    let mut text = Vec::new();
    let read = timeout(ANSWER, stream.read_to_end(&mut text)).await;
    match read {
        Ok(Ok(_)) => serde_json::from_slice(&text).map_err(|_| Edge::untold("its answer is cut")),
        Ok(Err(error)) => Err(Edge::untold(&error.to_string())),
        Err(_elapsed) => Err(Edge::untold("it does not answer")),
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| std::fs::canonicalize(path).ok();
    one == other || whole(one).is_some_and(|one| Some(one) == whole(other))
}

impl Edge {
    fn untold(why: &str) -> Self {
        Self::Untold {
            why: why.to_owned(),
            command: RELOAD,
        }
    }

    /// It does not do what it should with the link.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::NotConnected { .. } | Self::Refuses { .. })
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let state = match self {
            Self::NotRunning => "not-running",
            Self::Connected { .. } => "connected",
            Self::NotConnected { .. } => "not-connected",
            Self::Refuses { .. } => "refuses",
            Self::Untold { .. } => "untold",
            Self::OtherSettings { .. } => "other-settings",
        };
        json!({ "state": state, "text": self.to_string() })
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => f.write_str(START),
            Self::Connected { after } => write!(
                f,
                "the edge uses it: connected to the hub after {:.1} s",
                after.as_secs_f64()
            ),
            Self::NotConnected { trouble } => {
                f.write_str("the edge uses it, and is not connected to the hub yet")?;
                match trouble {
                    Some(trouble) => write!(f, ": {trouble}"),
                    None => f.write_str("; see: manypath status"),
                }
            }
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

/// What to do where no edge runs.
pub const START: &str = "start the edge with it: systemctl start manypath-edge (or: manypath edge)";

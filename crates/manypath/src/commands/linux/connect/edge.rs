//! Has an edge that runs go by the link.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use settings::HubLink;

use crate::commands::linux::running::{self, NotReloaded};

/// How long it may take to be connected. The hub was reached a moment ago.
const CONNECTED: Duration = Duration::from_secs(20);

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edge {
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
    /// None goes by the settings.
    NotReloaded(NotReloaded),
}

/// Tells the edge that answers on `socket` to read its settings again, and waits until it is connected
/// to the link's hub. `file` is what the link was written into.
pub async fn take_over(socket: &Path, file: &Path, link: &HubLink) -> Edge {
    match tell(socket, file, link).await {
        Ok(edge) => edge,
        Err(why) => Edge::NotReloaded(why),
    }
}

async fn tell(socket: &Path, file: &Path, link: &HubLink) -> Result<Edge, NotReloaded> {
    let told = running::reload(socket, file).await?;
    let hub = link.destination.to_string();
    let is_connected = |status: &Value| {
        let connections = &status["hub_connections"];
        connections["state"] == "connected" && connections["address"] == hub.as_str()
    };
    let status = running::poll(socket, CONNECTED, is_connected).await?;
    match is_connected(&status) {
        true => Ok(Edge::Connected {
            after: told.elapsed(),
        }),
        false => {
            let trouble = status["hub_connections"]["trouble"].as_str();
            let trouble = trouble.map(str::to_owned);
            Ok(Edge::NotConnected { trouble })
        }
    }
}

impl Edge {
    /// It does not do what it should with the link.
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            Self::NotConnected { .. } | Self::NotReloaded(NotReloaded::Refuses { .. })
        )
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let state = match self {
            Self::Connected { .. } => "connected",
            Self::NotConnected { .. } => "not-connected",
            Self::NotReloaded(NotReloaded::NotRunning) => "not-running",
            Self::NotReloaded(NotReloaded::Refuses { .. }) => "refuses",
            Self::NotReloaded(NotReloaded::Untold { .. }) => "untold",
            Self::NotReloaded(NotReloaded::OtherSettings { .. }) => "other-settings",
        };
        json!({ "state": state, "text": self.to_string() })
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
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
            Self::NotReloaded(NotReloaded::NotRunning) => f.write_str(START),
            Self::NotReloaded(why) => why.fmt(f),
        }
    }
}

/// What to do where no edge runs.
pub const START: &str = "start the edge with it: systemctl start manypath-edge (or: manypath edge)";

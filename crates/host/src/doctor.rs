//! Whether the PC has what it takes, and what to do where it hasn't. Pure: facts in, findings out.

use std::fmt;

use serde::{Deserialize, Serialize};

mod checks;

#[cfg(test)]
mod tests;

pub use checks::examine;

/// What is known of the PC. Recorded by `manypath doctor --record`, so that what a user's PC does can be
/// replayed as a test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Windows.
    pub windows: Windows,
    /// WSL, if it is installed.
    pub wsl: Option<Wsl>,
    /// Values below WSL's policies, as name and number.
    pub policies: Vec<(String, u32)>,
    /// The physical network cards.
    pub cards: Vec<Card>,
    /// Whether Windows switches Wi-Fi off when Ethernet is there (`fMinimizeConnections`).
    pub minimizes_connections: bool,
    /// Whether a group policy says so, which this PC's owner can't change.
    pub connections_are_forced: bool,
    /// The service, if it is installed.
    pub service: Option<Service>,
}

/// Windows itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Windows {
    /// Such as "Windows 11 Home".
    pub name: String,
    /// The build, such as 22631.
    pub build: u32,
    /// Whether computecore.dll and computenetwork.dll are there: they come with the Virtual Machine
    /// Platform.
    pub has_vm_platform: bool,
}

/// WSL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wsl {
    /// Such as "2.4.13.0"; empty if WSL is the one that came with Windows, which has no version.
    pub version: String,
    /// Networking mode by `.wslconfig` or, where it names none, by default; in small letters.
    pub wanted_mode: String,
}

/// A physical network card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Card {
    /// What Windows calls it.
    pub alias: String,
    /// Whether it is an uplink by the settings.
    pub wanted: bool,
    /// Whether it is connected to something.
    pub connected: bool,
    /// Its switch, if it has one.
    pub switch: Option<String>,
    /// Why it has no switch.
    pub problem: Option<String>,
}

/// The service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Whether it runs and answers.
    pub running: bool,
    /// Whether it is to bring everything up.
    pub up: bool,
    /// The user whose WSL is used.
    pub user: Option<String>,
    /// Why the edge does not run.
    pub trouble: Option<String>,
    /// The edge, if it runs.
    pub edge: Option<Edge>,
}

/// The edge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Edge {
    /// The kernel it runs on.
    pub kernel: String,
    /// The one that it is to run on, if that is known.
    pub wanted_kernel: Option<String>,
    /// Whether the one that it runs on has Multipath TCP.
    pub has_mptcp: bool,
    /// Networking mode that WSL really uses, in small letters, if the edge could tell.
    pub mode: Option<String>,
    /// The hub; `None` in single mode.
    pub hub: Option<String>,
    /// Its uplinks.
    pub uplinks: Vec<Uplink>,
}

/// An uplink as the edge sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Uplink {
    /// Its name.
    pub name: String,
    /// Whether the hub answers over it.
    pub answers: bool,
    /// What it is worth and why, in words.
    pub reason: String,
}

/// What was found out about one prerequisite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, such as "WSL".
    pub subject: String,
    /// How it is.
    pub verdict: Verdict,
    /// In words.
    pub text: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// What `--fix` would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Works, but could be better.
    Warning,
    /// Keeps Manypath from working.
    Problem,
    /// Can't be known yet.
    Unknown,
}

/// What `--fix` can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fix {
    /// Install WSL and the Virtual Machine Platform (`wsl --install --no-distribution`).
    InstallWsl,
    /// Bring WSL up to date (`wsl --update`).
    UpdateWsl,
    /// Let Windows keep Wi-Fi beside Ethernet.
    KeepConnections,
    /// Start the service.
    StartService,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
            Self::Unknown => "unknown",
        })
    }
}

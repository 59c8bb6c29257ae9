//! What came of it, for people and for programs. Without secrets.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::edge::{Edge, START};

/// One step of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was done.
    pub step: &'static str,
    /// How long it took; zero where nothing was waited for.
    pub took: Duration,
    /// What there is to say, or why it failed and what to do.
    pub result: Result<String, String>,
}

/// A way to the hub that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The uplink's name.
    pub uplink: String,
    /// Its interface.
    pub interface: Option<String>,
    /// The uplink's address that was connected from.
    pub local: Option<IpAddr>,
    /// The steps, up to the first one that the rest needs and that failed.
    pub checks: Vec<Check>,
}

/// Everything that was tried, and what came of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// Host and port of the hub.
    pub hub: String,
    /// Finding the hub's addresses, if it has a name.
    pub name: Option<Check>,
    /// The ways to it.
    pub ways: Vec<Way>,
    /// What was done then.
    pub outcome: Outcome,
}

/// What was done with the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No way leads to the hub.
    Refused,
    /// Nothing was to be written.
    DryRun,
    /// The settings have this link already.
    Present {
        /// What a running edge makes of it.
        edge: Edge,
    },
    /// The link is in the settings.
    Written {
        /// The file.
        file: PathBuf,
        /// The hubs that were there.
        before: Option<String>,
        /// What a running edge makes of it.
        edge: Edge,
    },
    /// There were no settings; now there are.
    Created {
        /// The file.
        file: PathBuf,
    },
    /// There are no settings, and what the uplinks are can't be known.
    Unwritten,
}

impl Check {
    /// Whether MPTCP is spoken.
    pub const MPTCP: &str = "MPTCP";
    /// Whether the hub knows the user; the last step.
    pub const SECRET: &str = "secret";
}

impl Way {
    /// Whatever way the kernel takes.
    pub fn any() -> Self {
        Self {
            uplink: "this machine's default route".to_owned(),
            interface: None,
            local: None,
            checks: Vec::new(),
        }
    }

    fn has_passed(&self, step: &str) -> bool {
        let mut checks = self.checks.iter();
        checks.any(|check| check.step == step && check.result.is_ok())
    }

    /// Connections can go this way.
    pub fn works(&self) -> bool {
        self.has_passed(Check::SECRET)
    }
}

impl Report {
    pub fn new(hub: String) -> Self {
        Self {
            hub,
            name: None,
            ways: Vec::new(),
            outcome: Outcome::Refused,
        }
    }

    /// At least one way leads to the hub.
    pub fn is_good(&self) -> bool {
        self.ways.iter().any(Way::works)
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.is_good() {
            return warnings;
        }
        for way in self.ways.iter().filter(|way| !way.works()) {
            warnings.push(format!("{} does not reach the hub", way.title()));
        }
        let good = || self.ways.iter().filter(|way| way.works());
        if !good().any(|way| way.has_passed(Check::MPTCP)) {
            warnings.push("MPTCP is spoken nowhere, so uplinks can't be joined".to_owned());
        }
        warnings
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let ways: Vec<Value> = self.ways.iter().map(Way::json).collect();
        let (outcome, file) = self.outcome.words();
        let edge = self.outcome.edge().map(Edge::json);
        json!({
            "hub": self.hub,
            "good": self.is_good(),
            "name": self.name.as_ref().map(Check::json),
            "ways": ways,
            "warnings": self.warnings(),
            "outcome": outcome,
            "file": file,
            "edge": edge,
        })
    }
}

impl Check {
    fn json(&self) -> Value {
        let (Ok(words) | Err(words)) = &self.result;
        json!({
            "step": self.step,
            "passed": self.result.is_ok(),
            "milliseconds": (!self.took.is_zero()).then(|| millis(self.took)),
            "text": words,
        })
    }
}

impl Way {
    fn json(&self) -> Value {
        let checks: Vec<Value> = self.checks.iter().map(Check::json).collect();
        json!({
            "uplink": self.uplink,
            "interface": self.interface,
            "address": self.local,
            "works": self.works(),
            "mptcp": self.has_passed(Check::MPTCP),
            "checks": checks,
        })
    }

    fn title(&self) -> String {
        match &self.interface {
            Some(interface) if *interface != self.uplink => {
                format!("{} ({interface})", self.uplink)
            }
            _ => self.uplink.clone(),
        }
    }
}

impl Outcome {
    /// What a running edge makes of the link, if there was something to tell it.
    pub fn edge(&self) -> Option<&Edge> {
        match self {
            Self::Present { edge } | Self::Written { edge, .. } => Some(edge),
            _ => None,
        }
    }

    /// One word for programs, and the file.
    fn words(&self) -> (&'static str, Option<String>) {
        let name = |file: &PathBuf| Some(file.display().to_string());
        match self {
            Self::Refused => ("refused", None),
            Self::DryRun => ("dry-run", None),
            Self::Present { .. } => ("present", None),
            Self::Written { file, .. } => ("written", name(file)),
            Self::Created { file } => ("created", name(file)),
            Self::Unwritten => ("unwritten", None),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "hub {}", self.hub)?;
        if let Some(name) = &self.name {
            write!(f, "{name}")?;
        }
        for way in &self.ways {
            writeln!(f, "{}", way.title())?;
            for check in &way.checks {
                write!(f, "{check}")?;
            }
        }
        for warning in self.warnings() {
            writeln!(f, "warning: {warning}")?;
        }
        write!(f, "{}", self.outcome)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = match self.took {
            Duration::ZERO => String::new(),
            took => format!("{:.1} ms", millis(took)),
        };
        let (sign, words) = match &self.result {
            Ok(words) => ("ok", words),
            Err(words) => ("FAILED", words),
        };
        writeln!(f, "  {:<8} {sign:<6} {took:>11}  {words}", self.step)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused | Self::Unwritten => Ok(()),
            Self::DryRun => writeln!(f, "the link is good; nothing was written"),
            Self::Present { edge } => {
                writeln!(f, "the settings have this link already\n{edge}")
            }
            Self::Written { file, before, edge } => {
                writeln!(f, "wrote the link into {}", file.display())?;
                if let Some(before) = before {
                    writeln!(f, "it replaces the hub {before}")?;
                }
                writeln!(f, "{edge}")
            }
            Self::Created { file } => writeln!(
                f,
                "made {} with the link and the uplinks that were found; look through it\n{START}",
                file.display()
            ),
        }
    }
}

fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 10_000.0).round() / 10.0
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;

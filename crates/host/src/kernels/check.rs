//! What runs, what is installed, and whether that is the same: `manypath kernel check`. Pure.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where the kernel comes from that WSL is to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// `manypath kernel install`.
    Installed,
    /// It came with the program.
    Program,
    /// The settings name it.
    Settings,
    /// WSL's own, or what the user has in .wslconfig.
    Theirs,
}

/// What the service says of kernels, as part of its status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernels {
    /// Where the wanted one comes from.
    pub origin: Origin,
    /// The release of the wanted one, if it is known.
    pub wanted: Option<String>,
    /// The one that is installed, and proved to work.
    pub installed: Option<String>,
    /// The one before it.
    pub previous: Option<String>,
    /// Whether a new one is being tried.
    pub trying: bool,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The wanted kernel runs.
    Right,
    /// Another one runs.
    Other,
    /// A new one is being tried.
    Trying,
    /// No edge runs that could say what does.
    NotRunning,
    /// There is none to compare with.
    NothingToCompare,
}

/// The comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The release that runs, from the edge in the guest (`uname -r`).
    pub running: Option<String>,
    /// Whether it has Multipath TCP.
    pub mptcp: Option<bool>,
    /// What is wanted and installed.
    #[serde(flatten)]
    pub kernels: Kernels,
    /// What comes of it.
    pub verdict: Verdict,
}

/// Compares what the service's status says. `None` if the service is of a version that does not tell.
pub fn compare(status: &Value) -> Option<Report> {
    let kernels = Kernels::deserialize(&status["kernels"]).ok()?;
    let running = status["kernel"].as_str().map(str::to_owned);
    let verdict = match (&running, &kernels.wanted) {
        _ if kernels.trying => Verdict::Trying,
        (None, _) => Verdict::NotRunning,
        (Some(_), None) => Verdict::NothingToCompare,
        (Some(running), Some(wanted)) if running == wanted => Verdict::Right,
        (Some(_), Some(_)) => Verdict::Other,
    };
    Some(Report {
        running,
        mptcp: status["mptcp"].as_bool(),
        kernels,
        verdict,
    })
}

impl Report {
    /// What there is, and what to do about it.
    pub fn advice(&self) -> &'static str {
        match (self.verdict, self.kernels.origin) {
            (Verdict::Right, _) => "the wanted kernel runs",
            (Verdict::Other, _) => {
                "another kernel runs: the wanted one counts when WSL starts the next time, so run wsl --shutdown; \
                 manypath doctor says whether something keeps it out"
            }
            (Verdict::Trying, _) => "a new kernel is being tried",
            (Verdict::NotRunning, _) => {
                "no edge runs, so nobody can say which kernel does; run manypath up"
            }
            (Verdict::NothingToCompare, Origin::Settings) => {
                "the settings name a kernel of their own, of which nothing more is known"
            }
            (Verdict::NothingToCompare, Origin::Program | Origin::Installed) => {
                "nothing more is known of the kernel that came with the program"
            }
            (Verdict::NothingToCompare, Origin::Theirs) => {
                "no kernel of Manypath's is installed; see manypath kernel install"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(running: Value, wanted: Value, trying: bool) -> Value {
        json!({
            "kernel": running, "mptcp": true,
            "kernels": {
                "origin": "installed", "wanted": wanted, "installed": "6.1", "previous": null, "trying": trying,
            },
        })
    }

    #[test]
    fn what_runs_is_compared_with_what_is_wanted() {
        let verdict = |running: Value, wanted: Value, trying| {
            compare(&status(running, wanted, trying)).unwrap().verdict
        };
        assert_eq!(verdict(json!("6.2"), json!("6.2"), false), Verdict::Right);
        assert_eq!(verdict(json!("6.1"), json!("6.2"), false), Verdict::Other);
        assert_eq!(verdict(json!("6.2"), json!("6.2"), true), Verdict::Trying);
        assert_eq!(
            verdict(json!(null), json!("6.2"), false),
            Verdict::NotRunning
        );
        assert_eq!(
            verdict(json!("6.2"), json!(null), false),
            Verdict::NothingToCompare
        );
        assert_eq!(compare(&json!({ "kernel": "6.2" })), None);
    }

    #[test]
    fn scripts_get_it_in_one_object() {
        let report = compare(&status(json!("6.1"), json!("6.2"), false)).unwrap();
        assert!(report.advice().contains("wsl --shutdown"));
        let expected = json!({
            "running": "6.1", "mptcp": true, "origin": "installed", "wanted": "6.2", "installed": "6.1",
            "previous": null, "trying": false, "verdict": "other",
        });
        assert_eq!(serde_json::to_value(report).unwrap(), expected);
    }
}

//! How everything is, for people and scripts.

use std::time::Instant;

use channel::Mptcp;
use serde::Serialize;
use serde_json::Value;

use super::Service;
use crate::control::Answer;
use crate::goal::Goal;
use crate::kernels::check::Kernels;
use crate::supervisor::Phase;
use crate::wiring::CardReport;

/// What `manypath status --json` shows.
#[derive(Debug, Serialize)]
struct Status<'a> {
    version: &'static str,
    /// `up`, `down` or `gone`.
    goal: Goal,
    /// What the service does: `idle`, `waiting`, `preparing`, `starting`, `running` or `stopping`.
    phase: &'static str,
    /// Seconds until the next try while it waits, else since when it does this.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
    /// Whose WSL is used.
    user: Option<&'a str>,
    /// Why the last edge ended.
    trouble: Option<&'a str>,
    settings: SettingsStatus<'a>,
    /// Whether Windows' traffic is sent to the edge.
    captures: bool,
    cards: &'a [CardReport],
    problems: Vec<&'a str>,
    /// The one that runs.
    kernel: Option<&'a str>,
    /// Those that are installed.
    kernels: Kernels,
    networking: Option<&'a str>,
    /// Whether that kernel has Multipath TCP.
    mptcp: Option<bool>,
    /// The edge's own status; null while it can't be asked.
    edge: &'a Value,
}

#[derive(Debug, Serialize)]
struct SettingsStatus<'a> {
    file: String,
    error: Option<&'a str>,
}

impl Service {
    pub(super) fn status(&self, edge: &Value) -> Answer {
        let user = self.supervisor.user();
        let hello = self.edge.as_ref().and_then(|it| it.hello.as_ref());
        let (phase, seconds) = phase(self.supervisor.phase());
        let status = Status {
            version: env!("CARGO_PKG_VERSION"),
            goal: self.goal,
            phase,
            seconds,
            user: user.map(|seat| seat.account.name.as_str()),
            trouble: self.supervisor.trouble(),
            settings: SettingsStatus {
                file: self.store.settings().display().to_string(),
                error: self.config.error(),
            },
            captures: !self.gateways().is_empty() && self.problems.routes.is_none(),
            cards: &self.report.cards,
            problems: self.all_problems(),
            kernel: hello.map(|it| it.kernel.as_str()),
            kernels: self.kernels(),
            networking: hello.and_then(|it| it.networking.as_deref()),
            mptcp: hello.map(|it| it.mptcp == Mptcp::Available),
            edge,
        };
        match serde_json::to_value(status) {
            Ok(status) => Answer::Status(status),
            Err(error) => Answer::Refused(error.to_string()),
        }
    }

    fn all_problems(&self) -> Vec<&str> {
        let Self {
            problems, report, ..
        } = self;
        let own = [
            &problems.notifications,
            &problems.network,
            &problems.sessions,
            &problems.connections,
            &problems.routes,
            &problems.names,
            &problems.proxy,
        ];
        let edge = self.edge.as_ref();
        let refused = edge.and_then(|it| it.refused.as_deref());
        let differences = edge.into_iter().flat_map(|it| &it.differences);
        let differences = differences.map(String::as_str);
        let own = own.into_iter().filter_map(|it| it.as_deref());
        let set_up = problems.set_up.iter().map(String::as_str);
        let report = report.problems.iter().map(String::as_str);
        own.chain(refused)
            .chain(differences)
            .chain(set_up)
            .chain(report)
            .collect()
    }
}

fn phase(phase: &Phase) -> (&'static str, Option<u64>) {
    let now = Instant::now();
    let since = |at: &Instant| Some(now.saturating_duration_since(*at).as_secs());
    match phase {
        Phase::Idle => ("idle", None),
        Phase::Waiting(until) => (
            "waiting",
            Some(until.saturating_duration_since(now).as_secs()),
        ),
        Phase::Preparing(at) => ("preparing", since(at)),
        Phase::Starting(at) => ("starting", since(at)),
        Phase::Running(at) => ("running", since(at)),
        Phase::Stopping(at) => ("stopping", since(at)),
    }
}

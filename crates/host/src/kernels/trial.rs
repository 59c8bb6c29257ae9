//! Whether a new kernel works: the VM is ended and started with it, and an edge must say hello from it in
//! time. Else the former one comes back. Pure: events and the clock in, actions out.

use std::time::{Duration, Instant};

use kernelpack::Release;

/// How long the VM may take to come up with the kernel, from when it was started to the edge's hello.
pub const LIMIT: Duration = Duration::from_secs(60);

/// How long everything before may take: the edge's end, `wsl --shutdown`, and a distribution's import.
const PREPARING: Duration = Duration::from_secs(120);

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// No edge runs, and none is about to.
    Idle,
    /// `wsl.exe` was started, and so was the VM.
    Launched,
    /// WSL could not be prepared.
    Failed(&'a str),
    /// An edge runs on this kernel.
    Greeted(&'a str),
    /// Time has passed.
    Tick,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// End the VM, and start an edge with the new kernel.
    Boot,
    /// The new kernel works: keep it.
    Keep,
    /// It does not. Put the former one back, and end the edge, if one runs.
    RollBack,
    /// The former one is back. End the VM, and start an edge as ever.
    Finish(Failure),
}

/// Why a kernel is not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing came.
    #[error("WSL did not come up with {0} within {limit} s", limit = LIMIT.as_secs())]
    Silent(Release),
    /// It did not get as far.
    #[error("WSL could not be prepared for {0} within {limit} s", limit = PREPARING.as_secs())]
    Slow(Release),
    /// It could not be tried.
    #[error("WSL could not be prepared for {0}: {1}")]
    Unprepared(Release, String),
    /// The VM runs with another kernel.
    #[error(
        "WSL came up with {found} in place of {wanted}: does a policy of the computer, safeMode in .wslconfig, or another program choose the kernel?"
    )]
    Other {
        /// What was to run.
        wanted: Release,
        /// What runs.
        found: String,
    },
    /// Somebody wanted something else meanwhile.
    #[error(
        "the trial of {0} was broken off: nobody is logged on any more, or Manypath was stopped"
    )]
    Abandoned(Release),
}

/// A trial under way.
#[derive(Debug)]
pub struct Trial {
    release: Release,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The edge on the former kernel is to end.
    Halting { until: Instant },
    /// The VM is to come up.
    Booting { until: Instant, launched: bool },
    /// The edge on the new kernel is to end.
    Returning(Failure),
}

impl Trial {
    /// Of this kernel.
    pub fn new(release: Release, now: Instant) -> Self {
        Self {
            release,
            stage: Stage::Halting {
                until: now + PREPARING,
            },
        }
    }

    /// Whether an edge is to run.
    pub fn wants_edge(&self) -> bool {
        matches!(self.stage, Stage::Booting { .. })
    }

    /// Takes an event in.
    pub fn handle(&mut self, event: &Event<'_>, now: Instant) -> Option<Action> {
        let release = self.release.clone();
        match (&mut self.stage, event) {
            (Stage::Halting { until }, Event::Idle) => {
                let until = *until;
                self.stage = Stage::Booting {
                    until,
                    launched: false,
                };
                Some(Action::Boot)
            }
            (Stage::Booting { until, launched }, Event::Launched) => {
                // Further tries of the same VM get no more time.
                if !std::mem::replace(launched, true) {
                    *until = now + LIMIT;
                }
                None
            }
            (Stage::Booting { .. }, Event::Greeted(found)) if *found == release.as_str() => {
                Some(Action::Keep)
            }
            (Stage::Booting { .. }, Event::Greeted(found)) => {
                let found = (*found).to_owned();
                self.roll_back(Failure::Other {
                    wanted: release,
                    found,
                })
            }
            (
                Stage::Booting {
                    launched: false, ..
                },
                Event::Failed(why),
            ) => self.roll_back(Failure::Unprepared(release, (*why).to_owned())),
            (Stage::Booting { .. }, Event::Idle) => self.roll_back(Failure::Abandoned(release)),
            (
                Stage::Booting {
                    until,
                    launched: true,
                },
                Event::Tick,
            ) if now >= *until => self.roll_back(Failure::Silent(release)),
            (Stage::Halting { until } | Stage::Booting { until, .. }, Event::Tick)
                if now >= *until =>
            {
                self.roll_back(Failure::Slow(release))
            }
            (Stage::Returning(failure), Event::Idle) => Some(Action::Finish(failure.clone())),
            _ => None,
        }
    }

    fn roll_back(&mut self, failure: Failure) -> Option<Action> {
        self.stage = Stage::Returning(failure);
        Some(Action::RollBack)
    }
}

#[cfg(test)]
#[path = "trial_tests.rs"]
mod tests;

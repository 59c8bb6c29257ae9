//! What a scenario has while it is done.

use std::cell::RefCell;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use super::fixtures::Fixtures;
use super::recording::{FaultPlan, Recording};
use super::site::{Mode, Site};
use super::web::Web;

/// One set-up in one mode, for one scenario.
pub(super) struct Stage<'a> {
    pub(super) site: &'a Site,
    pub(super) fixtures: &'a Fixtures,
    pub(super) mode: Mode,
    recording: RefCell<Option<Recording>>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(site: &'a Site, fixtures: &'a Fixtures, mode: Mode) -> Self {
        Self {
            site,
            fixtures,
            mode,
            recording: RefCell::default(),
        }
    }

    pub(super) fn quick(&self) -> bool {
        self.fixtures.quick()
    }

    /// A folder of this run's own, which goes with the value.
    pub(super) fn folder(&self) -> anyhow::Result<TempDir> {
        tempfile::Builder::new()
            .prefix("manypath-evaluate-")
            .tempdir()
            .context("cannot make a folder; check TMPDIR and the space there")
    }

    /// nginx on the origin, with the fixtures.
    pub(super) fn web(&self, folder: &Path) -> anyhow::Result<Web> {
        Web::start(self.site, self.fixtures, folder)
    }

    /// How long what has no end of its own is done: in the mode backup, until some time after the link's
    /// return.
    pub(super) fn length(&self) -> Duration {
        let fault = FaultPlan::new(self.quick());
        match self.mode {
            Mode::Aggregation => fault.end(),
            Mode::Backup => fault.end() + fault.after,
        }
    }

    /// Does `work` and records what the links carry meanwhile. In the mode backup the first link is
    /// pulled and comes back; `work` has to take longer than that.
    pub(super) fn record<T>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<(T, Recording)> {
        let fault = match self.mode {
            Mode::Aggregation => None,
            Mode::Backup => Some(FaultPlan::new(self.quick())),
        };
        let links = &self.site.links;
        let (working, done) = mpsc::channel();
        let (result, recording) = std::thread::scope(|scope| {
            let recorder = scope.spawn(move || Recording::make(links, fault, &done));
            let result = work();
            drop(working);
            let recording = recorder
                .join()
                .unwrap_or_else(|cause| std::panic::resume_unwind(cause));
            (result, recording)
        });
        let recording = recording?;
        *self.recording.borrow_mut() = Some(recording.clone());
        let result = result?;
        if let Some(plan) = fault {
            anyhow::ensure!(
                recording.length > plan.end(),
                "was done before the link came back: nothing is known about the take-over"
            );
        }
        Ok((result, recording))
    }

    /// The last one, also of work that failed.
    pub(super) fn into_recording(self) -> Option<Recording> {
        self.recording.into_inner()
    }
}

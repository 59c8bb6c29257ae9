//! Which kernel WSL is to start, and the trial of a new one.

use std::sync::mpsc::Sender;
use std::time::Instant;

use kernelpack::{FileName, Manifest};
use wslconfig::Kernel;

use super::Service;
use crate::causes::with_causes;
use crate::control::Answer;
use crate::goal::Goal;
use crate::kernels::check::{Kernels, Origin};
use crate::kernels::trial::{Action, Event, Failure, Trial};
use crate::kernels::{Record, shelf::Shelf};
use crate::setup;
use crate::store::{Store, StoreError};
use crate::supervisor::Phase;

/// Installed kernels, and the trial of one.
pub(super) struct Installed {
    shelf: Shelf,
    record: Record,
    trial: Option<(Trial, Sender<Answer>)>,
    /// The VM must end before the next edge starts, as it may run with another kernel.
    pub(super) end_vm: bool,
}

impl Installed {
    /// A trial that was broken off by the service's end has failed.
    pub(super) fn load(shelf: Shelf, store: &Store) -> Result<Self, StoreError> {
        let record = store.kernels()?;
        let end_vm = record.trying.is_some();
        if let Some(tried) = &record.trying {
            tracing::warn!(
                "the trial of the kernel {tried} was broken off; the former one comes back"
            );
            store.set_kernels(&record.clone().rolled_back())?;
        }
        let record = record.rolled_back();
        Ok(Self {
            shelf,
            record,
            trial: None,
            end_vm,
        })
    }

    /// Whether an edge may run: a trial ends the one from before.
    pub(super) fn allow_edge(&self) -> bool {
        self.trial
            .as_ref()
            .is_none_or(|(trial, _)| trial.wants_edge())
    }

    fn kernel(&self) -> Option<Kernel> {
        self.shelf.kernel(self.record.wanted()?)
    }
}

impl Service {
    /// What .wslconfig is to say.
    pub(super) fn wanted_kernel(&self) -> setup::WantedKernel {
        let guest = self.config.settings().cloned().unwrap_or_default().guest;
        if !guest.manage_wslconfig {
            return setup::WantedKernel::Theirs;
        }
        let kernel = guest.kernel.map(Kernel::from);
        let kernel = kernel
            .or_else(|| self.installed.kernel())
            .or_else(|| self.image.kernel.clone());
        kernel.map_or(setup::WantedKernel::Former, setup::WantedKernel::Ours)
    }

    /// For the status.
    pub(super) fn kernels(&self) -> Kernels {
        let guest = self.config.settings().cloned().unwrap_or_default().guest;
        let Installed {
            shelf,
            record,
            trial,
            ..
        } = &self.installed;
        let release = |id: &FileName| Some(shelf.manifest(id).ok()?.release.to_string());
        let origin = match () {
            () if !guest.manage_wslconfig => Origin::Theirs,
            () if guest.kernel.is_some() => Origin::Settings,
            () if self.installed.kernel().is_some() => Origin::Installed,
            () if self.image.kernel.is_some() => Origin::Program,
            () => Origin::Theirs,
        };
        let wanted = record.wanted().filter(|_| origin == Origin::Installed);
        Kernels {
            origin,
            wanted: wanted.and_then(release),
            installed: record.current.as_ref().and_then(release),
            previous: record.previous.as_ref().and_then(release),
            trying: trial.is_some(),
        }
    }

    /// Tries a kernel that is on the shelf. Answers when it is known whether it stays.
    pub(super) fn try_kernel(&mut self, id: FileName, answer: Sender<Answer>) {
        let started = self.may_try(&id).and_then(|manifest| {
            self.remember(self.installed.record.with_trial(id))?;
            Ok(manifest.release)
        });
        match started {
            Ok(release) => {
                tracing::info!("the kernel {release} is tried: the edge and the VM end first");
                self.installed.trial = Some((Trial::new(release, Instant::now()), answer));
                self.want();
            }
            // Who asked may have gone.
            Err(why) => drop(answer.send(Answer::Refused(why))),
        }
    }

    fn may_try(&self, id: &FileName) -> Result<Manifest, String> {
        let guest = self.config.settings().cloned().unwrap_or_default().guest;
        let why_not = match () {
            () if self.installed.trial.is_some() => {
                "another kernel is being tried; wait until that is over"
            }
            () if !guest.manage_wslconfig => {
                "guest.manage_wslconfig is off in the settings, so Manypath chooses no kernel"
            }
            () if guest.kernel.is_some() => {
                "the settings name a kernel of their own (guest.kernel); take that out first"
            }
            () if self.goal != Goal::Up => {
                "Manypath is down; run manypath up, for a kernel is tried before it stays"
            }
            () if self.supervisor.user().is_none() => {
                "nobody is logged on in whose WSL the kernel could be tried"
            }
            () => {
                let manifest = self.installed.shelf.manifest(id).map_err(with_causes)?;
                let is_whole = self.installed.shelf.kernel(id).is_some();
                return is_whole
                    .then_some(manifest)
                    .ok_or_else(|| format!("the kernel {id} is not installed"));
            }
        };
        Err(why_not.to_owned())
    }

    /// Time has passed, and the edge may have ended.
    pub(super) fn go_on_trying(&mut self) {
        if *self.supervisor.phase() == Phase::Idle {
            self.tried(&Event::Idle);
        }
        self.tried(&Event::Tick);
    }

    /// Something has happened that may concern a trial.
    pub(super) fn tried(&mut self, event: &Event<'_>) {
        let Some((trial, _)) = &mut self.installed.trial else {
            return;
        };
        match trial.handle(event, Instant::now()) {
            None => {}
            Some(Action::Boot) => {
                self.installed.end_vm = true;
                self.want();
            }
            Some(Action::Keep) => self.keep(),
            Some(Action::RollBack) => {
                let record = self.installed.record.clone().rolled_back();
                if let Err(error) = self.remember(record.clone()) {
                    tracing::error!("{error}");
                    // The next start of the service takes it for a trial that was broken off.
                    self.installed.record = record;
                }
                self.installed.end_vm = true;
                self.want();
            }
            Some(Action::Finish(failure)) => self.finish(&failure),
        }
    }

    fn keep(&mut self) {
        let record = self.installed.record.clone().kept();
        let answer = match self.remember(record.clone()) {
            Ok(()) => {
                self.installed.shelf.clear_but(record.in_use());
                Answer::Done("WSL runs with the new kernel, and keeps it".to_owned())
            }
            Err(why) => Answer::Refused(format!(
                "WSL runs with the new kernel, but that can't be remembered: {why}"
            )),
        };
        self.answer_trial(answer);
    }

    fn finish(&mut self, failure: &Failure) {
        let problems = self.problems.set_up.iter().map(|it| format!("; {it}"));
        let why = format!(
            "{failure}{}; the former kernel is back",
            problems.collect::<String>()
        );
        self.answer_trial(Answer::Refused(why));
        self.want();
    }

    fn answer_trial(&mut self, answer: Answer) {
        tracing::info!("the trial of a kernel is over: {answer:?}");
        if let Some((_, asked)) = self.installed.trial.take() {
            // Who asked may have gone.
            let _ = asked.send(answer);
        }
    }

    /// On the disk first, so that a trial that is broken off is known of.
    fn remember(&mut self, record: Record) -> Result<(), String> {
        self.store.set_kernels(&record).map_err(with_causes)?;
        self.installed.record = record;
        Ok(())
    }
}
